"""A worker and beat that carry on the runs of those tests that leave it to them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from kbconsole.celery import app
from tests.jobs.working import BEAT, WORKER, Processes

NAME = "carrier@localhost"


class Carriers:
    """Started by the first test that wants them. Between those that do, they do nothing at all."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._beat = 0
        self._processes: Processes | None = None

    def go_on(self) -> Processes:
        """Start them, or let their clock tick again."""
        if self._processes is None:
            self._processes = Processes(self._logs)
            self._processes.start(*WORKER, "--hostname", NAME)
            self._beat = self._processes.start(*BEAT).pid
            self._processes.wait_for(_idle)
        os.kill(self._beat, signal.SIGCONT)
        return self._processes

    def rest(self) -> None:
        """Stop the clock, forget what is waiting, and wait for the end of what is being done.

        What another test does then, and the emptying of its tables, meets no worker.
        """
        if self._processes:
            os.kill(self._beat, signal.SIGSTOP)
            app.control.purge()
            self._processes.wait_for(_idle)

    def end(self) -> None:
        """End them; somebody wants to have the broker alone, or the tests are over."""
        if self._processes:
            self._processes.end()
            self._processes = None


def _idle() -> bool:
    asked = app.control.inspect(destination=[NAME], timeout=2)
    answers = [asked.active(), asked.reserved()]
    return all(answer is not None and answer.get(NAME) == [] for answer in answers)
