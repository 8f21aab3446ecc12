"""What the page of a plan shows: counts, warnings and, plane by plane, every object with its difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import yaml
from django.db.models import Prefetch, prefetch_related_objects
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Json, Sentence, say
from kbconsole.jobs.cautions import Caution, cautions_of, object_name
from kbconsole.jobs.definition import Mark, Step, Touch, canonical_text, phase_label
from kbconsole.jobs.dry_run_again import looks_before
from kbconsole.jobs.marks import Surroundings, marks_of, planes_of
from kbconsole.jobs.models import Decision, Plan, PlanStatus, Run
from kbconsole.jobs.pages import lane_label, listed
from kbconsole.jobs.services import may_decide

TOUCHES = ("created", "updated", "removed", "unchanged")
COUNTED = (("created", _("%(n)s created")), ("updated", _("%(n)s changed")), ("removed", _("%(n)s removed")))


@dataclass(frozen=True)
class FieldChange:
    """One field that differs; `before` or `after` is None where there is nothing."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class PlannedObject:
    """One object of the dry run."""

    touch: str
    name: str
    checked: bool
    changes: list[FieldChange]
    conflicts: list[Mapping[str, str]]


@dataclass(frozen=True)
class PlannedStep:
    """One step as the page shows it; `manifest` is empty for what is only looked at."""

    label: Sentence
    phase: str
    changing: bool
    objects: list[PlannedObject]
    manifest: str
    commands: list[str]


@dataclass
class PlannedPlane:
    """The steps of one lane, with its counts in the order of TOUCHES.

    `unheard`: the plan was made without it, as it gave no answer after `heard_at`; what it holds is not known.
    """

    lane: str
    label: str
    unheard: bool = False
    heard_at: datetime | None = None
    steps: list[PlannedStep] = field(default_factory=list)
    touches: Counter[str] = field(default_factory=Counter)

    @property
    def counts(self) -> list[tuple[str, int]]:
        return [(touch, self.touches[touch]) for touch in TOUCHES]

    @property
    def changed(self) -> bool:
        return any(self.touches[touch] for touch in TOUCHES[:3])

    @property
    def changing_steps(self) -> list[PlannedStep]:
        return [step for step in self.steps if step.changing]

    @property
    def commands(self) -> str:
        return "\n".join(line for step in self.steps for line in step.commands)


@dataclass
class PlanPage:
    """A plan, ready to be shown."""

    plan: Plan
    planes: list[PlannedPlane]
    warnings: list[Caution]
    decisions: list[Decision]
    runs: list[Run]
    marks: list[Mark]

    @property
    def totals(self) -> dict[str, int]:
        return {touch: sum(plane.touches[touch] for plane in self.planes) for touch in TOUCHES}

    @property
    def summary(self) -> str:
        """Say in a sentence what would change, and that nothing else does."""
        totals = self.totals
        parts = [str(text) % {"n": totals[touch]} for touch, text in COUNTED if totals[touch]]
        if not parts:
            if self.unheard:
                return gettext(
                    "Nothing would change on the planes that answer; of the others nothing is known."
                )
            return gettext("Nothing would change: every object is already as this plan wants it.")
        planes = listed(plane.label for plane in self.planes if plane.changed)
        words = {"planes": planes, "counts": listed(parts)}
        if self.unheard:
            words["unheard"] = listed(plane.label for plane in self.unheard)
            return gettext("Objects on %(planes)s: %(counts)s. Of %(unheard)s nothing is known.") % words
        return gettext("Objects on %(planes)s: %(counts)s. Nothing else is touched.") % words

    @property
    def changes_nothing(self) -> bool:
        return bool(self.planes) and not any(plane.changed or plane.unheard for plane in self.planes)

    @property
    def data_planes(self) -> list[PlannedPlane]:
        """The planes that are written to or asked; the console's own lane has no objects."""
        return [plane for plane in self.planes if plane.touches or plane.unheard]

    @property
    def unheard(self) -> list[PlannedPlane]:
        return [plane for plane in self.planes if plane.unheard]

    @property
    def code_gone(self) -> bool:
        """Whether the plan is of a job that this console does not know any more."""
        return self.plan.known_definition() is None

    @property
    def approvals(self) -> int:
        return sum(decision.verdict == Decision.Verdict.APPROVE for decision in self.decisions)

    @property
    def missing(self) -> int:
        return max(self.plan.approvals_needed - self.approvals, 0)

    @property
    def promise(self) -> Sentence | None:
        return self.plan.told(lambda job: job.promise(), None)

    @property
    def differs(self) -> list[str]:
        """Where the job departs from the guide, and why."""
        return self.plan.told(lambda job: job.differs(), [])

    @property
    def making(self) -> Run | None:
        return next((run for run in self.runs if run.job == "make-plan"), None)

    @property
    def execution(self) -> Run | None:
        return next((run for run in self.runs if run.job != "make-plan"), None)

    @property
    def seen(self) -> str:
        """What a watching page knows: it shows news once this differs."""
        return f"{'expired' if self.plan.lapsed else self.plan.status}-{len(self.decisions)}"

    @property
    def why_more(self) -> str:
        """Why so many have to agree; empty where the job always needs as many, or its policy changed since."""
        job = self.plan.known_definition()
        if job is None or self.plan.told(lambda one: one.approvals_needed(), 0) != self.plan.approvals_needed:
            return ""
        return listed(job.approval.why(job))


