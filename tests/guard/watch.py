"""`python -m tests.guard.watch` makes a folder, prints its name, and empties it when its standard input ends."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from time import sleep

from tests.guard.processes import end

TRIES = 20


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    folder = Path(tempfile.mkdtemp(prefix="kbt-"))
    (folder / "tmp").mkdir()
    os.chdir("/")
    print(folder, flush=True)
    sys.stdin.buffer.read()
    left = end(folder)
    remove(folder)
    return 1 if left or folder.exists() else 0


def remove(folder: Path) -> None:
    """Remove it with what is unreadable or still being written by a process that is just ending."""
    for _ in range(TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        for path in (folder, *folder.rglob("*")):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)
        sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
