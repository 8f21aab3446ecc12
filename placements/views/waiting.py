"""What waits for a person, in one list: plans to decide, databases to mend, planes and runs to look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kbconsole.audit.models import Check as AuditCheck
from kbconsole.audit.object_links import url_for
from kbconsole.common.roles import Role, has_role, roles_of
from kbconsole.common.sentences import Sentence
from kbconsole.fleet import crds
from kbconsole.fleet.models import Credential, Plane
from kbconsole.jobs.approvals import waiting_for as plans_for
from kbconsole.jobs.models import ACTIVE, Plan, PlanStatus, Run, RunQuerySet, RunStep, StepStatus
from placements.connecting import without_retiring
from placements.jobs import PlaceDatabase
from placements.models import STANDING, SUBJECT, ClientAddress, Placement, PlacementQuerySet, Status

MOST = 50
TOLD_FOR = timedelta(days=7)
LAPSED = gettext_lazy(
    "Nobody decided about its plan in time, so it expired. Make the plan again, or let it be."
)
WARN_BEFORE = timedelta(days=30)
"""How long before its end a credential asks to be renewed."""


@dataclass(frozen=True)
class Row:
    """One thing to do: what it is about, why, since when, and the one verb that leads on."""

    key: str
    what: str
    why: Any
    verb: str
    url: str
    since: datetime
    icon: str


def waiting_for(user: Any) -> list[Row]:
    """Return what waits for the person, oldest first, in a constant number of queries."""
    if not roles_of(user):
        return []
    rows = [*_decisions(user), *_own_plans(user), *_broken(user), *_stuck_plans(user), *_parked(user)]
    rows += [*_lapsed(user), *_moved(user)]
    rows += [*_fleet(user), *_log(user)]
    return sorted(rows, key=lambda row: row.since)[:MOST]


def _mine(user: Any) -> PlacementQuerySet:
    """Return the placements that the person is to mend: the own and their teams' ones, for administrators all."""
    visible = Placement.objects.visible_to(user)
    return visible if has_role(user, Role.ADMIN) else visible.of(user)


def own_runs(user: Any, runs: RunQuerySet) -> RunQuerySet:
    """Return the runs that the person started, and those on what they look after."""
    about = Q(subject_kind=SUBJECT, subject_id__in=Placement.objects.of(user).subject_ids())
    return runs.filter(Q(by=user) | about)


def _decisions(user: Any) -> Iterator[Row]:
    plans = Plan.objects.visible_to(user).select_related("requested_by").defer("content")
    for plan in plans_for(user, plans.prefetch_related("decisions"))[:MOST]:
        words = {"who": plan.requested_by.get_username(), "job": plan.job_name, "subject": plan.subject_label}
        yield Row(
            f"plan-{plan.pk}", _("%(job)s: %(subject)s") % words,
            plan.reason or _("%(who)s asked for it and gave no reason.") % words,
            _("Decide"), reverse("jobs:plan-detail", args=[plan.pk]) + "?queue=1", plan.made_at or plan.created_at,
            "plan",
        )  # fmt: skip


def _own_plans(user: Any) -> Iterator[Row]:
    """Own plans that nobody else has to approve: they wait for the one who asked."""
    plans = Plan.objects.visible_to(user).filter(
        requested_by=user, status=PlanStatus.READY, approvals_needed=0
    )
    for plan in plans.defer("content")[:MOST]:
        if plan.overdue:
            continue
        yield Row(
            f"plan-{plan.pk}", f"{plan.job_name}: {plan.subject_label}",
            _("The plan is ready and needs nobody else. Read it, then start it."), _("See"),
            reverse("jobs:plan-detail", args=[plan.pk]), plan.made_at or plan.created_at, "plan",
        )  # fmt: skip


def _broken(user: Any) -> Iterator[Row]:
    rows = Placement.objects.visible_to(user) if _looks_only(user) else _mine(user)
    verb = _("See") if _looks_only(user) else _("Fix")
    for placement in rows.filter(status=Status.ATTENTION).select_related("owner")[:MOST]:
        why = _("It needs attention; its page says what failed and what to do. Owner: %(owner)s.")
        yield Row(
            f"placement-{placement.pk}", f"{placement.namespace}/{placement.name}",
            why % {"owner": placement.owner.get_username()}, verb,
            reverse("placements:detail", args=[placement.pk]), placement.changed_at, "warn",
        )  # fmt: skip


def _looks_only(user: Any) -> bool:
    return not has_role(user, Role.DBA, Role.ADMIN)


def _stuck_plans(user: Any) -> Iterator[Row]:
    """Requests of the person's and of their teams whose newest plan cannot be approved."""
    own = Placement.objects.visible_to(user).of(user).filter(status=Status.WAITING)
    waiting = {str(placement.pk): placement for placement in own}
    newest: dict[str, Plan] = {}
    plans = Plan.objects.filter(subject_kind=SUBJECT, subject_id__in=waiting).defer("content").order_by("id")
    for plan in plans if waiting else []:
        newest[plan.subject_id] = plan
    for subject_id, plan in newest.items():
        if plan.lapsed or plan.status in (PlanStatus.FAILED, PlanStatus.STALE):
            why = str(Sentence.from_json(plan.failure)) if plan.failure else _("The plan is out of date.")
            yield Row(
                f"stuck-{plan.pk}", plan.subject_label, LAPSED if plan.lapsed else why, _("Fix"),
                reverse("placements:detail", args=[subject_id]), plan.made_at or plan.created_at, "warn",
            )  # fmt: skip


