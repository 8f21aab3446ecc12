"""Folders in memory for what must not reach a disk: one per command, for its user alone, gone with it.

The one who uses a folder holds a lock on a file in it. What nobody holds any more was left by a process that was
killed, and is swept when a worker or a command starts.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_FRESH = 60.0
"""How many seconds a folder without its lock may be one that is just being made."""
_LOCK = "lock"


def base() -> Path:
    """Return the folder of all of them. Raises PermissionError where somebody else made it."""
    shared = Path("/dev/shm")  # noqa: S108  memory; what is in it is ours alone
    runtime = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    memory = shared if os.access(shared, os.W_OK) else Path(tempfile.gettempdir())
    above = Path(runtime) if runtime else memory
    folder = above / f"kbconsole-commands-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not a folder of this user alone; remove it")
    return folder


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Yield a folder of mode 0700 that is removed at the end, whatever happens."""
    folder = Path(tempfile.mkdtemp(dir=base()))
    lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 that was not there. Raises FileExistsError."""
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text, encoding="utf-8")


def sweep() -> int:
    """Remove what killed processes left. Returns how many folders that were."""
    return sum(_swept(folder) for folder in base().iterdir() if folder.is_dir() and not folder.is_symlink())


def _swept(folder: Path) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        with contextlib.suppress(FileNotFoundError):
            if time.time() - folder.stat().st_mtime > _FRESH:
                shutil.rmtree(folder, ignore_errors=True)
                return True
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        shutil.rmtree(folder, ignore_errors=True)
        return True
    finally:
        os.close(lock)
