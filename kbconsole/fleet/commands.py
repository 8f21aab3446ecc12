"""Steps that run helm or cilium, or let a person run it.

A command may take minutes and a worker holds a step for seconds. So the change only starts a process of its own
(kbconsole/fleet/command_keeper.py), and the step's check waits for its end like for anything else: a worker that is
killed meanwhile is replaced, a retry starts it anew, and cancelling the run ends it. Where the console has no such
tool, or neither its credential nor an installer's may install, the step needs a person: who gives such a credential,
after which the console runs it, or runs it elsewhere. It goes on when the API shows the result.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import yaml
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet.access import installer_client
from kbconsole.fleet.command_models import CommandRun, CommandStatus
from kbconsole.fleet.installing import row_of
from kbconsole.fleet.preflight.installer import administers
from kbconsole.fleet.tools import TOOLS, Tool, check_arguments
from kbconsole.jobs.definition import (
    Change,
    Check,
    Diff,
    Finding,
    ObjectDiff,
    Outcome,
    Step,
    Touch,
    Touched,
    Verdict,
    actions,
)
from kbconsole.jobs.execution import current_step
from kbconsole.jobs.models import RunStep, StepStatus
from kbconsole.k8s.errors import Unauthorised
from kbconsole.k8s.processes import TIMEOUT

SECONDS = 600
LOST, CANCELLED, STOPPED, FAILED_TO_START, TAKEN = "lost", "cancelled", "stopped", "not_started", "taken"
_AFTERWARDS = 120
"""How many seconds the check of a command may go on waiting for the plane after the command's own time is over."""

declare(
    {
        "fleet.run_command": _("Run %(command)s on %(plane)s"),
        "fleet.command_ended": _("Wait for %(command)s on %(plane)s"),
        "fleet.command_runs": _("%(command)s runs on %(plane)s; its lines appear below."),
        "fleet.command_own": _("With the console's own credential of %(plane)s."),
        "fleet.command_line": "%(text)s",
        "fleet.command_cut": _("It prints more than is kept; the rest is not shown."),
        "fleet.command_failed": _("%(command)s failed on %(plane)s (exit code %(code)s): %(last)s"),
        "fleet.command_failed_fix": _(
            "Read its lines below and mend what they name, then choose Retry: it is safe to run again."
        ),
        "fleet.command_in_progress_fix": _(
            "An earlier run of it was interrupted and left its mark. Look at it with: %(look)s. Take the mark away by "
            "“helm rollback”, or “helm uninstall” where nothing was installed before, then choose Retry."
        ),
        "fleet.command_silent": _("it said nothing"),
        "fleet.command_timeout": _(
            "%(command)s did not end on %(plane)s within %(seconds)s s and was ended. Look at what it waited for, "
            "then choose Retry."
        ),
        "fleet.command_lost": _(
            "%(command)s was lost on %(plane)s: the machine that ran it, or its process, is gone. What it had done by "
            "then stays. Choose Retry; it is safe to run again."
        ),
        "fleet.command_stopped": _(
            "%(command)s was ended on %(plane)s because the console was stopped. Choose Retry; it is safe to run again."
        ),
        "fleet.command_taken": _(
            "%(command)s was ended on %(plane)s because somebody took away the installer credential that it used. What "
            "it had done by then stays. Choose Retry: the step then says what is needed to run it again."
        ),
        "fleet.command_cancelled": _("%(command)s was ended on %(plane)s because the run was cancelled."),
        "fleet.command_not_started": _(
            "%(command)s could not be started for %(plane)s: the log of the worker says why. Mend that, then choose "
            "Retry."
        ),
        "fleet.command_no_tool": _(
            "The console has no %(tool)s. Run the command below with an administrator's kubeconfig that has the "
            "context %(plane)s, then choose Verify. (An operator of the console can give it %(tool)s: docs/install.md.)"
        ),
        "fleet.command_no_rights": _(
            "The console's credential may not administer %(plane)s, as it should be. Either give %(plane)s an "
            "installer credential (Fleet, then %(plane)s) and choose Verify: the console then runs the command itself. "
            "Or run the command below with an administrator's kubeconfig that has the context %(plane)s, then choose "
            "Verify."
        ),
        "fleet.command_installer_refused": _(
            "%(plane)s does not accept its installer credential any more. Either give it another one (Fleet, then "
            "%(plane)s) and choose Verify, or run the command below with an administrator's kubeconfig that has the "
            "context %(plane)s, then choose Verify."
        ),
        "fleet.command_seen": _("Run it, then choose Verify. At the last look: %(seen)s"),
        "fleet.stays_command": _(
            "%(plane)s: what this command did stays, since the console knows none that takes it back: %(command)s"
        ),
        "fleet.stays_by_hand": _(
            "%(plane)s: a person ran this command, or it was found done. What it did stays; take it back by hand if "
            "nobody needs it: %(command)s"
        ),
        "fleet.command_more": _(
            "%(command)s on %(plane)s printed more than the console keeps, so what it said is unknown. Run it yourself "
            "to read all of it."
        ),
        "fleet.not_json": _("%(command)s on %(plane)s printed no JSON that can be read. Read its lines below."),
    }
)  # fmt: skip


