"""One folder for all that a test run makes, and a process that removes it however the run ends."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
VARIABLE = "KBCONSOLE_TEST_FOLDER"
END_SECONDS = 20.0


def run_folder() -> Path:
    """Return the folder of this test run; the first call of a run makes it and starts its guard.

    TMPDIR lies in it from then on. Every child process inherits its name, which is the mark by which the guard
    finds it: when the run ends, also by SIGKILL, the guard ends all processes whose environment or working folder
    names this folder, and removes it. A child that gets an environment of its own needs TMPDIR, or any other value
    that names a folder inside; one that clears its own environment (PostgreSQL) is found by its working folder.
    Its path is short, because the path of a Unix socket has at most 107 characters.
    """
    if VARIABLE not in os.environ:
        folder = _guarded()
        os.environ[VARIABLE] = str(folder)
        os.environ["TMPDIR"] = str(folder / "tmp")
        tempfile.tempdir = None  # it is remembered from before
    return Path(os.environ[VARIABLE])


def worker_folder() -> Path:
    """Return the part of it that belongs to this process of pytest-xdist, or to the only process."""
    folder = run_folder() / os.environ.get("PYTEST_XDIST_WORKER", "main")
    folder.mkdir(exist_ok=True)
    return folder


def _guarded() -> Path:
    """Start a guard, which neither Ctrl-C nor a kill of our group reaches, and return its folder."""
    guard = subprocess.Popen(
        [sys.executable, "-m", "tests.guard.watch"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert guard.stdin is not None
    assert guard.stdout is not None
    owner, held = os.getpid(), guard.stdin

    def finish() -> None:
        """Wait for it, so that whoever waits for us finds nothing left."""
        if os.getpid() == owner:
            held.close()
            guard.wait(END_SECONDS)

    atexit.register(finish)
    with guard.stdout as answer:
        return Path(answer.readline().decode().strip())
