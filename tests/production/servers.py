"""PostgreSQL and Redis on free loopback ports, from the system's packages, without a thought for durability."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg
import redis

MISSING = "PostgreSQL 15 and Redis 7 or newer are needed, but {} is missing: apt-get install postgresql redis-server"
MANY = 128  # numbers of Redis
START_SECONDS = 60.0
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "dynamic_shared_memory_type=mmap")


def program(name: str) -> str:
    """Return where a program is. Raises SystemExit, which says how to install it."""
    folders = [
        str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    ]
    found = shutil.which(name, path=os.pathsep.join([*folders, os.environ["PATH"], "/usr/sbin"]))
    if found is None:
        raise SystemExit(MISSING.format(name))
    return found


def postgresql(folder: Path) -> str:
    """Start a server and return the address of its empty database. Raises ChildProcessError."""
    initdb, server = program("initdb"), program("postgres")
    folder.mkdir(mode=0o700)
    someone = _someone(folder)
    data, port = folder / "data", free_port()
    make: list[str | Path] = [
        initdb, "-D", data, "-U", "kbconsole", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions",
        "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US",  # orders words, not bytes
    ]  # fmt: skip
    subprocess.run(make, check=True, cwd=folder, stdout=subprocess.DEVNULL, **someone)
    options = [*QUICK, f"port={port}", "listen_addresses=127.0.0.1", "max_connections=300"]
    start = [server, "-D", data, "-k", folder, *(part for option in options for part in ("-c", option))]
    base = f"postgresql://kbconsole@127.0.0.1:{port}"
    _started(start, folder, lambda: psycopg.connect(f"{base}/postgres").close(), **someone)
    with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE kbconsole")
    return f"{base}/kbconsole"


def redis_server(folder: Path) -> str:
    """Start a server that keeps nothing and return its address. Raises ChildProcessError."""
    folder.mkdir(mode=0o700)
    port = free_port()
    options = {"port": port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "databases": MANY, "dir": folder,
               "set-proc-title": "no"}  # a title would hide its environment  # fmt: skip
    start = [
        program("redis-server"),
        *(part for name, value in options.items() for part in (f"--{name}", value)),
    ]
    url = f"redis://127.0.0.1:{port}"
    _started(start, folder, lambda: redis.Redis.from_url(url).ping())
    return url


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _version(folder: Path) -> float:
    return float(folder.parent.name)


def _someone(folder: Path) -> dict[str, Any]:
    """Return as whom PostgreSQL runs, since it refuses root, and give that user the folder."""
    if os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        raise SystemExit(MISSING.format("the user postgres, as whom PostgreSQL runs for root,")) from None
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _started(command: Sequence[object], folder: Path, answers: Callable[[], object], **someone: Any) -> None:
    """Start a server in a session of its own and wait until it answers. Raises ChildProcessError."""
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [str(part) for part in command], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, **someone,
        )  # fmt: skip
    until = monotonic() + START_SECONDS
    while True:
        try:
            answers()
        except (psycopg.OperationalError, redis.ConnectionError) as error:
            if server.poll() is not None or monotonic() > until:
                said = (folder / "log").read_text()[-2000:]
                raise ChildProcessError(f"{command[0]} did not start:\n{said}") from error
            sleep(0.05)
        else:
            return