def page_of(plan: Plan) -> PlanPage:
    """Read all that the page of a plan shows, in a constant number of queries."""
    decided = Prefetch("decisions", Decision.objects.select_related("by").defer("content").order_by("id"))
    prefetch_related_objects([plan], "diffs", decided)
    decisions = list(plan.decisions.all())
    runs = list(plan.runs.order_by("-id"))
    planes = _planes(plan) if plan.content and plan.status != PlanStatus.MAKING else []
    marks = marks_of(plan, planes_of(plan), plan.diffs.all(), decisions, Surroundings()) if planes else []
    return PlanPage(plan, planes, cautions_of(plan), decisions, runs, marks)


def _planes(plan: Plan) -> list[PlannedPlane]:
    diffs = {row.position: row.diff for row in plan.diffs.all()}
    looks = looks_before(plan)
    none: Mapping[str, str] = {}
    unheard = plan.told(lambda job: job.unheard(), none)
    found: dict[str, PlannedPlane] = {}
    for position, stored in enumerate(plan.body()["steps"]):
        lane = stored["on"]
        plane = found.setdefault(lane, _plane(lane, unheard))
        if position in looks:
            plane.steps.append(_step(looks[position].canonical(), []))
        step = _step(stored, diffs.get(position, []))
        plane.steps.append(step)
        for planned in step.objects:
            plane.touches["unchanged" if planned.touch == Touch.ABSENT else planned.touch] += 1
    return list(found.values())


def _plane(lane: str, unheard: Mapping[str, str]) -> PlannedPlane:
    return PlannedPlane(lane, lane_label(lane), lane in unheard, parse_datetime(unheard.get(lane, "")))


def _step(stored: Mapping[str, Json], diff: Json) -> PlannedStep:
    try:
        step = Step.load(stored)
    except (KeyError, TypeError):  # an action of an older version: what is stored still says all
        action = stored["change"] or stored["check"]
        label, commands = Sentence(str(action["action"])), []
    else:
        label, commands = step.label(), step.commands()
    return PlannedStep(
        label=label, phase=phase_label(stored["phase"]), changing=bool(stored["change"]),
        objects=[_object(item) for item in diff], manifest=manifest_of(stored["change"]), commands=commands,
    )  # fmt: skip


def manifest_of(change: Mapping[str, Json] | None) -> str:
    """Return what a change intends, as YAML: the object itself where it has one."""
    if not change:
        return ""
    shown = change.get("object") or {key: value for key, value in change.items() if key != "action"}
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=100).rstrip()


def _object(stored: Mapping[str, Json]) -> PlannedObject:
    return PlannedObject(
        touch=stored["touch"], name=object_name(stored["ref"]), checked=stored["checked"],
        changes=[FieldChange(c["path"], _text(c["before"]), _text(c["after"])) for c in stored["changes"]],
        conflicts=stored["conflicts"],
    )  # fmt: skip


def _text(value: Json) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return canonical_text(value)


def refusal(page: PlanPage, user: Any) -> str:
    """Return why this person may not decide about the plan, or an empty text."""
    for decision in page.decisions:
        if decision.by_id == user.pk:
            return str(say("plan.twice"))
    return str(may_decide(page.plan, user) or "")
