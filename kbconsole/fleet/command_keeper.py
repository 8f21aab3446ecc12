"""Looking after one command, in a process of its own (kbconsole/fleet/command_process.py).

It says every second that it is alive, writes what the command prints to the events of the run, ends it when the run is
cancelled, its time is over, somebody takes away the credential that it uses, or the console is stopped, and dies with
it: if this process is killed, the kernel kills the command.
"""

from __future__ import annotations

import json
import logging
import signal
import time
from contextlib import suppress
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Json, say
from kbconsole.fleet import access, installing
from kbconsole.fleet.command_models import CommandRun, CommandStatus, patience
from kbconsole.fleet.commands import CANCELLED, LOST, STOPPED, TAKEN, RunCommand, last_lines
from kbconsole.fleet.models import Credential, Purpose
from kbconsole.jobs.definition import Change, Level
from kbconsole.jobs.events import log
from kbconsole.jobs.models import ACTIVE, Run
from kbconsole.k8s import kubeconfig
from kbconsole.k8s.addresses import AddressRefused
from kbconsole.k8s.credentials import PlaneCredential
from kbconsole.k8s.private_folder import sweep
from kbconsole.k8s.processes import Command, Exit, Lines, run
from kbconsole.k8s.redaction import Redactor
from kbconsole.k8s.storable import storable

logger = logging.getLogger(__name__)
BEAT_SECONDS = 1.0
MOST_LINES = 1000
LONGEST_LINE = 1000
_COULD_NOT = 126
"""The exit code of what was not started, as a shell has it."""


