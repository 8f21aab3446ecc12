"""What beat asks for once a day: verify the log, keep the result for the page, publish the head."""

from __future__ import annotations

import logging

from celery import shared_task

from kbconsole.audit import heads
from kbconsole.audit.verification import check, verify

logger = logging.getLogger(__name__)


@shared_task(name="audit.daily", soft_time_limit=3500, time_limit=3600)
def daily() -> None:
    """Verify before publishing: what is published today must not hide what was cut off yesterday."""
    path = heads.default_file()
    verdict = verify(heads.read(path) if path.exists() else None)
    check(verdict=verdict)
    if verdict.problem is not None:
        logger.error("The audit log is broken at entry %s. %s", verdict.bad_seq, verdict.problem)
    heads.publish(path)