@actions.register
@dataclass(frozen=True)
class RunCommand(Change):
    """Run a tool against a plane, by an argument list without a shell.

    `args` begin with the subcommand and name neither kubeconfig nor context. `values` are Helm values, given on
    standard input and so never split at commas. `planes` are further planes whose contexts the kubeconfig has
    (destinations of a mesh). `seconds` is when it is ended. `undo` are the arguments of what takes it back, `undone` is
    the canonical form of the check that tells that this has worked. Raises ValueError for what the console would never
    run.
    """

    slug: ClassVar[str] = "run-command"
    lasts: ClassVar[bool] = True
    plane: str
    tool: str
    args: tuple[str, ...]
    values: dict[str, Any] | None = None
    planes: tuple[str, ...] = ()
    seconds: int = SECONDS
    undo: tuple[str, ...] = ()
    undone: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        for name in ("args", "planes", "undo"):  # lists, where it was stored
            object.__setattr__(self, name, tuple(getattr(self, name)))
        check_arguments(self.kind, self.args)
        if self.undo:
            check_arguments(self.kind, self.undo)

    @property
    def kind(self) -> Tool:
        return TOOLS[self.tool]

    @property
    def short(self) -> str:
        """The tool and its subcommand: `helm upgrade`."""
        words = []
        for arg in self.args:
            if arg.startswith("-"):
                break
            words.append(arg)
        return " ".join([self.tool, *words[: 2 if self.tool == "cilium" else 1]])

    @property
    def wants_json(self) -> bool:
        pairs = zip(self.args, (*self.args[1:], ""), strict=True)
        return any(
            (flag in ("-o", "--output") and word == "json") or flag == "--output=json" for flag, word in pairs
        )

    @property
    def ref(self) -> dict[str, str]:
        return {"apiVersion": "kbconsole", "kind": "Command", "namespace": "", "name": self.short}

    def argv(self) -> tuple[str, ...]:
        """Return the whole argument list after the binary."""
        given = ("--values", "-") if self.values is not None else ()
        return (self.kind.context, self.plane, *self.args, *given)

    def stdin(self) -> str:
        return "" if self.values is None else yaml.safe_dump(self.values, sort_keys=False, allow_unicode=True)

    def label(self) -> Sentence:
        return say("fleet.run_command", command=self.short, plane=self.plane)

    def commands(self) -> list[str]:
        line = shlex.join([self.tool, *self.argv()])
        return [f"{line} <<'EOF'\n{self.stdin()}EOF" if self.values is not None else line]

    def diff(self) -> Diff:
        """What a command would change only it knows; that it runs is what is approved."""
        return Diff((ObjectDiff(Touch.UPDATED, self.ref),))

    def by_hand(self) -> Sentence | None:
        """Return why a person has to run it, or None. Asks the plane."""
        words = {"tool": self.tool, "plane": self.plane}
        if not self.kind.binary:
            return say("fleet.command_no_tool", **words)
        for plane in (self.plane, *self.planes):
            if why := self._refused(plane):
                return why
        return None

    def _refused(self, plane: str) -> Sentence | None:
        try:
            if administers(installer_client(plane)):
                return None
        except Unauthorised:
            if row_of(plane) is None:
                raise
            return say("fleet.command_installer_refused", plane=plane)
        return say("fleet.command_no_rights", tool=self.tool, plane=plane)

    def carry_out(self) -> Outcome:
        """Start it, or find it started; the step's check waits for its end."""
        step = RunStep.objects.select_related("run").get(pk=current_step())
        key = {"step": step, "attempt": step.run.attempt}
        row = CommandRun.objects.filter(**key).first()
        if row is None and self.by_hand() is not None:
            return Outcome()
        if row is None:
            row, _made = CommandRun.objects.get_or_create(**key, defaults={"command": self.canonical()})
        if row.status == CommandStatus.STARTING:  # of two processes one takes it
            _start(row.pk)
        return Outcome((Touched(Touch.UPDATED, self.ref),))

    def inverse(self, outcome: Outcome) -> Change | None:
        """Only what this console ran itself is taken back, and only where it can be told that it worked."""
        if not self.undo or not self.undone or not outcome.touched:
            return None
        return RunCommand(
            self.plane, self.tool, self.undo, planes=self.planes, seconds=self.seconds, undone=self.undone
        )

    def stays(self, outcome: Outcome) -> Sentence | None:
        words = {"plane": self.plane, "command": shlex.join([self.tool, *self.args])}
        if not outcome.touched:
            return say("fleet.stays_by_hand", **words)
        return say("fleet.stays_command", **words)

    def as_step(self, *, on: str, phase: str, gate: bool = False) -> Step:
        """Return the step of an inverse: it is waited for and verified like any command, or a person runs it."""
        assert self.undone is not None, "only an inverse is asked for its step"  # noqa: S101
        return command_step(self, phase=phase, verify=Check.load(self.undone), gate=gate)


