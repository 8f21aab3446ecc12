"""What a placement is doing now, in a sentence; and, when it needs somebody, what, where and since when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kbconsole.common.sentences import Sentence
from kbconsole.jobs.cures import cures_of
from kbconsole.jobs.models import ACTIVE, Decision, Plan, PlanStatus, Run, RunStatus, RunStep, StepStatus
from kbconsole.jobs.pages import lane_label
from kbconsole.jobs.planning import MakePlan
from kbconsole.jobs.undoing import UndoRun
from placements.models import STANDING, Placement, Status
from placements.views.replicas import READY, UNKNOWN, Replica

BROKEN = (RunStatus.FAILED, RunStatus.ERRORED, RunStatus.CANCELLED)


@dataclass(frozen=True)
class Present:
    """`at` is since when it is so. What runs says instead when that was proven, if ever."""

    text: str
    at: datetime | None = None
    runs: bool = False
    proven: datetime | None = None


@dataclass(frozen=True)
class Trouble:
    """Why a placement needs somebody: the run that stopped, its first failed step, and what still works.

    `cures` are acts that the advice of its failed steps leads to: what is written on each, and where it is.
    """

    run: Run
    since: datetime | None
    where: str
    what: str
    fix: str
    still: str
    cures: Sequence[tuple[Any, str]] = ()


def _spread(placement: Placement) -> str:
    replicas = ngettext("%(n)s replica", "%(n)s replicas", placement.replicas) % {"n": placement.replicas}
    planes = ngettext("one plane", "%(n)s planes", len(placement.planes)) % {"n": len(placement.planes)}
    return _("%(replicas)s on %(planes)s") % {"replicas": replicas, "planes": planes}


def present_of(
    placement: Placement, plans: Sequence[Plan], runs: Sequence[Run], replicas: Sequence[Replica]
) -> Present:
    """Return the one sentence of the header."""
    plan = plans[0] if plans else None
    if placement.status == Status.WAITING:
        return _waiting(plan)
    if placement.status == Status.APPLYING:
        active = next((run for run in runs if run.status in ACTIVE), None)
        job = active.job_name if active else _("The run")
        text = _("%(job)s is under way: %(spread)s.") % {"job": job, "spread": _spread(placement)}
        return Present(text, active.started_at or active.created_at if active else None)
    if placement.status in STANDING:
        return _in_service(placement, replicas)
    return _over(placement, plans)


def _waiting(plan: Plan | None) -> Present:
    if plan is None:
        return Present(_("Nothing was planned yet."))
    if plan.status == PlanStatus.MAKING:
        text = _("The plan is being made: the console asks the planes what would change. Nothing is changed.")
        return Present(text, plan.created_at)
    if plan.lapsed:
        return Present(
            _("Nobody decided about the plan in time, so it expired. Make it again."), plan.valid_until
        )
    if plan.status == PlanStatus.READY:
        return Present(_ready(plan), plan.made_at)
    if plan.status == PlanStatus.FAILED:
        why = str(Sentence.from_json(plan.failure)) if plan.failure else ""
        return Present(_("The plan could not be made. %(why)s") % {"why": why})
    if plan.status == PlanStatus.STALE:
        return Present(_("The plan is out of date: something changed since it was made. Make it again."))
    return Present(_("The request has no plan that could be approved. Make the plan again."))


def _ready(plan: Plan) -> str:
    given = [decision.by.get_username() for decision in plan.decisions.all()]
    if given:
        return _("Approved by %(who)s; one more administrator has to agree before anything is made.") % {
            "who": _(", ").join(given)
        }
    needed = ngettext("An administrator has", "%(n)s administrators have", plan.approvals_needed)
    who = needed % {"n": plan.approvals_needed}
    return _("%(who)s to agree before anything is made; the plan says exactly what.") % {"who": who}


def _in_service(placement: Placement, replicas: Sequence[Replica]) -> Present:
    leader = next((replica.plane for replica in replicas if replica.leader), "")
    text = _spread(placement)
    text = _("%(spread)s, leader on %(plane)s") % {"spread": text, "plane": leader} if leader else text
    return Present(text, runs=True, proven=placement.proven_at)


def _over(placement: Placement, plans: Sequence[Plan]) -> Present:
    if placement.status == Status.RETIRED:
        return Present(_("Retired: nothing of it is left on the planes."), placement.changed_at)
    if placement.status == Status.CANCELLED:
        return Present(_("The request was taken back. No database was made."), placement.changed_at)
    said = [decision for plan in plans for decision in plan.decisions.all()]
    no = next((decision for decision in said if decision.verdict == Decision.Verdict.REJECT), None)
    if no is None:
        return Present(_("Rejected. Nothing was made."), placement.changed_at)
    words = {"who": no.by.get_username(), "comment": no.comment}
    return Present(_("Rejected by %(who)s: “%(comment)s”. Nothing was made.") % words, no.at)


def broken_run(placement: Placement, runs: Sequence[Run]) -> Run | None:
    """Return the run that made the placement need somebody: the newest that ended, if it did not get through.

    An undo leaves the placement as it is, however it ends.
    """
    ours = [run for run in runs if run.job not in (MakePlan.slug, UndoRun.slug) and not run.active]
    if placement.status != Status.ATTENTION or not ours or ours[0].status not in BROKEN:
        return None
    return ours[0]


def trouble_of(run: Run, steps: Sequence[RunStep], replicas: Sequence[Replica]) -> Trouble:
    """Return what a broken run says, beginning with its first failed step."""
    failed = (StepStatus.ERRORED, StepStatus.FAILED)
    step = next((step for step in steps if step.status in failed), None)
    finding = step.finding if step and step.finding else {}
    what = str(Sentence.from_json(finding["sentence"])) if finding else ""
    fix = str(Sentence.from_json(finding["fix"])) if finding.get("fix") else ""
    where = f"{lane_label(step.lane)} · {step.phase_label}" if step else ""
    cures = [(cure.label, cure.url(run.subject_id)) for cure in cures_of(steps)]
    return Trouble(run, run.ended_at, where, what, fix, _still(replicas), cures)


def _still(replicas: Sequence[Replica]) -> str:
    """Return what still works, as far as somebody saw it."""
    ready = sum(replica.state == READY for replica in replicas)
    if all(replica.state == UNKNOWN for replica in replicas):
        return _("No replica was seen yet.")
    words = {"ready": ready, "all": len(replicas)}
    return _("%(ready)s of %(all)s replicas were ready when last seen.") % words
