"""Carrying out one step, in a thread: talks to planes, writes nothing to the rows of the run."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from dataclasses import dataclass

from django.db import connections

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import say
from kbconsole.jobs.definition import Finding, Outcome, Step, Verdict

logger = logging.getLogger(__name__)
_step: ContextVar[int] = ContextVar("step")


def current_step() -> int:
    """Return the id of the row that this thread carries out, for what outlives the thread. Raises LookupError."""
    return _step.get()


@dataclass(frozen=True)
class Result:
    """What became of one execution. `bug`: an unexpected exception. `trouble`: asking again may help."""

    outcome: Outcome | None = None
    finding: Finding | None = None
    bug: bool = False
    trouble: bool = False


def execute(step: Step, *, changed: bool, where: str) -> Result:
    """Carry out the change (unless it was already, and only the check is repeated), then look once."""
    outcome: Outcome | None = None
    try:
        if step.change is not None and not changed:
            outcome = step.change.carry_out()
        return Result(outcome=outcome, finding=step.check.look() if step.check else None)
    except ConsoleError as error:
        finding = Finding(Verdict.FAIL, error.sentence)
        return Result(outcome=outcome, finding=finding, trouble=error.retryable)
    except Exception:
        logger.exception("step %s stopped by a bug", where)
        return Result(
            outcome=outcome, finding=Finding(Verdict.FAIL, say("jobs.step_bug", where=where)), bug=True
        )


def execute_in_thread(step: Step, *, changed: bool, where: str, row: int = 0) -> Result:
    """Do the same in a thread of a pool, which must not keep a database connection. `row` is the step's id."""
    _step.set(row)
    try:
        return execute(step, changed=changed, where=where)
    finally:
        connections.close_all()
