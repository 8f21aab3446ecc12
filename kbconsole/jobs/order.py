"""Which steps may run now, and which can no longer be reached: a pure function of the rows, linear in their number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from kbconsole.jobs.models import RunStep, StepStatus

_DEAD = (StepStatus.FAILED, StepStatus.ERRORED, StepStatus.SKIPPED, StepStatus.CANCELLED)


@dataclass(frozen=True)
class _Obstacles:
    """The rows that hold others up, as far as that matters.

    `first`: the lowest position of one in each lane. `earliest`: the lowest order of a phase with one in it, for the
    two lanes where it is lowest; one of these is not the lane of a step that asks.
    """

    first: dict[str, int]
    earliest: tuple[tuple[int, str], ...]

    @classmethod
    def of(cls, rows: Iterable[RunStep], holds: Callable[[RunStep], bool]) -> _Obstacles:
        first: dict[str, int] = {}
        phases: dict[str, int] = {}
        for row in filter(holds, rows):
            first[row.lane] = min(first.get(row.lane, row.position), row.position)
            phases[row.lane] = min(phases.get(row.lane, row.phase_order), row.phase_order)
        lowest = sorted((order, lane) for lane, order in phases.items())
        return cls(first, tuple(lowest[:2]))

    def before(self, step: RunStep) -> bool:
        """Return whether one of them is among the steps that this one waits for."""
        if self.first.get(step.lane, step.position) < step.position:
            return True
        gate = step.content["gate"]
        return gate and any(lane != step.lane and order < step.phase_order for order, lane in self.earliest)


def _due(step: RunStep, now: datetime) -> bool:
    if step.status == StepStatus.PENDING:
        return True
    parked = step.status in (StepStatus.WAITING, StepStatus.NEEDS_PERSON)
    return parked and step.next_at is not None and step.next_at <= now


def _unpassed(step: RunStep) -> bool:
    return step.status != StepStatus.SUCCEEDED and not (step.status in _DEAD and not step.content["blocks"])


def _lost(step: RunStep) -> bool:
    return step.status in _DEAD and bool(step.content["blocks"])


def ready(rows: Iterable[RunStep], now: datetime) -> list[RunStep]:
    """Return the steps that may be claimed now, in order."""
    rows = list(rows)
    obstacles = _Obstacles.of(rows, _unpassed)
    return [row for row in rows if _due(row, now) and not obstacles.before(row)]


def unreachable(rows: Sequence[RunStep]) -> list[RunStep]:
    """Return the steps that wait for one that failed. Marking them may make further ones unreachable."""
    obstacles = _Obstacles.of(rows, _lost)
    return [row for row in rows if row.status == StepStatus.PENDING and obstacles.before(row)]
