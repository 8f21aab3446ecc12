"""Driving runs in tests: what workers and beat do, in this process, until nothing more happens."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic, sleep

from django.utils import timezone

from kbconsole.jobs import claims, runner
from kbconsole.jobs.cautions import cautions_of
from kbconsole.jobs.models import Plan, Run, RunStep, StepStatus
from kbconsole.jobs.order import ready

WORKERS_TAKE = 3  # times as long: messages, and processes that share the machine


@dataclass
class Hands:
    """Who carries runs on: this process, or Celery's workers (the fixture `workers`), for whom it only waits."""

    own: bool = True


hands = Hands()


def drive(run: Run | int, *, seconds: float = 120) -> Run:
    """Carry a run on until it ends, or only a person can carry it on, or the time is over."""
    run_id = run if isinstance(run, int) else run.pk
    until = monotonic() + (seconds if hands.own else seconds * WORKERS_TAKE)
    while monotonic() < until:
        if hands.own:
            runner.advance(run_id)
            claims.reap()
        rows = list(RunStep.objects.filter(run=run_id).for_order())
        if _still(Run.objects.get(pk=run_id), rows):
            break
        sleep(_pause(rows))
    return Run.objects.get(pk=run_id)


def _pause(rows: list[RunStep]) -> float:
    """Return for how many seconds nothing is due, at most a tenth: looking costs what the planes need to answer."""
    now = timezone.now()
    due = [
        (row.next_at - now).total_seconds()
        for row in rows
        if row.next_at and row.status == StepStatus.WAITING
    ]
    return 0.02 if ready(rows, now) or not due else min(max(min(due), 0.0), 0.1)


def _still(run: Run, rows: list[RunStep]) -> bool:
    moving = any(row.status in (StepStatus.RUNNING, StepStatus.WAITING) for row in rows)
    a_persons = hands.own or any(row.status == StepStatus.NEEDS_PERSON for row in rows)
    # Between the end of a step and what follows from it, a worker's run looks as if nobody could carry it on.
    return not run.active or (a_persons and not (moving or ready(rows, timezone.now())))


def ticks(plan: Plan) -> list[str]:
    """Return what an approver ticks who has read all warnings."""
    return [caution.key for caution in cautions_of(plan)]
