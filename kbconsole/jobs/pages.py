"""What the pages of plans and runs share: who sees what, links to subjects, times in words."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from kbconsole.audit.object_links import url_for
from kbconsole.audit.services import recording_denials
from kbconsole.common.roles import Role, has_role
from kbconsole.common.sentences import say
from kbconsole.jobs.definition import CONSOLE, job_sentence
from kbconsole.jobs.models import Plan, Run


def sees(about: Plan | Run, user: Any) -> bool:
    """Return whether the job lets this person see its plan or run; one that exists no more lets auditors."""
    return about.told(lambda job: job.allows(user, "see"), has_role(user, Role.ADMIN, Role.AUDITOR))


def may(about: Plan | Run, user: Any, act: str) -> str:
    """Return why the person may not do this, in a sentence, or an empty text."""
    if not has_role(user, Role.DBA, Role.ADMIN):
        return _("Auditors look, they do not act. A DBA or an administrator can do this.")
    job = about.known_definition()
    if job is None:
        return str(say("jobs.code_gone"))
    if not job.allows(user, act):
        return _("Only the owner, their team and administrators may do this.")
    return ""


def subject_url(about: Plan | Run) -> str:
    """Return where the subject is shown, or an empty text."""
    return url_for(about.subject_kind, about.subject_id)


def lane_label(lane: str) -> str:
    return _("The console") if lane == CONSOLE else lane


def duration(span: timedelta | float) -> str:
    """Return a time span in words, in its two largest units; the smaller one only if it is not zero."""
    seconds = max(int(span.total_seconds() if isinstance(span, timedelta) else span), 0)
    if seconds < 60:
        return _("%(n)s s") % {"n": seconds}
    for size, smaller, one, both in (
        (86400, 3600, _("%(n)s d"), _("%(n)s d %(rest)s h")),
        (3600, 60, _("%(n)s h"), _("%(n)s h %(rest)s min")),
        (60, 1, _("%(n)s min"), _("%(n)s min %(rest)s s")),
    ):
        if seconds >= size:
            rest = seconds % size // smaller
            return (both if rest else one) % {"n": seconds // size, "rest": rest}
    raise AssertionError("a minute is the smallest unit of the table")


def since(moment: datetime | None, until: datetime | None = None) -> str:
    """Return how long something takes or took, or an empty text if it has not begun."""
    return duration((until or timezone.now()) - moment) if moment else ""


def listed(words: Iterable[object]) -> str:
    return _(", ").join(str(word) for word in words)


def denials(act: str, user: Any, about: Plan | Run) -> AbstractContextManager[None]:
    """Write a refusal of this act about a plan or run to the audit log, outside the refused transaction."""
    return recording_denials(
        act, by=user, on=(about.subject_kind, about.subject_id, about.subject_label), job=job_sentence(about.job),
        subject=about.subject_label, run=about.pk, hash=getattr(about, "hash", "")[:12], comment="",
    )  # fmt: skip
