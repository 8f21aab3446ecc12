"""One database, at one address from its request to its retirement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from kbconsole.common.acting import acted
from kbconsole.common.errors import ConsoleError
from kbconsole.common.htmx import template_for
from kbconsole.common.roles import Role, has_role
from kbconsole.common.sentences import Json
from kbconsole.fleet.health import unknown
from kbconsole.fleet.models import Plane
from kbconsole.jobs.models import ACTIVE, Plan, PlanStatus, Run, RunStep, StepStatus
from kbconsole.jobs.pages import lane_label
from kbconsole.jobs.services import may_withdraw
from placements.jobs import CheckDatabase, PlaceDatabase, RepairMirrors
from placements.models import OVER, STANDING, Placement, Status
from placements.observation import with_run
from placements.services import edit_refusal
from placements.views.connect import connect_context
from placements.views.present import broken_run, present_of, trouble_of
from placements.views.replicas import health_of, match_of, replicas_of, seen_times, verdict_of
from placements.views.story import MOST, asked_by, plans_of, story_of

Done = TypeVar("Done")
LOOKING = (PlaceDatabase.slug, CheckDatabase.slug, RepairMirrors.slug)
LOOKS = ("crds", "services", "addresses", "pods", "roles", "agree", "assigned")


@dataclass(frozen=True)
class Proof:
    """One check of the last run that looked: its verdict is "wait" while nobody has looked yet."""

    key: str
    name: str
    verdict: str
    sentence: Any
    fix: Any
    at: datetime | None


@require_safe
def placement_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Does it work, and how do I connect?"""
    placement = found(request, pk)
    template = template_for(request, "placements/placement_detail.html", "placements/_placement.html")
    return render(request, template, context_of(placement, request.user))


def found(request: HttpRequest, pk: int) -> Placement:
    """Return the placement if the person may see it. Raises Http404."""
    rows = Placement.objects.visible_to(request.user).select_related(
        "owner", "profile", "profile_version", "team"
    )
    return get_object_or_404(rows, pk=pk)


def refused_in_place(request: HttpRequest, pk: int, error: ConsoleError) -> HttpResponse:
    """Show the page as it is now, with what could not be done on top."""
    context = {**context_of(found(request, pk), request.user), "error": error}
    return render(request, "placements/placement_detail.html", context, status=error.status)


def acted_in_place(
    request: HttpRequest,
    pk: int,
    does: Callable[[], Done],
    *,
    then: Callable[[Done], HttpResponse],
    said: Callable[[Done], str] | None = None,
) -> HttpResponse:
    """Do something with a placement that the person may see; why it cannot be done is said on its page."""
    found(request, pk)
    return acted(
        request, does, then=then, wrong=lambda error: refused_in_place(request, pk, error), said=said
    )


def to_plan(plan: Plan) -> HttpResponse:
    return redirect("jobs:plan-detail", pk=plan.pk)


def context_of(placement: Placement, user: Any) -> dict[str, Any]:
    """Return all that the page shows, in a constant number of queries."""
    planes = list(Plane.objects.all())
    plans, runs = plans_of(placement), list(placement.runs()[:MOST])
    active = next((run for run in runs if run.status in ACTIVE), None)
    look = next((run for run in runs if run.job in LOOKING), None)
    broken = broken_run(placement, runs)
    steps = _steps_of([run for run in (look, broken) if run])
    looked = steps.get(look.pk, []) if look else []
    observed = _observed(placement, looked if look and look.active else [])
    silent = unknown(planes)
    control = next((plane for plane in planes if plane.is_control_plane), None)
    replicas = replicas_of(
        placement,
        silent=silent,
        observed=observed,
        control=control,
        read_at=_read_at(placement, looked),
    )
    kept, verdict = verdict_of(placement)
    acts = _acts(placement, user, active)
    return {
        "placement": placement,
        "present": present_of(placement, plans, runs, replicas),
        "trouble": trouble_of(broken, steps[broken.pk], replicas) if broken else None,
        "replicas": replicas,
        "silent": [plane for plane in planes if plane.silent and plane.name in placement.planes],
        "health": health_of(placement, replicas),
        "match": match_of(placement, silent),
        "kept": kept,
        "verdict": "" if placement.status in OVER else verdict,
        "live": bool(active) or placement.status in (Status.WAITING, Status.APPLYING),
        "active": active,
        "look": look,
        **_proofs(looked),
        "story": story_of(placement, plans, runs),
        "asked_by": asked_by(placement, plans),
        **connect_context(
            placement, observed, replicas, active=active, why_not=acts["why_not"], busy=acts["why_no_check"]
        ),
        **_plans(placement, plans),
        **acts,
        "why_no_cancel": _why_no_cancel(placement, user, plans[0] if plans else None),
    }