def _lapsed(user: Any) -> Iterator[Row]:
    """Own plans of the last days that nobody decided in time, and that nothing has followed.

    Requests that wait are told of by `_stuck_plans`, for as long as they wait.
    """
    later = Plan.objects.filter(
        subject_kind=OuterRef("subject_kind"), subject_id=OuterRef("subject_id"), pk__gt=OuterRef("pk")
    )
    plans = Plan.objects.visible_to(user).filter(
        ~Exists(later), requested_by=user, status=PlanStatus.EXPIRED,
        valid_until__gt=timezone.now() - TOLD_FOR,
    ).exclude(job=PlaceDatabase.slug)  # fmt: skip
    for plan in plans.defer("content")[:MOST]:
        yield Row(
            f"expired-{plan.pk}", f"{plan.job_name}: {plan.subject_label}", LAPSED, _("See"),
            reverse("jobs:plan-detail", args=[plan.pk]), plan.valid_until or plan.created_at, "warn",
        )  # fmt: skip


def _moved(user: Any) -> Iterator[Row]:
    """Databases that the person looks after, whose clients have to be told of another address."""
    theirs = without_retiring(Placement.objects.of(user).filter(status__in=STANDING))
    moved = ClientAddress.objects.filter(placement__in=theirs.values("pk"), changed_at__isnull=False)
    told: set[int] = set()
    for row in moved.select_related("placement").order_by("changed_at")[:MOST]:
        if row.placement_id in told or row.changed_at is None:
            continue
        told.add(row.placement_id)
        why = _(
            "An address of a replica on %(plane)s is another one now. Give its clients what stands under Connect."
        )
        what = _("%(database)s: addresses changed") % {
            "database": f"{row.placement.namespace}/{row.placement.name}"
        }
        url = reverse("placements:detail", args=[row.placement_id]) + "#connect-title"
        key = f"moved-{row.placement_id}"
        yield Row(key, what, why % {"plane": row.plane}, _("See"), url, row.changed_at, "warn")


def _parked(user: Any) -> Iterator[Row]:
    """Steps of runs that wait for somebody to do something by hand."""
    if _looks_only(user):
        return
    steps = RunStep.objects.filter(status=StepStatus.NEEDS_PERSON, run__status__in=ACTIVE)
    if not has_role(user, Role.ADMIN):
        steps = steps.filter(run__in=own_runs(user, Run.objects.visible_to(user)))
    for step in steps.select_related("run").order_by("id")[:MOST]:
        why = str(Sentence.from_json(step.finding["sentence"])) if step.finding else str(step.sentence)
        since = step.waiting_since or step.started_at or step.run.created_at
        yield Row(
            f"step-{step.pk}", f"{step.run.job_name}: {step.run.subject_label}", why, _("See"),
            reverse("jobs:run-detail", args=[step.run_id]), since, "person",
        )  # fmt: skip


def _fleet(user: Any) -> Iterator[Row]:
    """Planes that are silent or would delete pods, and credentials of planes that end soon."""
    if not has_role(user, Role.ADMIN):
        return
    for plane in Plane.objects.filter(last_error__isnull=False):
        yield Row(
            f"plane-{plane.pk}", plane.name, str(Sentence.from_json(plane.last_error or {})), _("See"),
            _plane_url(plane), plane.failing_since or plane.last_answer_at or plane.created_at, "plane",
        )  # fmt: skip
    for plane in Plane.objects.filter(foreign_crds_since__isnull=False):
        since = plane.foreign_crds_since
        assert since is not None  # noqa: S101  filtered
        why = str(crds.in_short(plane))
        yield Row(f"crds-{plane.pk}", plane.name, why, _("Fix"), _plane_url(plane), since, "fail")
    ending = Credential.objects.filter(expires_at__lte=timezone.now() + WARN_BEFORE).select_related("plane")
    for credential in ending:
        ends = credential.expires_at
        assert ends is not None  # noqa: S101  filtered
        why = _("The console's credential ends on %(day)s; after that this plane gives no answer.")
        yield Row(
            f"credential-{credential.pk}", credential.plane.name, why % {"day": f"{ends:%Y-%m-%d}"}, _("Renew"),
            _plane_url(credential.plane), ends - WARN_BEFORE, "lock",
        )  # fmt: skip


def _plane_url(plane: Plane) -> str:
    return url_for("plane", plane.name) or reverse("home")


def _log(user: Any) -> Iterator[Row]:
    """A log that is broken."""
    last = AuditCheck.objects.first() if has_role(user, Role.AUDITOR) else None
    if last is not None and last.problem:
        why = str(last.sentence)
        yield Row("audit", _("The audit log"), why, _("See"), reverse("audit:entry-list"), last.at, "audit")


def awaited_by_others(user: Any) -> list[Plan]:
    """Return the person's own plans that somebody else has to decide, oldest first."""
    plans = Plan.objects.visible_to(user).undecided().filter(requested_by=user)
    return list(plans.defer("content").order_by("made_at")[:MOST])
