"""Undoing a run: the inverse of each change that it recorded, backwards, as the steps of a plan like any other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import groupby
from typing import Any, ClassVar

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.services import record
from kbconsole.common.errors import ConsoleError, Stale
from kbconsole.common.policy import Policy
from kbconsole.common.roles import Role
from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.jobs import lanes, services
from kbconsole.jobs.definition import (
    Ended,
    Job,
    Mark,
    Step,
    Subject,
    Touch,
    job_sentence,
    load_job,
    register,
)
from kbconsole.jobs.models import ACTIVE, Plan, PlanStatus, Run, RunStatus, RunStep
from kbconsole.jobs.undo_others import Others
from kbconsole.jobs.undo_parts import Part, parts_of, used_since, what_stays

declare(
    {
        "undo.what": _("Take back what run %(run)s (%(job)s) made: %(subject)s"),
        "undo.mark": _("undoes run %(run)s"),
        "undo.active": _(
            "Run %(run)s is under way. Cancel it, or wait until it ends; then it can be undone."
        ),
        "undo.only_looked": _("Run %(run)s only looked and changed nothing, so there is nothing to undo."),
        "undo.nothing": _("Run %(run)s changed nothing, so there is nothing to undo."),
        "undo.not_known": _(
            "Whether run %(run)s changed anything is not known, as answers were lost: %(what)s. Retry the run first, "
            "or look there."
        ),
        "undo.all_stays": _("Nothing that run %(run)s did can be taken back by the console. %(what)s"),
        "undo.and": _("%(one)s %(other)s"),
        "undo.done": _("Run %(run)s was undone already, by run %(by)s."),
        "undo.under_way": _("Run %(run)s is being undone by run %(by)s. Wait until that one ends."),
        "undo.other_plan": _(
            "Plan %(plan)s for %(subject)s waits for a decision. Have it decided or withdrawn first; then this run can "
            "be undone."
        ),
        "undo.other_plane": _(
            "%(plane)s is another cluster now than when run %(run)s changed it, or not registered any more, so nothing "
            "is taken back there. Look by hand for what the run left on the former one."
        ),
        "undo.silent": _(
            "%(plane)s gives no answer, so what run %(run)s made there stays for now: %(what)s. Undo the run once more "
            "when the plane answers again."
        ),
        "run.undo_requested": _("Asked to undo run %(run)s: %(job)s for %(subject)s"),
    }
)


@register
@dataclass(frozen=True)
class UndoRun(Job):
    """Take back what a run made. `kept` are the sentences about what stays, found out when the plan is made.

    `apart` are lanes where nothing is taken back, found out likewise: an earlier undo did it, or the plane gives no
    answer, or is another one now. For those the run can be undone once more.
    """

    slug: ClassVar[str] = "undo-run"
    label: ClassVar[Any] = _("Undo a run")
    approval: ClassVar[Policy] = Policy(
        asks=(Role.DBA, Role.ADMIN),
        owned=True,
        like=lambda job: job.undone(),
        note=_(
            "Who may ask for a run may ask for its undo, and as many have to agree. It deletes only what it made."
        ),
    )
    run: int
    job: str
    job_params: dict[str, Json]
    kept: list[Json] = field(default_factory=list)
    apart: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Raises KeyError or TypeError where the code of what was done is gone: then nothing knows its inverse."""
        self.undone()

    def undone(self) -> Job:
        return load_job(self.job, self.job_params)

    def subject(self) -> Subject:
        return self.undone().subject()

    def _run(self) -> Run:
        return Run.objects.select_related("plan").get(pk=self.run)

    def _parts(self, others: Others | None = None) -> list[Part]:
        return parts_of(self._run(), RunStep.objects.filter(run=self.run), others or Others(self.run))

    def _going(self, parts: Iterable[Part]) -> list[Part]:
        return [part for part in parts if part.back is not None and part.row.lane not in self.apart]

    def lanes(self) -> list[str]:
        """Only those where something is taken back: what happened elsewhere holds nothing up."""
        going = {part.row.lane for part in self._going(self._parts())}
        return [lane for lane in self._run().lanes if lane in going]

    def informed(self) -> UndoRun:
        others = Others(self.run)
        parts, run = self._parts(others), self._run()
        left = left_to_undo(run, parts, undoings(run))
        out = _out_of_reach(run, [part for part in parts if part.row.lane in left])
        apart = ({part.row.lane for part in parts if part.back} - left) | out.keys()
        fresh = replace(self, apart=sorted(apart))
        said = [*out.values(), *used_since(fresh._going(parts), others), *what_stays(parts)]
        return replace(fresh, kept=[sentence.to_json() for sentence in said])

    def steps(self) -> Iterator[Step]:
        parts = self._going(self._parts())
        if not parts:
            raise self._nowhere()
        yield from self.undone().undo_looks([part.back for part in parts if part.back])
        for part in _lane_by_lane(parts, self._run().lanes):
            row = part.row
            assert part.back is not None  # noqa: S101
            yield part.back.as_step(on=row.lane, phase=row.phase, gate=_waits(part, parts))

    def _nowhere(self) -> ConsoleError:
        """Return why there is no lane to begin with: what is said first is said of those out of reach."""
        if not self.apart or not self.kept:
            return Stale("undo.nothing", run=self.run)
        first = Sentence.from_json(self.kept[0])
        return ConsoleError(first.code, **first.params)

    def facts(self) -> dict[str, Json]:
        """With what others have found there until now: a run that comes to rely on it meanwhile makes this stale."""
        now, others = lanes.identities(), Others(self.run)
        used = used_since(self._going(self._parts(others)), others)
        return {
            "undoes": self.run, "planes": {lane: now[lane] for lane in self.lanes() if lane in now},
            "used": [sentence.to_json() for sentence in used],
        }  # fmt: skip

    def what(self) -> Sentence:
        return say("undo.what", run=self.run, job=job_sentence(self.job), subject=self.subject().label)

    def marks(self) -> list[Mark]:
        return [Mark(say("undo.mark", run=self.run), "warn")]

    def cautions(self) -> list[Sentence]:
        return [Sentence.from_json(stored) for stored in self.kept]

    def allows(self, user: Any, act: str) -> bool:
        return self.undone().allows(user, act)

    def shares(self, user: Any) -> bool:
        return self.undone().shares(user)

    def on_start(self, run_id: int) -> None:
        self.undone().on_undo_start(run_id)

    def on_end(self, ended: Ended) -> None:
        self.undone().on_undo_end(ended)


