"""Driving runs in tests: what workers and beat do, in this process, until nothing more happens."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic, sleep

from django.utils import timezone

from kbconsole.jobs import claims, runner
from kbconsole.jobs.cautions import cautions_of
from kbconsole.jobs.models import Plan, Run, StepStatus
from kbconsole.jobs.order import ready

WORKERS_TAKE = 3  # times as long: messages, and processes that share the machine


@dataclass
class Hands:
    """Who carries runs on: this process, or Celery's workers (the fixture `workers`), for whom it only waits."""

    own: bool = True


hands = Hands()


def drive(run: Run | int, *, seconds: float = 20) -> Run:
    """Carry a run on until it ends, or only a person can carry it on, or the time is over."""
    run_id = run if isinstance(run, int) else run.pk
    until = monotonic() + (seconds if hands.own else seconds * WORKERS_TAKE)
    while monotonic() < until:
        if hands.own:
            runner.advance(run_id)
            claims.reap()
        if _still(run_id):
            break
        sleep(0.02)
    return Run.objects.get(pk=run_id)


def _still(run_id: int) -> bool:
    run = Run.objects.get(pk=run_id)
    rows = list(run.steps.all())
    moving = any(row.status in (StepStatus.RUNNING, StepStatus.WAITING) for row in rows)
    return not run.active or not (moving or ready(rows, timezone.now()))


def ticks(plan: Plan) -> list[str]:
    """Return what an approver ticks who has read all warnings."""
    return [caution.key for caution in cautions_of(plan)]
