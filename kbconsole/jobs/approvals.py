"""The queue of plans that wait for a decision, what became of one's own, and what was decided."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Prefetch
from django.utils.translation import gettext_lazy as _

from kbconsole.common.roles import Role, has_role
from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.jobs.definition import CONSOLE, Touch
from kbconsole.jobs.models import Decision, Plan, PlanDiff, PlanQuerySet, PlanStatus
from kbconsole.jobs.pages import sees, subject_url

declare(
    {
        "approvals.removes": _("removes objects (%(count)s)"),
        "approvals.conflicts": _("fields of another owner"),
        "approvals.unchecked": _("not fully checked"),
        "approvals.missing": _("approval %(next)s of %(needed)s"),
    }
)

TABS = ("waiting", "mine", "decided")
MOST = 100
SHORT = 5


@dataclass(frozen=True)
class ApprovalRow:
    """One plan in a list; its marks are (tone, sentence)."""

    plan: Plan
    url: str
    planes: list[str]
    marks: list[tuple[str, Sentence]]
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
    if user.pk == plan.requested_by_id or user.pk in plan.editors:
        return False
    return user.pk not in [decision.by_id for decision in plan.decisions.all()]


def waiting_for(user: Any, plans: PlanQuerySet | None = None) -> list[Plan]:
    """Return the plans that wait for this person's decision, oldest first."""
    if not has_role(user, Role.ADMIN):
        return []
    if plans is None:
        plans = Plan.objects.visible_to(user).prefetch_related("decisions").defer("content")
    waiting = plans.filter(status=PlanStatus.READY, approvals_needed__gt=0).order_by("made_at", "id")
    return [plan for plan in waiting if _for(plan, user) and _decidable(plan, user)]


def _decidable(plan: Plan, user: Any) -> bool:
    return plan.told(lambda job: job.allows(user, "decide"), otherwise=False)


def rows(tab: str, user: Any) -> list[ApprovalRow]:
    """Return the rows of a tab: what waits oldest first, what was decided newest first; at most MOST."""
    plans = _listed(user)
    if tab == "waiting":
        return _rows(waiting_for(user, plans)[:MOST])
    if tab == "mine":
        return _rows(plans.filter(requested_by=user).order_by("-id")[:MOST])
    return decided(user, MOST)


def decided(user: Any, most: int = SHORT) -> list[ApprovalRow]:
    """Return the plans that were decided last. A DBA sees those of their own requests."""
    plans = _listed(user).filter(decisions__isnull=False).distinct().order_by("-id")
    if not has_role(user, Role.ADMIN, Role.AUDITOR):
        plans = plans.filter(requested_by=user)
    return _rows(plan for plan in plans[:most] if sees(plan, user))


def _rows(plans: Iterable[Plan]) -> list[ApprovalRow]:
    return [ApprovalRow(plan, subject_url(plan), _planes(plan), _marks(plan), _last(plan)) for plan in plans]


def _last(plan: Plan) -> Decision | None:
    decisions = list(plan.decisions.all())
    return decisions[-1] if decisions else None


def _planes(plan: Plan) -> list[str]:
    if not plan.content:
        return []
    lanes = dict.fromkeys(step["on"] for step in plan.body()["steps"])
    return [lane for lane in lanes if lane != CONSOLE]


def _marks(plan: Plan) -> list[tuple[str, Sentence]]:
    """Return what needs care, worst first. The job's own marks must not ask the database."""
    none: list[Sentence] = []
    own = [("bad", sentence) for sentence in plan.told(lambda job: job.marks(), none)]
    objects = [item for diff in plan.diffs.all() for item in diff.diff]
    gone = sum(item["touch"] == Touch.REMOVED for item in objects)
    if gone:
        own.append(("bad", say("approvals.removes", count=gone)))
    if any(item["conflicts"] for item in objects):
        own.append(("warn", say("approvals.conflicts")))
    if not all(item["checked"] for item in objects):
        own.append(("quiet", say("approvals.unchecked")))
    if plan.status == PlanStatus.READY and plan.approvals_needed > 1:
        given = len(plan.decisions.all())
        own.append(("wait", say("approvals.missing", next=given + 1, needed=plan.approvals_needed)))
    return own