def _out_of_reach(run: Run, parts: Iterable[Part]) -> dict[str, Sentence]:
    """Return by lane why nothing can be taken back now. A command knows names alone: the plane has to be the same."""
    made: dict[str, list[Json]] = {}
    for part in parts:
        if part.back is not None:
            made.setdefault(part.row.lane, []).extend(part.touched(Touch.CREATED) or [part.row.label])
    facts = run.plan.body()["facts"] if run.plan and run.plan.content else {}
    then, now = facts.get("planes") or {}, lanes.identities()
    silent = lanes.unheard(lane for lane in made if lane in now)
    out: dict[str, Sentence] = {}
    for lane, what in sorted(made.items()):
        if lane in then and now.get(lane) != then[lane]:
            out[lane] = say("undo.other_plane", plane=lane, run=run.pk)
        elif lane in silent:
            out[lane] = say("undo.silent", plane=lane, run=run.pk, what=what)
    return out


def _lane_by_lane(parts: Iterable[Part], order: Sequence[str]) -> Iterator[Part]:
    """Yield parts of one phase in the order of the lanes, which do not wait for each other; else as they are."""
    for _phase, group in groupby(parts, key=lambda part: part.row.phase):
        yield from sorted(group, key=lambda part: order.index(part.row.lane))


def _waits(part: Part, parts: Iterable[Part]) -> bool:
    """Whether the run made something later, elsewhere, that had waited for this: that goes first."""
    row = part.row
    return any(
        other.row.content["gate"] and other.row.phase_order > row.phase_order and other.row.lane != row.lane
        for other in parts
    )


# Asking for it


def undoings(run: Run) -> list[Plan]:
    """Return the plans that undo a run, newest first, each with its runs."""
    return list(run.undo_plans.order_by("-id").defer("content").prefetch_related("runs"))


