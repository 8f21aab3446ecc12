"""The two Celery tasks: carry a run on, and beat's tick that wakes what is due."""

from __future__ import annotations

from celery import shared_task

from kbconsole.jobs import claims, expiry, runner, waking


@shared_task(name="jobs.advance")
def advance(run_id: int) -> None:
    """Carry a run on for a slice; send it again if more is ready."""
    if runner.advance(run_id):
        waking.send(run_id)


@shared_task(name="jobs.tick")
def tick() -> None:
    """Take back what dead workers held, wake what is due, and expire plans that nobody decided in time."""
    for run_id in {*claims.reap(), *waking.due()}:
        waking.send(run_id)
    expiry.expire_due()
