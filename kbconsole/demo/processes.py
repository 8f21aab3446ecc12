"""Child processes of the demo: started, started again when they die, and all stopped together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

STOP_SECONDS = 8.0
PYTHON = sys.executable


@dataclass
class Child:
    """One process in its own group, so that Ctrl-C reaches only its parent, which stops all in order."""

    name: str
    command: Sequence[str]
    log: Path
    again: bool = True
    process: subprocess.Popen[bytes] | None = None
    starts: list[float] = field(default_factory=list)

    def start(self) -> None:
        self.starts.append(monotonic())
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    @property
    def code(self) -> int | None:
        """The exit code, None while it runs."""
        return self.process.poll() if self.process else None

    def hopeless(self) -> bool:
        """Whether it died five times within half a minute."""
        return len(self.starts) >= 5 and self.starts[-1] - self.starts[-5] < 30

    def signal(self, number: int) -> None:
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, number)


class Children:
    """All of them. `say` prints a line for the person at the terminal."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self.all: list[Child] = []

    def start(self, name: str, *command: str, log: Path, again: bool = True) -> Child:
        child = Child(name, command, log, again)
        child.start()
        self.all.append(child)
        return child

    def look(self) -> None:
        """Start again what died. Raises ChildProcessError for one that keeps dying."""
        for child in self.all:
            if child.code is None or not child.again:
                continue
            if child.hopeless():
                raise ChildProcessError(
                    f"{child.name} keeps ending (code {child.code}); its log: {child.log}"
                )
            self._say(f"{child.name} ended (code {child.code}); started again.")
            child.start()

    def stop(self) -> None:
        """Ask all to end, last started first; kill what is left after some seconds."""
        for child in reversed(self.all):
            child.signal(signal.SIGTERM)
        until = monotonic() + STOP_SECONDS
        while monotonic() < until and any(child.process and child.code is None for child in self.all):
            sleep(0.05)
        for child in self.all:
            child.signal(signal.SIGKILL)
            if child.process:
                child.process.wait()
