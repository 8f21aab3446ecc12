"""Waking workers. A lost message is harmless: beat sends it again from the rows."""

from __future__ import annotations

import logging
from datetime import timedelta

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from kombu.exceptions import KombuError, OperationalError

from kbconsole.jobs.models import ACTIVE, Run, RunStatus, StepStatus

logger = logging.getLogger(__name__)


def wake(run_id: int) -> None:
    """Send the run's id once the transaction has committed."""
    transaction.on_commit(lambda: send(run_id))


def send(run_id: int) -> None:
    """Send the run's id now; note when. A broker that is down is only logged."""
    Run.objects.filter(pk=run_id).update(sent_at=timezone.now())
    try:
        current_app.send_task("jobs.advance", [run_id], retry=False)
    except (OperationalError, KombuError, OSError) as error:
        logger.warning(
            "the broker did not take run %s (%s); beat will send it again", run_id, type(error).__name__
        )


def due() -> list[int]:
    """Return the active runs that somebody should look at now."""
    now = timezone.now()
    old = now - timedelta(seconds=settings.KBCONSOLE_LEASE_SECONDS)
    parked = Q(steps__status__in=[StepStatus.WAITING, StepStatus.NEEDS_PERSON], steps__next_at__lte=now)
    moving = Q(status__in=[RunStatus.QUEUED, RunStatus.RUNNING])
    forgotten = moving & ~Q(steps__status=StepStatus.RUNNING) & (Q(sent_at__isnull=True) | Q(sent_at__lt=old))
    cancelled = Q(cancel_requested=True)
    runs = Run.objects.filter(status__in=ACTIVE)
    return sorted(set(runs.filter(parked | forgotten | cancelled).values_list("pk", flat=True)))
