"""Making a plan is itself a job: render, then a dry run on every plane at once.

And the two checks that stand before a run's first write: the plan renders to the same bytes, and what is there is
what was there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import Stale
from kbconsole.common.lifecycle import transition
from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.jobs.definition import (
    CONSOLE,
    Check,
    Ended,
    Finding,
    Job,
    Step,
    Subject,
    Verdict,
    actions,
    canonical_text,
    declare_phases,
    digest,
    load_job,
    register,
)
from kbconsole.jobs.dry_run_again import with_looks
from kbconsole.jobs.lifecycle import PLAN
from kbconsole.jobs.models import Plan, PlanDiff, PlanStatus, RunStatus

declare_phases(
    {
        "render": _("Render"),
        "dry-run": _("Dry run"),
        "confirm": _("Compare with the plan"),
        "baseline": _("Compare with the dry run"),
    }
)
declare(
    {
        "plan.render": _("Render the steps"),
        "plan.rendered": _("%(steps)s steps rendered."),
        "plan.dry_run": _("Ask %(plane)s what would change"),
        "plan.dry_run_done": _("%(objects)s objects asked about; nothing was changed."),
        "plan.unheard": _(
            "%(plane)s gives no answer, so what it holds is not known. The plan is made without it, and says so."
        ),
        "plan.gone": _("The plan was withdrawn or replaced meanwhile."),
        "plan.confirm": _("Render again and compare with the approved plan"),
        "plan.same": _("The same bytes as approved: %(hash)s."),
        "plan.stale": _(
            "Nothing was written: what would be done now is not what was approved (%(what)s). "
            "Make the plan again and have it approved."
        ),
        "plan.baseline": _("Compare %(plane)s with what the plan saw"),
        "plan.baseline_same": _("Nothing relevant changed on %(plane)s since the plan was made."),
        "plan.baseline_differs": _(
            "%(plane)s changed since the plan was made: %(what)s. Nothing was written there. Make the plan again."
        ),
        "plan.no_answer": _("The plan could not be made."),
    }
)


def render(job: Job) -> str:
    """Return the bytes of a plan: `{job, params, facts, steps}`. Reads planes. Raises ConsoleError."""
    steps = [step.canonical() for step in job.steps()]
    return canonical_text({"job": job.slug, "params": job.params(), "facts": job.facts(), "steps": steps})


def set_status(plan: Plan, to: PlanStatus, *, by: str, **changes: Any) -> bool:
    """Move a plan, in the caller's transaction, and tell its job. False: somebody else moved it first."""
    if not transition(plan, to=to, edges=PLAN, **changes):
        return False
    job = plan.known_definition()
    if job is not None:
        job.on_plan(plan_id=plan.pk, status=to, by=by)
    return True


@actions.register
@dataclass(frozen=True)
class Render(Check):
    """Render the plan's job and keep the bytes."""

    slug: ClassVar[str] = "plan-render"
    plan: int

    def label(self) -> Sentence:
        return say("plan.render")

    def look(self) -> Finding:
        plan = Plan.objects.get(pk=self.plan)
        job = plan.definition().informed()
        content = render(job)
        if not Plan.objects.filter(pk=plan.pk, status=PlanStatus.MAKING).update(
            content=content, hash=digest(content), params=job.params()
        ):
            raise Stale("plan.gone")
        plan.content = content
        return Finding(Verdict.PASS, say("plan.rendered", steps=len(plan.steps())))


@actions.register
@dataclass(frozen=True)
class DryRun(Check):
    """Ask one plane what every change of the plan would do there.

    The checks that stand before its first change are looked at too: what would fail the run fails the plan.
    """

    slug: ClassVar[str] = "plan-dry-run"
    plan: int
    plane: str

    def label(self) -> Sentence:
        return say("plan.dry_run", plane=self.plane)

    def look(self) -> Finding:
        plan = Plan.objects.get(pk=self.plan)
        if self.plane in plan.definition().unheard():
            return self._not_asked(plan)
        objects, changing = 0, False
        for position, step in enumerate(plan.steps()):
            if step.on != self.plane:
                continue
            if step.change is None:
                refusal = None if changing or step.check is None else _refusal(step.check)
                if refusal is not None:
                    return refusal
                continue
            changing = True
            diff = step.change.diff()
            objects += len(diff.objects)
            PlanDiff.objects.update_or_create(
                plan=plan,
                position=position,
                defaults={"lane": self.plane, "diff": diff.to_json(), "baseline": diff.baseline()},
            )
        return Finding(Verdict.PASS, say("plan.dry_run_done", objects=objects))

    def _not_asked(self, plan: Plan) -> Finding:
        """Keep for each change that what was there is not known, so that nothing can be compared before it."""
        for position, step in enumerate(plan.steps()):
            if step.on == self.plane and step.change is not None:
                what = {"lane": self.plane, "diff": [], "baseline": {"unknown": True}}
                PlanDiff.objects.update_or_create(plan=plan, position=position, defaults=what)
        return Finding(Verdict.WARN, say("plan.unheard", plane=self.plane))


