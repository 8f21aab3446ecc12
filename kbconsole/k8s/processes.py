"""Running helm and cilium: an argument list, a kubeconfig of its own, a clean environment, and an end in any case."""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kbconsole.k8s.private_folder import private_folder, write_private
from kbconsole.k8s.redaction import Redactor

KILL_SECONDS = 10.0
"""How long a process that was asked to end may take: helm and cilium write down that they were interrupted."""
KEPT = 1 << 20
TIMEOUT = "timeout"
_CHUNK = 1 << 16
_PAUSE = 0.5
_DIES_WITH_ITS_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)
Lines = Sequence[tuple[str, str]]
"""Redacted lines, each with the stream that it is of: `stdout` or `stderr`."""


@dataclass(frozen=True, repr=False)
class Command:
    """What is run. `binary` is a path; `kubeconfig` and `stdin` are texts; `secrets` are never told to anybody."""

    binary: str
    args: tuple[str, ...]
    kubeconfig: str
    stdin: str = ""
    seconds: float = 600.0
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Command {Path(self.binary).name} {self.args[:2]}>"


@dataclass(frozen=True)
class Exit:
    """How it ended: `code` is negative for a signal; `why` is "", TIMEOUT, or what `stop` answered.

    `stdout` is not redacted, for parsing alone; `cut`: there was more than is kept.
    """

    code: int
    why: str
    stdout: str
    cut: bool


def run(command: Command, *, on_lines: Callable[[Lines], None], stop: Callable[[], str]) -> Exit:
    """Run it to its end. `on_lines` gets what it prints twice a second; `stop` is asked as often, "" lets it go on.

    Whatever happens, also in `on_lines`, nothing of its process group is left. Raises OSError if it cannot be started.
    """
    with private_folder() as folder:
        write_private(folder / "kubeconfig", command.kubeconfig)
        process = subprocess.Popen(
            [command.binary, *command.args], cwd=folder, env=_environment(folder), start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=_die_with_parent,
        )  # fmt: skip
        following = _Following(process, command)
        try:
            why = following.watch(on_lines, stop)
        finally:
            _end(process)
        return following.rest(on_lines, why)


def _environment(folder: Path) -> dict[str, str]:
    """Return the whole environment of the child: nothing of ours, which has the keys of the console."""
    helm = {f"HELM_{kind}_HOME": str(folder / "helm" / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8",
        "NO_COLOR": "1", "TERM": "dumb", "KUBECONFIG": str(folder / "kubeconfig"), **helm,
    }  # fmt: skip


def _die_with_parent() -> None:
    """Let the kernel kill the child if its parent is killed: nobody would look after it any more."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIES_WITH_ITS_PARENT, signal.SIGKILL)


class _Reader:
    """Reads one stream in a thread, line by line; a line that does not end is taken in parts."""

    def __init__(self, name: str, stream: IO[bytes], lines: queue.SimpleQueue[tuple[str, str]]) -> None:
        self.kept = bytearray()
        self.cut = False
        self._name, self._stream, self._lines = name, stream, lines
        self.thread = threading.Thread(target=self._read, daemon=True, name=f"command-{name}")
        self.thread.start()

    def _read(self) -> None:
        with contextlib.suppress(ValueError, OSError):  # closed meanwhile
            while part := self._stream.readline(_CHUNK):
                room = KEPT - len(self.kept)
                self.cut = self.cut or len(part) > room
                self.kept += part[: max(room, 0)]
                if room > 0:
                    self._lines.put((self._name, part.decode(errors="replace").rstrip("\r\n")))


class _Following:
    """Watches a process that was started: what it prints, its time, and whether somebody wants it to stop."""

    def __init__(self, process: subprocess.Popen[bytes], command: Command) -> None:
        assert process.stdin and process.stdout and process.stderr  # noqa: S101  all are pipes
        self._process, self._until = process, time.monotonic() + command.seconds
        self._lines: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._redactors = {name: Redactor(command.secrets) for name in ("stdout", "stderr")}
        self._out = _Reader("stdout", process.stdout, self._lines)
        self._err = _Reader("stderr", process.stderr, self._lines)
        threading.Thread(target=_feed, args=(process.stdin, command.stdin), daemon=True).start()

    def watch(self, on_lines: Callable[[Lines], None], stop: Callable[[], str]) -> str:
        """Return when the process has ended, "", or why it has to."""
        while self._process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_PAUSE)
            on_lines(self._taken())
            if why := stop() or (TIMEOUT if time.monotonic() > self._until else ""):
                return why if self._process.poll() is None else ""
        return ""

    def rest(self, on_lines: Callable[[Lines], None], why: str) -> Exit:
        """Return how it ended, when all that it printed was told."""
        for reader in (self._out, self._err):
            reader.thread.join(timeout=2)
        on_lines(self._taken())
        text = self._out.kept.decode(errors="replace")
        return Exit(self._process.returncode, why, text, self._out.cut)

    def _taken(self) -> Lines:
        found = []
        with contextlib.suppress(queue.Empty):
            while True:
                name, text = self._lines.get_nowait()
                if kept := self._redactors[name].line(text).strip():
                    found.append((name, kept))
        return found


def _feed(stdin: IO[bytes], text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        stdin.write(text.encode())
        stdin.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and all that it has started: first by asking, then without."""
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(KILL_SECONDS)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
