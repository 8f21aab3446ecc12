"""The queue of plans that wait for a decision, what became of one's own, and what was decided."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Prefetch

from kbconsole.common.roles import Role, has_role
from kbconsole.common.sentences import Sentence
from kbconsole.jobs.definition import Mark
from kbconsole.jobs.marks import Surroundings, marks_of, planes_of
from kbconsole.jobs.models import Decision, Plan, PlanDiff, PlanQuerySet
from kbconsole.jobs.pages import sees, subject_url
from kbconsole.jobs.policy_page import deciding_roles

TABS = ("waiting", "mine", "decided")
MOST = 100
SHORT = 5


@dataclass(frozen=True)
class ApprovalRow:
    """One plan in a list."""

    plan: Plan
    url: str
    what: Sentence | str
    planes: list[str]
    marks: list[Mark]
    last: Decision | None

    @property
    def since(self) -> datetime:
        return self.plan.made_at or self.plan.created_at


def _listed(user: Any) -> PlanQuerySet:
    """Return the visible plans with all that a row needs, in a constant number of queries."""
    decisions = Prefetch("decisions", Decision.objects.select_related("by").defer("content").order_by("id"))
    diffs = Prefetch("diffs", PlanDiff.objects.defer("baseline"))
    plans = Plan.objects.visible_to(user).select_related("requested_by").prefetch_related(decisions, diffs)
    return plans


def _for(plan: Plan, user: Any) -> bool:
    """Return whether the plan waits for this very person."""
    if user.pk in plan.authors:
        return False
    return user.pk not in [decision.by_id for decision in plan.decisions.all()]


def waiting_for(user: Any, plans: PlanQuerySet | None = None) -> list[Plan]:
    """Return the plans that wait for this person's decision, oldest first."""
    if not has_role(user, *deciding_roles()):
        return []
    if plans is None:
        plans = Plan.objects.visible_to(user).prefetch_related("decisions").defer("content")
    waiting = plans.undecided().order_by("made_at", "id")
    return [plan for plan in waiting if _for(plan, user) and _decidable(plan, user)]


def _decidable(plan: Plan, user: Any) -> bool:
    return plan.told(lambda job: job.allows(user, "decide"), otherwise=False)


def _of(tab: str, user: Any, plans: PlanQuerySet) -> list[Plan]:
    """Return the plans of a tab: what waits oldest first, the others newest first; at most MOST."""
    if tab == "waiting":
        return waiting_for(user, plans)[:MOST]
    if tab == "mine":
        return list(plans.filter(requested_by=user).order_by("-id")[:MOST])
    return _decided(user, plans, MOST)


def rows(tab: str, user: Any) -> list[ApprovalRow]:
    """Return the rows of a tab."""
    return _rows(_of(tab, user, _listed(user)))


def watched(tab: str, user: Any) -> dict[int, str]:
    """Return how each plan of a tab stands, by its number: what a page that is open compares."""
    few = Plan.objects.visible_to(user).defer("content").prefetch_related("decisions")
    return {plan.pk: standing(plan) for plan in _of(tab, user, few)}


def standing(plan: Plan) -> str:
    return f"{plan.status}-{len(plan.decisions.all())}"


def decided(user: Any, most: int = SHORT) -> list[ApprovalRow]:
    """Return the plans that were decided last. A DBA sees those of their own requests."""
    return _rows(_decided(user, _listed(user), most))


def _decided(user: Any, plans: PlanQuerySet, most: int) -> list[Plan]:
    found = plans.filter(decisions__isnull=False).distinct().order_by("-id")
    if not has_role(user, Role.ADMIN, Role.AUDITOR):
        found = found.filter(requested_by=user)
    return [plan for plan in found[:most] if sees(plan, user)]


def _rows(plans: Iterable[Plan]) -> list[ApprovalRow]:
    around = Surroundings()
    return [_row(plan, around) for plan in plans]


def _row(plan: Plan, around: Surroundings) -> ApprovalRow:
    planes, decisions = planes_of(plan), list(plan.decisions.all())
    what = plan.told(lambda job: job.what(), None) or f"{plan.job_name}: {plan.subject_label}"
    marks = marks_of(plan, planes, plan.diffs.all(), decisions, around)
    return ApprovalRow(plan, subject_url(plan), what, planes, marks, decisions[-1] if decisions else None)
