"""Which steps may run now, and which can no longer be reached: a pure function of the rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from kbconsole.jobs.models import RunStep, StepStatus

_DEAD = (StepStatus.FAILED, StepStatus.ERRORED, StepStatus.SKIPPED, StepStatus.CANCELLED)


def _before(step: RunStep, rows: Iterable[RunStep]) -> list[RunStep]:
    """Return the steps that this one waits for."""
    gate = step.content["gate"]
    return [
        row
        for row in rows
        if (row.lane == step.lane and row.position < step.position)
        or (gate and row.lane != step.lane and row.phase_order < step.phase_order)
    ]


def _due(step: RunStep, now: datetime) -> bool:
    if step.status == StepStatus.PENDING:
        return True
    parked = step.status in (StepStatus.WAITING, StepStatus.NEEDS_PERSON)
    return parked and step.next_at is not None and step.next_at <= now


def _passed(step: RunStep) -> bool:
    return step.status == StepStatus.SUCCEEDED or (step.status in _DEAD and not step.content["blocks"])


def ready(rows: Sequence[RunStep], now: datetime) -> list[RunStep]:
    """Return the steps that may be claimed now, in order."""
    return [row for row in rows if _due(row, now) and all(_passed(e) for e in _before(row, rows))]


def unreachable(rows: Sequence[RunStep]) -> list[RunStep]:
    """Return the steps that wait for one that failed. Marking them may make further ones unreachable."""
    return [
        row
        for row in rows
        if row.status == StepStatus.PENDING
        and any(e.status in _DEAD and e.content["blocks"] for e in _before(row, rows))
    ]