def _steps_of(runs: Sequence[Run]) -> dict[int, list[RunStep]]:
    rows: dict[int, list[RunStep]] = {run.pk: [] for run in runs}
    for step in RunStep.objects.filter(run__in=rows).defer("content", "outcome").order_by("position"):
        rows[step.run_id].append(step)
    return rows


def _observed(placement: Placement, steps: Sequence[RunStep]) -> dict[str, Json]:
    """Return what was seen, with what a run that is under way has seen so far."""
    return with_run(placement.observed, [(step.lane, step.phase, step.facts) for step in steps])


def _read_at(placement: Placement, steps: Sequence[RunStep]) -> dict[str, datetime]:
    """Return when each plane's pods or services were read last: each has its own time, also if one is silent since."""
    read = seen_times(placement)
    for step in steps:
        at = step.ended_at or step.started_at
        if isinstance(step.facts, Mapping) and at:
            read[step.lane] = max(at, read.get(step.lane) or at)
    return read


def _proofs(steps: Sequence[RunStep]) -> dict[str, Any]:
    """Return the checks, how many of them passed, whether all of them did, and the first that failed."""
    proofs = [_proof(step) for step in steps if step.phase in LOOKS]
    passed = sum(proof.verdict == "pass" for proof in proofs)
    failing = next((proof for proof in proofs if proof.verdict == "fail"), None)
    all_passed = bool(proofs) and passed == len(proofs)
    return {"proofs": proofs, "passed": passed, "all_passed": all_passed, "failing": failing}


def _proof(step: RunStep) -> Proof:
    finding = step.finding or {}
    verdict = finding.get("verdict", "wait")
    if step.status == StepStatus.FAILED:
        verdict = "fail"
    name = f"{lane_label(step.lane)} · {step.phase_label}"
    unseen = _("Nobody has looked yet.")
    return Proof(
        f"proof-{step.pk}", name, verdict, finding.get("sentence", unseen), finding.get("fix"), step.ended_at
    )


def _plans(placement: Placement, plans: Sequence[Plan]) -> dict[str, Any]:
    """Return the newest plan, and whether it is one that still needs somebody."""
    plan = plans[0] if plans else None
    lapsed = plan is not None and plan.lapsed
    waits = plan is not None and plan.status in (PlanStatus.MAKING, PlanStatus.READY) and not lapsed
    stuck = plan is not None and (lapsed or plan.status in (PlanStatus.FAILED, PlanStatus.STALE))
    return {"plan": plan, "open_plan": plan if waits else None, "stuck": stuck, "lapsed": lapsed}


def _why_no_cancel(placement: Placement, user: Any, plan: Plan | None) -> str:
    """Return why the person may not take the request back: an administrator rejects its plan instead."""
    if not placement.may_change(user):
        return _("Only %(owners)s may take it back.") % {"owners": _owners(placement)}
    waits = plan is not None and plan.status in (PlanStatus.MAKING, PlanStatus.READY)
    if waits and plan and not may_withdraw(plan, user):
        return _("Only who asked for it may take it back. You can reject its plan.")
    return ""


def _owners(placement: Placement) -> str:
    """Return who looks after it, in words."""
    owner = placement.owner.get_username()
    if placement.team is None:
        return owner
    return _("%(owner)s, the team %(team)s") % {"owner": owner, "team": placement.team.name}


def _acts(placement: Placement, user: Any, active: Run | None) -> dict[str, Any]:
    """Return why each act is not possible now; an empty text where it is."""
    why_not = ""
    if not placement.may_change(user):
        why_not = _("Only %(owners)s or an administrator may do this.") % {"owners": _owners(placement)}
    busy = why_not
    if not busy and active:
        busy = _("%(job)s is under way (run %(id)s).") % {"job": active.job_name, "id": active.pk}
    no_retire = no_repair = busy
    if not busy and not placement.cluster_uid:
        no_retire = _("Its Cluster object was never made, so there is nothing to retire.")
        no_repair = _("Its Cluster object was never made, so there is nothing to copy.")
    return {
        "why_not": why_not,
        "why_no_check": busy,
        "why_no_retire": no_retire,
        "why_no_repair": no_repair,
        "may_edit": not why_not and edit_refusal(placement) is None,
        "changeable": placement.status in STANDING,
        "may_ask": has_role(user, Role.DBA, Role.ADMIN),
        "may_hand_over": placement.may_hand_over(user) and placement.status not in OVER,
    }
