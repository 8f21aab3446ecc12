"""Child processes that are ended by their number, and ports that nobody takes between two starts."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

HOST = "127.0.0.1"
END_SECONDS = 10.0


class Port:
    """A free port on loopback, kept: our own socket holds it without listening, the server shares it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._socket.bind((HOST, 0))
        self.number: int = self._socket.getsockname()[1]

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.number}"

    def close(self) -> None:
        self._socket.close()


class Child:
    """A process that can be started again. It inherits the environment, by which the run's guard knows it."""

    def __init__(self, name: str, command: Sequence[str | Path], log: Path, **environment: str) -> None:
        self.name = name
        self._command = [os.fspath(word) for word in command]
        self._log = log
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **self._environment},
            )

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once, frozen or not. Nothing that matters is on its disk."""
        if self._process is not None:
            self.signal(signal.SIGKILL)
            self._process.wait(END_SECONDS)
            self._process = None

    def last_words(self) -> str:
        """Return the end of its log, for a failing start."""
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        return "\n".join(text.splitlines()[-15:])
