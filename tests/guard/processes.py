"""Finding and ending the processes that belong to a folder. Linux: it reads /proc."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

# SIGTERM lets PostgreSQL wait for its clients, SIGINT does not; killed, it would leave a piece of shared memory.
STAGES = ((signal.SIGTERM, 1.5), (signal.SIGINT, 2.5), (signal.SIGKILL, 10.0))


def processes_of(folder: Path) -> list[int]:
    """Return the living processes whose environment or working folder names this folder or one inside it."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(_inside(value, folder) for value in _values(path)) and not _is_dead(path):
                found.append(int(path.name))
    return found


def end(folder: Path) -> list[int]:
    """Ask all of them to end, then kill those that did not and what they started; return who is still there."""
    for number, seconds in STAGES:
        until = monotonic() + seconds
        asked: set[int] = set()
        while (left := processes_of(folder)) and monotonic() < until:
            for pid in left if number == signal.SIGKILL else set(left) - asked:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
            asked.update(left)
            sleep(0.05)
    return processes_of(folder)


def _values(process: Path) -> Iterator[str]:
    """Yield where it works and the values of its environment as it was when it started."""
    yield str((process / "cwd").readlink())
    for entry in (process / "environ").read_bytes().split(b"\0"):
        yield entry.partition(b"=")[2].decode(errors="replace")


def _inside(value: str, folder: Path) -> bool:
    return value == str(folder) or value.startswith(f"{folder}/")


def _is_dead(process: Path) -> bool:
    return "\nState:\tZ" in (process / "status").read_text()