def executed(plan: Plan) -> Run | None:
    """Return the run of a plan, None where it has none yet."""
    return next((run for run in plan.runs.all() if run.job == plan.job), None)


def open_undo(plans: Iterable[Plan]) -> Plan | None:
    """Return the undo that is being planned or waits for a decision."""
    waiting = (PlanStatus.MAKING, PlanStatus.READY)
    return next((plan for plan in plans if plan.status in waiting and not plan.lapsed), None)


def undo_refusal(run: Run, rows: Iterable[RunStep], plans: Iterable[Plan]) -> Stale | None:
    """Return why the run cannot be undone, whoever asks, or None. `plans` are those that undo it."""
    job = run.known_definition()
    if run.active:
        return Stale("undo.active", run=run.pk)
    if job is None:
        return Stale("jobs.code_gone")
    if not job.planned or run.plan is None:
        return Stale("undo.only_looked", run=run.pk)
    made = [found for found in map(executed, plans) if found]
    if active := next((found for found in made if found.status in ACTIVE), None):
        return Stale("undo.under_way", run=run.pk, by=active.pk)
    done = next((found for found in made if found.status == RunStatus.SUCCEEDED), None)
    parts = parts_of(run, rows, Others(run.pk) if done else None)
    if done and not left_to_undo(run, parts, plans):
        return Stale("undo.done", run=run.pk, by=done.pk)
    return _nothing_to_undo(run, job, parts) or _other_plan(run)


def left_to_undo(run: Run, parts: Iterable[Part], plans: Iterable[Plan]) -> set[str]:
    """Return the lanes that no undo has dealt with to its end. `plans` are those that undo the run."""
    done = [made for made in map(executed, plans) if made and made.status == RunStatus.SUCCEEDED]
    if any(made.job != UndoRun.slug for made in done):
        return set()
    return {part.row.lane for part in parts if part.back} - {lane for made in done for lane in made.lanes}


def _nothing_to_undo(run: Run, job: Job, parts: list[Part]) -> Stale | None:
    if not any(part.did for part in parts):
        lost: list[Json] = [part.row.label for part in parts if part.lost]
        return Stale("undo.not_known", run=run.pk, what=lost) if lost else Stale("undo.nothing", run=run.pk)
    better = job.undone_by(run.pk)
    if isinstance(better, Sentence):
        return Stale(better.code, **better.params)
    if better is None and not any(part.back for part in parts):
        stays = what_stays(parts)
        said = reduce(lambda one, other: say("undo.and", one=one, other=other), stays) if stays else None
        return Stale("undo.all_stays", run=run.pk, what=said) if said else Stale("undo.nothing", run=run.pk)
    return None


def _other_plan(run: Run) -> Stale | None:
    """Return the refusal while another plan about the subject is open: a new plan would replace it."""
    waiting = Plan.objects.filter(
        subject_kind=run.subject_kind, subject_id=run.subject_id,
        status__in=[PlanStatus.MAKING, PlanStatus.READY],
    ).exclude(undoes=run.pk)  # fmt: skip
    plan = next((plan for plan in waiting if not plan.lapsed), None)
    return Stale("undo.other_plan", plan=plan.pk, subject=run.subject_label) if plan else None


@transaction.atomic
def undo(run_id: int, *, by: Any, reason: str = "") -> Plan:
    """Ask for the plan that takes a run back; of two people at once both get the same. Raises Refused, Stale."""
    run = Run.objects.select_for_update(of=("self",)).select_related("plan").get(pk=run_id)
    services.may_act(run, by, "run")
    plans = undoings(run)
    if waiting := open_undo(plans):
        return waiting
    if refusal := undo_refusal(run, run.steps.all(), plans):
        raise refusal
    better = run.definition().undone_by(run.pk)
    job = better if isinstance(better, Job) else UndoRun(run.pk, run.job, run.params)
    on = (run.subject_kind, run.subject_id, run.subject_label)
    record(
        "run.undo_requested", by=by, on=on, run_id=run.pk, reason=reason, run=run.pk,
        job=job_sentence(run.job), subject=run.subject_label,
    )  # fmt: skip
    return services.make_plan(job, by=by, reason=reason, undoes=run)