def _start(row: int) -> None:
    """Start the process that looks after a command. It leaves this worker at once, so waiting costs an instant."""
    subprocess.run(
        [sys.executable, "-m", "kbconsole.fleet.command_process", str(row)],
        cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL, check=False, timeout=60,
    )  # fmt: skip


class Judge(Check):
    """A check that can also judge what a command answered as JSON, for tools whose exit code says too little."""

    @abstractmethod
    def judge(self, answer: Json) -> Finding:
        """Say what the answer is worth. WAIT is no answer here: the command has ended."""


@actions.register
@dataclass(frozen=True)
class CommandEnded(Check):
    """Wait for the command of this step, then see by `verify` that it did what it was for.

    Where a person runs it, `verify` alone decides. Both fields are canonical forms.
    """

    slug: ClassVar[str] = "command-ended"
    command: dict[str, Any]
    verify: dict[str, Any]

    @property
    def _change(self) -> RunCommand:
        change = Change.load(self.command)
        assert isinstance(change, RunCommand)  # noqa: S101
        return change

    @property
    def _check(self) -> Check:
        return Check.load(self.verify)

    def label(self) -> Sentence:
        return say("fleet.command_ended", command=self._change.short, plane=self._change.plane)

    def commands(self) -> list[str]:
        return self._check.commands()

    def look(self) -> Finding:
        step = RunStep.objects.select_related("run").get(pk=current_step())
        row = command_of(step)
        words = {"command": self._change.short, "plane": self._change.plane}
        if row is None:
            return self._ask_a_person(step, words)
        if row.dead:
            _give_up(row)
        if row.open:
            return Finding(Verdict.WAIT, say("fleet.command_runs", **words))
        return self._judged(row, words)

    def _ask_a_person(self, step: RunStep, words: Mapping[str, str]) -> Finding:
        seen = self._check.look()
        if seen.verdict in (Verdict.PASS, Verdict.WARN):
            return seen
        why = self._change.by_hand()
        if why is not None:
            return Finding(Verdict.PERSON, why, say("fleet.command_seen", seen=seen.sentence))
        # What was missing has been given meanwhile, and the person has chosen Verify: the console runs it, and what it
        # then touches is taken back by an undo.
        outcome = self._change.carry_out().to_json()
        held = RunStep.objects.filter(pk=step.pk, token=step.token, status=StepStatus.RUNNING)
        held.update(outcome=outcome)  # of a step that another worker has by now, that one writes
        return Finding(Verdict.WAIT, say("fleet.command_runs", **words))

    def _judged(self, row: CommandRun, words: Mapping[str, str]) -> Finding:
        check = self._check
        if not row.why and isinstance(check, Judge) and self._change.wants_json:
            if row.answer is not None:
                return check.judge(row.answer)
            if row.exit_code == 0 and printed_more(row):
                return Finding(Verdict.WARN, say("fleet.command_more", **words))
            if row.exit_code == 0:
                return Finding(Verdict.FAIL, say("fleet.not_json", **words))
        if row.why or row.exit_code != 0:
            return _failure(row, self._change, words)
        return check.look()


