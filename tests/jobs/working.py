"""Real Celery processes: worker and beat as they run in production, on the database of the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from django.db import connection

from tests.production import url_of
from tests.started import ROOT

CELERY = (sys.executable, "-m", "celery", "--app", "kbconsole", "--quiet")
WORKER = ("worker", "--include", "tests.jobs.folders", "--concurrency", "2", "--loglevel", "WARNING",
          "--without-gossip", "--without-mingle", "--without-heartbeat")  # fmt: skip
BEAT = ("beat", "--loglevel", "WARNING", "--pidfile", "")
PATIENCE = 60.0


def database_url() -> str:
    """Return the address of the database of the tests."""
    name = str(connection.settings_dict["NAME"])
    return f"sqlite:///{name}" if connection.vendor == "sqlite" else url_of(name)


class Processes:
    """Workers and beat, each with its children in a group of its own."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.all: list[subprocess.Popen[bytes]] = []
        self.env = {**os.environ, "DATABASE_URL": database_url(), "KBCONSOLE_BEAT_SECONDS": "0.3"}

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.logs / f"{len(self.all)}.log").open("wb") as log:
            process = subprocess.Popen(
                [*CELERY, *arguments], cwd=ROOT, env=self.env, stdout=log, stderr=log, start_new_session=True
            )
        self.all.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End a process and its children, at once and without a word."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def end(self) -> None:
        for process in self.all:
            self.kill(process)

    def said(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.logs.glob("*.log")))

    def wait_for(self, what: Callable[[], Any]) -> Any:
        """Return the first true answer. Raises AssertionError with what the processes said."""
        until = monotonic() + PATIENCE
        while monotonic() < until:
            if answer := what():
                return answer
            sleep(0.05)
        raise AssertionError(f"it did not happen; the processes said:\n{self.said()[-3000:]}")
