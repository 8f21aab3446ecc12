"""The real `manage.py demo` in a process of its own: started, read, stopped, and looked after."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psycopg

from tests import production
from tests.guard.processes import processes_of

ROOT = Path(__file__).parents[2]
KEPT = ("PATH", "HOME", "LANG", "TMPDIR")
STOP_SECONDS = 20.0
LINK = re.compile(r"^ +(\w+) +(http://\S+/demo/sign-in/\S+/)$", re.MULTILINE)
PASSWORD = re.compile(r"with the password (\S+)")
COMPLETE = re.compile(r"The story is complete after (\d+) s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(what: str, done: Callable[[], bool], seconds: float) -> float:
    """Wait for something and return how long it took. Raises TimeoutError, which names it."""
    begun = monotonic()
    while not done():
        if monotonic() - begun > seconds:
            raise TimeoutError(f"after {seconds:.0f} s still not: {what}")
        sleep(0.05)
    return monotonic() - begun


class Demo:
    """One folder and port of a demo; it can be started and stopped several times."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.log = folder.with_name(folder.name + ".log")
        self.process: subprocess.Popen[bytes] | None = None
        self.servers = production.of_its_own()

    def environment(self) -> dict[str, str]:
        """Return what a person's shell would have: nothing of what tests/settings.py sets, but its servers."""
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        return {
            **kept,
            **self.servers,
            "KBCONSOLE_DATA_DIR": str(self.folder),
            "DJANGO_SETTINGS_MODULE": "kbconsole.demo.settings",
        }

    def start(self, *options: str) -> None:
        """Start it and wait until it has printed where it is. Raises TimeoutError or ChildProcessError."""
        command = [sys.executable, "manage.py", "demo", "--port", str(self.port), *options]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.wait_for(r"Ctrl-C stops all of it", 90)

    @property
    def said(self) -> str:
        """All that it has printed since it was started."""
        return self.log.read_text()

    def wait_for(self, pattern: str, seconds: float) -> float:
        """Wait until it has printed this; return the seconds. Raises ChildProcessError if it ends first."""

        def seen() -> bool:
            if re.search(pattern, self.said):
                return True
            if self.process is None or self.process.poll() is not None:
                raise ChildProcessError(f"the demo ended before it said {pattern!r}:\n{self.said}")
            return False

        return until(f"{pattern!r} in:\n{self.said}", seen, seconds)

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """Return rows of the console's own database, as a person with sqlite3 or psql would see them."""
        file = f"file:{self.folder / 'kbconsole.sqlite3'}?mode=ro"
        url = self.servers.get("DATABASE_URL")
        database: Any = psycopg.connect(url) if url else sqlite3.connect(file, uri=True)
        with closing(database):
            found: list[tuple[Any, ...]] = database.execute(
                f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1"
            ).fetchall()
            return found

    @property
    def links(self) -> dict[str, str]:
        return dict(LINK.findall(self.said))

    @property
    def password(self) -> str:
        found = PASSWORD.search(self.said)
        assert found, self.said
        return found[1]

    def printed_command(self, label: str) -> list[str]:
        """Return a command that it printed behind a label, such as "Break k8s-3"."""
        found = re.search(rf"^ +{re.escape(label)}: +(.+)$", self.said, re.MULTILINE)
        assert found, self.said
        return found[1].split()

    def run_printed(self, label: str) -> None:
        """Run such a command as a person at a second terminal in the same folder would."""
        subprocess.run(self.printed_command(label), cwd=ROOT, env=self.environment(), check=True, timeout=30)

    def answers(self) -> bool:
        with suppress(URLError, OSError), urlopen(f"{self.base}/sign-in/", timeout=2) as answer:
            return bool(answer.status == 200)
        return False

    def celery_worker(self) -> int:
        """Return the id of the worker's first process."""
        for pid in processes_of(self.folder):
            with suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if b"worker" in words and os.getsid(pid) == pid:
                    return pid
        raise ProcessLookupError("no Celery worker runs")

    def stop(self) -> int:
        """Press Ctrl-C and return the exit code. Raises TimeoutError if something is still there afterwards."""
        assert self.process
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(STOP_SECONDS)
        until(f"the end of {processes_of(self.folder)}", lambda: not processes_of(self.folder), 5)
        return code

    def end(self) -> list[int]:
        """Stop it whatever has happened; return which processes had to be killed."""
        with suppress(TimeoutError, subprocess.TimeoutExpired, AssertionError):
            self.stop()
        left = processes_of(self.folder)
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process:
            self.process.wait()
        return left
