"""What sets a plan apart for whoever decides: in the list of approvals and on top of its page, by one rule."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import declare, say
from kbconsole.jobs import lanes
from kbconsole.jobs.definition import CONSOLE, Mark, Touch
from kbconsole.jobs.models import Decision, Plan, PlanDiff, PlanStatus
from kbconsole.people.services import administrators

declare(
    {
        "approvals.removes": _("removes objects (%(count)s)"),
        "approvals.conflicts": _("fields of another owner"),
        "approvals.unchecked": _("not fully checked"),
        "approvals.fails_now": _("would fail now: %(planes)s"),
        "approvals.missing": _("approval %(next)s of %(needed)s"),
        "approvals.second_missing": _("second approver missing"),
        "approvals.nobody": _("nobody else may decide"),
        "approvals.only_one": _("there is only one administrator"),
        "approvals.alone": _("decided alone: there is only one administrator"),
    }
)


@dataclass(frozen=True)
class Surroundings:
    """What the marks of all plans of a page need to know, read once: who may decide, and who gives no answer."""

    silent: frozenset[str] = field(default_factory=lanes.silent)
    deciders: frozenset[int] = field(
        default_factory=lambda: frozenset(administrators().values_list("pk", flat=True))
    )


def planes_of(plan: Plan) -> list[str]:
    """Return the planes of a plan, in its order; none while it is being made."""
    if not plan.content:
        return []
    return [lane for lane in dict.fromkeys(step["on"] for step in plan.body()["steps"]) if lane != CONSOLE]


def marks_of(
    plan: Plan, planes: Sequence[str], diffs: Iterable[PlanDiff], decisions: Collection[Decision],
    around: Surroundings,
) -> list[Mark]:  # fmt: skip
    """Return what needs care, worst first. Asks the database nothing."""
    none: list[Mark] = []
    found = [*plan.told(lambda job: job.marks(), none), *_of_objects(diffs)]
    if plan.status == PlanStatus.READY:
        found += _of_now(plan, planes, decisions, around)
    if any(decision.alone for decision in decisions):
        found.append(Mark(say("approvals.alone"), "warn"))
    return found


def _of_objects(diffs: Iterable[PlanDiff]) -> list[Mark]:
    objects = [item for diff in diffs for item in diff.diff]
    gone = sum(item["touch"] == Touch.REMOVED for item in objects)
    found = [Mark(say("approvals.removes", count=gone))] if gone else []
    if any(item["conflicts"] for item in objects):
        found.append(Mark(say("approvals.conflicts"), "warn"))
    if not all(item["checked"] for item in objects):
        found.append(Mark(say("approvals.unchecked"), "quiet"))
    return found


def _of_now(
    plan: Plan, planes: Sequence[str], decisions: Collection[Decision], around: Surroundings
) -> list[Mark]:
    """Return what holds while the plan waits: planes that give no answer, and people that lack."""
    nobody: frozenset[str] = frozenset()
    apart = plan.told(lambda job: frozenset(job.unheard()), nobody)
    silent = [plane for plane in planes if plane in around.silent and plane not in apart]
    found = [Mark(say("approvals.fails_now", planes=silent))] if silent else []
    missing = plan.approvals_needed - len(decisions)
    if missing <= 0:
        return found
    if plan.approvals_needed > 1:
        second = plan.approvals_needed == 2 and decisions
        words = {"next": len(decisions) + 1, "needed": plan.approvals_needed}
        found.append(
            Mark(say("approvals.second_missing") if second else say("approvals.missing", **words), "wait")
        )
    apart_from = {*plan.authors, *(decision.by_id for decision in decisions)}
    if len(around.deciders - apart_from) < missing:
        only = len(around.deciders) == 1
        found.append(Mark(say("approvals.only_one" if only else "approvals.nobody"), "warn"))
    return found
