"""Driving runs in tests: what workers and beat do, in this process, until nothing more happens."""

from __future__ import annotations

from time import monotonic, sleep

from kbconsole.jobs import claims, runner, waking
from kbconsole.jobs.models import Run


def drive(run: Run | int, *, seconds: float = 20) -> Run:
    """Carry a run on until it ends, or needs a person, or the time is over."""
    run_id = run if isinstance(run, int) else run.pk
    until = monotonic() + seconds
    while monotonic() < until:
        runner.advance(run_id)
        now = Run.objects.get(pk=run_id)
        if not now.active or not now.steps.exclude(status__in=_STILL).exists():
            return now
        claims.reap()
        waking.due()
        sleep(0.02)
    return Run.objects.get(pk=run_id)


_STILL = ("succeeded", "failed", "errored", "skipped", "cancelled", "needs_person")