def _give_up(row: CommandRun) -> None:
    """Write down that nobody looks after the command any more; who still does sees it, and ends the command."""
    why = LOST if row.started_at else FAILED_TO_START
    CommandRun.objects.filter(pk=row.pk, status=row.status, beat_at=row.beat_at).update(
        status=CommandStatus.ENDED, why=why, ended_at=timezone.now()
    )
    row.refresh_from_db()


def _failure(row: CommandRun, change: RunCommand, words: Mapping[str, str]) -> Finding:
    if row.why == TIMEOUT:
        return Finding(Verdict.FAIL, say("fleet.command_timeout", seconds=change.seconds, **words))
    if row.why in (LOST, CANCELLED, STOPPED, FAILED_TO_START, TAKEN):
        return Finding(Verdict.FAIL, say(f"fleet.command_{row.why}", **words))
    last: Json = row.tail[-1] if row.tail else say("fleet.command_silent")
    fix = say("fleet.command_failed_fix")
    if any("another operation" in line and "in progress" in line for line in row.tail):
        look = shlex.join(["helm", change.kind.context, change.plane, "list", "--all", "--all-namespaces"])
        fix = say("fleet.command_in_progress_fix", look=look)
    return Finding(Verdict.FAIL, say("fleet.command_failed", code=row.exit_code, last=last, **words), fix)


def command_step(
    command: RunCommand, *, phase: str, verify: Check, gate: bool = False, blocks: bool = True, wait: int = _AFTERWARDS
) -> Step:  # fmt: skip
    """Return the step that runs a command and proves by `verify` that it worked.

    `verify` looks through the API, in seconds; a `Judge` is given the JSON that the command printed, if it ran here.
    `wait`: how many seconds `verify` may answer WAIT afterwards.
    """
    check = CommandEnded(command.canonical(), verify.canonical())
    deadline = command.seconds + wait
    return Step(
        on=command.plane,
        phase=phase,
        change=command,
        check=check,
        gate=gate,
        blocks=blocks,
        deadline=deadline,
    )


def command_of(step: RunStep) -> CommandRun | None:
    """Return the execution of a step's command in the run's present attempt; what an earlier one said is over."""
    return CommandRun.objects.filter(step=step, attempt=step.run.attempt).first()


def printed_more(row: CommandRun) -> bool:
    """Return whether a command printed more than is kept, so that what is not there may have been said."""
    return row.step.events.filter(sentence__code="fleet.command_cut", at__gte=row.created_at).exists()


def last_lines(lines: Sequence[str]) -> list[str]:
    """Return what is kept to say why a command failed."""
    return [line[:500] for line in lines[-5:]]
