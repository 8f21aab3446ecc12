"""The story of a placement: request, plans, decisions and runs, newest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch
from django.urls import reverse
from django.utils.translation import gettext as _

from kbconsole.audit.models import Entry as LogEntry
from kbconsole.audit.models import Outcome
from kbconsole.jobs.models import Decision, Plan, Run
from kbconsole.jobs.planning import MakePlan
from placements.models import SUBJECT, Placement

MOST = 60


@dataclass(frozen=True)
class Entry:
    """One line. `state` and `kind` make its badge; both are empty where there is none."""

    at: datetime
    text: str
    who: str
    url: str = ""
    state: str = ""
    kind: str = ""
    comment: str = ""


def plans_of(placement: Placement) -> list[Plan]:
    """Return the newest plans with their decisions, without the bytes."""
    decisions = Prefetch("decisions", Decision.objects.select_related("by").defer("content"))
    plans = placement.plans().select_related("requested_by").prefetch_related(decisions).defer("content")
    return list(plans[:MOST])


def asked_by(placement: Placement, plans: Sequence[Plan]) -> str:
    """Return who asked for the database, which may have been handed over since."""
    return (plans[-1].requested_by if plans else placement.owner).get_username()


def story_of(placement: Placement, plans: Sequence[Plan], runs: Iterable[Run]) -> list[Entry]:
    """Return every line, newest first."""
    asked = Entry(placement.created_at, _("Asked for this database"), asked_by(placement, plans),
                  comment=placement.purpose)  # fmt: skip
    entries = [asked, *_handed_over(placement)]
    for plan in plans:
        entries += _of_plan(plan)
    entries += [_of_run(run) for run in runs if run.job != MakePlan.slug]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def _handed_over(placement: Placement) -> Iterator[Entry]:
    """Yield what the log says; it is part of the story for whoever may read the placement."""
    told = LogEntry.objects.filter(
        act="placement.handed_over", object_kind=SUBJECT, object_id=str(placement.pk), outcome=Outcome.SUCCESS
    )
    for entry in told.order_by("-seq")[:MOST]:
        yield Entry(entry.at, str(entry.sentence), entry.person, comment=entry.reason)


def _of_plan(plan: Plan) -> list[Entry]:
    url = reverse("jobs:plan-detail", args=[plan.pk])
    asked = Entry(
        plan.created_at, _("Plan: %(job)s") % {"job": plan.job_name}, plan.requested_by.get_username(), url,
        plan.status, "plan",
    )  # fmt: skip
    words = {"approve": _("Approved the plan"), "reject": _("Rejected the plan")}
    return [asked] + [
        Entry(decision.at, words[decision.verdict], decision.by.get_username(), url, comment=decision.comment)
        for decision in plan.decisions.all()
    ]


def _of_run(run: Run) -> Entry:
    text = _("Run %(id)s: %(job)s") % {"id": run.pk, "job": run.job_name}
    url = reverse("jobs:run-detail", args=[run.pk])
    return Entry(run.created_at, text, run.by_label, url, run.status, "run")