class Keeper:
    """Looks after the command of one row."""

    def __init__(self, row: CommandRun) -> None:
        self.row = row
        self.stopped = False
        self.lines: list[str] = []
        self._untold: list[str] = []
        self._told = 0
        self._next_beat = 0.0
        self._heard = time.monotonic()
        self._why = ""
        self._used: list[Credential] = []
        change = Change.load(row.command)
        assert isinstance(change, RunCommand)  # noqa: S101  nothing else is stored there
        self.change = change

    def keep(self) -> None:
        """Run the command and write down how it ended. Whoever comes second does nothing."""
        now = timezone.now()
        mine = CommandRun.objects.filter(pk=self.row.pk, status=CommandStatus.STARTING)
        if not mine.update(status=CommandStatus.RUNNING, started_at=now, beat_at=now):
            return
        try:
            self._wait_for_older()
            why = self._stop()
            self._end(
                Exit(0, why, "", False) if why else run(self._command(), on_lines=self._tell, stop=self._stop)
            )
        except (ConsoleError, AddressRefused, OSError, ValueError) as error:
            self._tell([("stderr", str(error))])
            self._end(Exit(_COULD_NOT, "", "", False))
        except BaseException:
            self._end(Exit(_COULD_NOT, LOST, "", False))
            raise

    def _wait_for_older(self) -> None:
        """Wait while the command of an earlier attempt is being ended, so that never two run at once."""
        older = CommandRun.objects.filter(step=self.row.step_id, attempt__lt=self.row.attempt)
        while any(not row.dead for row in older.exclude(status=CommandStatus.ENDED)) and not self._stop():
            time.sleep(BEAT_SECONDS / 2)

    def _command(self) -> Command:
        """Return what is run, with the credentials of its planes. Raises what `_given` does."""
        change = self.change
        given = {plane: self._given(plane) for plane in (change.plane, *change.planes)}
        secrets = [part for one in given.values() for part in (one.token, one.client_key_pem)]
        return Command(
            binary=change.kind.binary, args=change.argv(), kubeconfig=kubeconfig.write(given),
            stdin=change.stdin(), seconds=change.seconds, secrets=tuple(secrets),
        )  # fmt: skip

    def _given(self, plane: str) -> PlaneCredential:
        """Return the credential that the tool gets of a plane, and say whose it is.

        Raises ConsoleError, AddressRefused, OSError, ValueError.
        """
        row, client = access.tool_credential(plane, self.row.step.run_id)
        client.groups()  # raises where another Kubernetes cluster answers by now
        secret = access.opened(row)
        installs = row.purpose == Purpose.INSTALLER
        said = installing.words_of(row) if installs else say("fleet.command_own", plane=plane)
        with transaction.atomic():
            log(self.row.step.run, said, step=self.row.step)
        self._used.append(row)
        return client.pinned(secret) if self.change.kind.pinned else secret

    def _stop(self) -> str:
        """Say that this process is alive; return why the command has to end, or "".

        A database that is away for a moment ends nothing; after a while others take this process for dead.
        """
        if self.stopped:
            return STOPPED
        if time.monotonic() < self._next_beat:
            return self._why
        self._next_beat = time.monotonic() + BEAT_SECONDS
        try:
            self._why = self._asked_to_stop()
            self._heard = time.monotonic()
        except DatabaseError:
            connection.close()
            if time.monotonic() - self._heard > patience().total_seconds():
                self._why = LOST
        return self._why

    def _asked_to_stop(self) -> str:
        mine = CommandRun.objects.filter(pk=self.row.pk, status=CommandStatus.RUNNING)
        if not mine.update(beat_at=timezone.now()):
            return LOST
        owner = (
            Run.objects.filter(steps=self.row.step_id).values("cancel_requested", "status", "attempt").get()
        )
        other = owner["status"] not in ACTIVE or owner["attempt"] != self.row.attempt
        if owner["cancel_requested"] or other:
            return CANCELLED
        return TAKEN if installing.taken_away(self._used) else ""

    def _tell(self, lines: Lines) -> None:
        """Append what was printed to the events of the run; JSON is for parsing, not for reading."""
        wanted = [text for stream, text in lines if not (stream == "stdout" and self.change.wants_json)]
        said = [storable(text[:LONGEST_LINE]) for text in wanted]
        self.lines = [*self.lines, *said][-20:]
        room = MOST_LINES - self._told
        self._told += len(said)
        self._untold += said[: max(room, 0)]
        if 0 <= room < len(said):
            self._untold.append("")
        self._flush()

    def _flush(self) -> None:
        if not self._untold:
            return
        try:
            self._write_events()
        except DatabaseError:  # with the next lines
            connection.close()

    def _write_events(self) -> None:
        step = self.row.step
        with transaction.atomic():
            for text in self._untold:
                said = say("fleet.command_line", text=text) if text else say("fleet.command_cut")
                log(step.run, said, level=Level.INFO if text else Level.WARN, step=step)
        self._untold = []

    def _end(self, ended: Exit) -> None:
        if ended.cut and self._told <= MOST_LINES:  # not said yet
            self._untold.append("")
            self._flush()
        answer = self._answer(ended) if self.change.wants_json and not ended.cut else None
        CommandRun.objects.filter(pk=self.row.pk, status=CommandStatus.RUNNING).update(
            status=CommandStatus.ENDED, ended_at=timezone.now(), exit_code=ended.code, why=ended.why, answer=answer,
            tail=last_lines(self.lines),
        )  # fmt: skip

    def _answer(self, ended: Exit) -> Json:
        with suppress(ValueError, RecursionError):
            return redacted(json.loads(storable(ended.stdout)), Redactor())
        return None


def redacted(value: Json, redactor: Redactor) -> Json:
    """Return JSON without what looks like a secret in any of its texts."""
    if isinstance(value, str):
        return redactor.text(value)
    if isinstance(value, dict):
        return {redactor.text(key): redacted(below, redactor) for key, below in value.items()}
    return [redacted(below, redactor) for below in value] if isinstance(value, list) else value


def main(pk: int) -> None:
    sweep()
    row = CommandRun.objects.select_related("step__run").get(pk=pk)
    keeper = Keeper(row)

    def stop(*_: Any) -> None:
        keeper.stopped = True

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        keeper.keep()
    except Exception:
        logger.exception("command %s stopped by a bug", pk)
    finally:
        connection.close()