def _refusal(check: Check) -> Finding | None:
    finding = check.look()
    return finding if finding.verdict == Verdict.FAIL else None


@register
@dataclass(frozen=True)
class MakePlan(Job):
    """Render a job to a plan and ask every plane what it would change."""

    slug: ClassVar[str] = "make-plan"
    label: ClassVar[object] = _("Make the plan")
    planned: ClassVar[bool] = False
    plan: int
    job: str
    job_params: Mapping[str, Json]

    def _target(self) -> Job:
        return load_job(self.job, self.job_params)

    def subject(self) -> Subject:
        return self._target().subject()

    def lanes(self) -> list[str]:
        return list(dict.fromkeys([CONSOLE, *self._target().lanes()]))

    def steps(self) -> Iterable[Step]:
        yield Step(on=CONSOLE, phase="render", check=Render(self.plan))
        for lane in self._target().lanes():  # the console's own, if the job changes something there
            yield Step(on=lane, phase="dry-run", check=DryRun(self.plan, lane), gate=True)

    def allows(self, user: object, act: str) -> bool:
        return self._target().allows(user, act)

    def on_end(self, ended: Ended) -> None:
        """From here on the plan is ready and never changes; or it says why it could not be made."""
        plan = Plan.objects.get(pk=self.plan)
        if plan.status != PlanStatus.MAKING:
            return
        if ended.status == RunStatus.SUCCEEDED:
            now, needed = timezone.now(), plan.definition().approvals_needed()
            until = now + timedelta(hours=settings.KBCONSOLE_PLAN_HOURS)
            set_status(
                plan, PlanStatus.READY, by=ended.by, made_at=now, valid_until=until, approvals_needed=needed
            )
            return
        run = plan.runs.get(pk=ended.run_id)
        bad = [
            row.finding for row in run.steps.all() if row.finding and row.finding["verdict"] == Verdict.FAIL
        ]
        failure = bad[0]["sentence"] if bad else say("plan.no_answer").to_json()
        set_status(plan, PlanStatus.FAILED, by=ended.by, failure=failure)


@actions.register
@dataclass(frozen=True)
class SamePlan(Check):
    """Render again, before the first write, and compare with the bytes that were approved."""

    slug: ClassVar[str] = "plan-confirm"
    plan: int

    def label(self) -> Sentence:
        return say("plan.confirm")

    def look(self) -> Finding:
        plan = Plan.objects.get(pk=self.plan)
        now = render(plan.definition())
        if digest(now) == plan.hash:
            return Finding(Verdict.PASS, say("plan.same", hash=plan.hash[:12]))
        with transaction.atomic():
            set_status(plan, PlanStatus.STALE, by="worker")
        return Finding(Verdict.FAIL, say("plan.stale", what=_difference(plan.content, now)))


def _difference(approved: str, now: str) -> list[str]:
    """Name the top-level parts that differ, and of the facts which."""
    old, new = Plan(content=approved).body(), Plan(content=now).body()
    parts = [part for part in ("params", "steps") if old[part] != new[part]]
    facts = sorted(key for key in old["facts"].keys() | new["facts"].keys()
                   if old["facts"].get(key) != new["facts"].get(key))  # fmt: skip
    return parts + facts


@actions.register
@dataclass(frozen=True)
class SameBaseline(Check):
    """Ask one plane again, before the first write, and compare with what the plan saw."""

    slug: ClassVar[str] = "plan-baseline"
    plan: int
    plane: str

    def label(self) -> Sentence:
        return say("plan.baseline", plane=self.plane)

    def look(self) -> Finding:
        plan = Plan.objects.get(pk=self.plan)
        seen = {diff.position: diff.baseline for diff in plan.diffs.filter(lane=self.plane)}
        for position, step in enumerate(plan.steps()):
            if step.on != self.plane or step.change is None:
                continue
            if step.change.diff().baseline() != seen.get(position):
                what = step.change.label()
                return Finding(Verdict.FAIL, say("plan.baseline_differs", plane=self.plane, what=what))
        return Finding(Verdict.PASS, say("plan.baseline_same", plane=self.plane))


def guarded(plan: Plan) -> list[Step]:
    """Return the steps of the run of a plan: the two comparisons, then the plan's own, dry-run again where needed.

    A plane that the plan was made without is not compared: nothing is known that it could be compared with.
    """
    apart = set(plan.definition().unheard())
    lanes = sorted({step.on for step in plan.steps() if step.change is not None} - apart)
    first = [Step(on=CONSOLE, phase="confirm", check=SamePlan(plan.pk))]
    compare = [
        Step(on=lane, phase="baseline", check=SameBaseline(plan.pk, lane), gate=True) for lane in lanes
    ]
    return [*first, *compare, *with_looks(plan)]
