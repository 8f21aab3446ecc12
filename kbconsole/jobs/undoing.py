"""Undoing a run: the inverse of each change that it recorded, backwards, as the steps of a plan like any other.

What a run made is in its rows, with the UID of each object, so an undo deletes nothing else; what it only changed, or
removed, stays as it is, and the plan says so before anybody approves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
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
    CONSOLE,
    Change,
    Ended,
    Job,
    Mark,
    Outcome,
    Step,
    Subject,
    Touch,
    canonical_text,
    job_sentence,
    load_job,
    register,
)
from kbconsole.jobs.models import ACTIVE, Plan, PlanStatus, Run, RunStatus, RunStep, StepStatus

MOST_LATER = 5000
"""How many steps of later runs are searched for objects that would go."""

declare(
    {
        "undo.what": _("Take back what run %(run)s (%(job)s) made: %(subject)s"),
        "undo.mark": _("undoes run %(run)s"),
        "undo.console": _("the console"),
        "undo.run_named": _("run %(run)s (%(job)s: %(subject)s)"),
        "undo.active": _(
            "Run %(run)s is under way. Cancel it, or wait until it ends; then it can be undone."
        ),
        "undo.only_looked": _("Run %(run)s only looked and changed nothing, so there is nothing to undo."),
        "undo.nothing": _("Run %(run)s changed nothing, so there is nothing to undo."),
        "undo.nothing_made": _(
            "Run %(run)s made nothing that can be taken back: it changed or removed what was there before, and what "
            "that was is kept nowhere. Set right by hand what has to be otherwise."
        ),
        "undo.done": _("Run %(run)s was undone already, by run %(by)s."),
        "undo.under_way": _(
            "Run %(run)s is being undone, by run %(by)s. Wait for it; if it failed, retry that one."
        ),
        "undo.other_plan": _(
            "Plan %(plan)s for %(subject)s waits for a decision. Have it decided or withdrawn first; then this run can "
            "be undone."
        ),
        "undo.other_plane": _(
            "%(plane)s is another cluster now than when run %(run)s changed it, so nothing is taken back there. Look "
            "by hand for what the run left on the former one."
        ),
        "undo.stays_changed": _(
            "%(plane)s: %(what)s was there before the run, which changed it. It stays as it is now: what it was before "
            "is kept nowhere."
        ),
        "undo.stays_taken": _(
            "%(plane)s: %(what)s was there before the run, which took fields of it away from others. It stays as it is "
            "now; whoever managed these fields before has to apply them again."
        ),
        "undo.stays_removed": _("%(plane)s: %(what)s was removed by the run and cannot be brought back."),
        "undo.stays_made": _(
            "%(plane)s: %(what)s was made by the run and stays, since nothing is known that takes it back. Remove it "
            "by hand if nobody needs it."
        ),
        "undo.stays_unknown": _(
            "%(plane)s: whether the run did this is not known, as the answer was lost: %(what)s. Retry the run first, "
            "or look there; what it may have made stays."
        ),
        "undo.stays_older": _(
            "%(plane)s: this was done by an older version of the console, which alone knew how to take it back: "
            "%(what)s. It stays."
        ),
        "undo.others_use": _(
            "%(plane)s: %(what)s goes, though later runs found it there and may rely on it: %(runs)s."
        ),
        "run.undo_requested": _("Asked to undo run %(run)s: %(job)s for %(subject)s"),
    }
)


@dataclass(frozen=True)
class Part:
    """What one step of a run did. `back` takes it back; None: nothing does. `change` is None for an unknown one."""

    row: RunStep
    change: Change | None
    outcome: Outcome
    back: Change | None

    @property
    def plane(self) -> Json:
        return say("undo.console") if self.row.lane == CONSOLE else self.row.lane

    @property
    def done(self) -> bool:
        """Whether it was carried out at all, by the console or by a person whom it asked to."""
        return self.row.outcome is not None or bool(self.row.earlier)

    @property
    def did(self) -> bool:
        """Whether anything is other than before. A command that a person ran is known by its empty outcome."""
        touches = [one.touch for one in self.outcome.touched]
        by_hand = self.done and not touches
        return by_hand or any(touch not in (Touch.UNCHANGED, Touch.ABSENT) for touch in touches)

    def touched(self, touch: Touch) -> list[str]:
        return [named(one.ref) for one in self.outcome.touched if one.touch == touch]


def parts_of(run: Run, rows: Iterable[RunStep], *, certain: bool = True) -> list[Part]:
    """Return what the steps of a run did, the last one first.

    Not `certain`: without asking what other runs made, for a page that only wants to know whether there is anything.
    """
    seen = _seen_before(run)
    changing = [row for row in rows if row.content["change"]]
    return [_part(row, seen, certain) for row in sorted(changing, key=lambda row: -row.position)]


def _part(row: RunStep, seen: Mapping[str, Json], certain: bool) -> Part:
    outcome = row.made()
    try:
        change = Change.load(row.content["change"])
    except (KeyError, TypeError, ValueError):  # an action of an older version
        return Part(row, None, outcome, None)
    outcome = _ours(row, outcome, seen, certain)
    return Part(row, change, outcome, change.inverse(outcome))


def _seen_before(run: Run) -> dict[str, Json]:
    """Return what the plan's dry run said of each change, by its canonical text."""
    if run.plan is None or not run.plan.content:
        return {}
    steps = run.plan.body()["steps"]
    return {canonical_text(steps[one.position]["change"]): one.diff for one in run.plan.diffs.all()}


def _ours(row: RunStep, outcome: Outcome, seen: Mapping[str, Json], certain: bool) -> Outcome:
    """Return the outcome with what the run made, though it only found it there: its worker died with the answer.

    An apply leaves an object unchanged only if the console has applied the very same before. Where nothing was there
    when the run began, and no other run says that it made it, it was this one.
    """
    diff = seen.get(canonical_text(row.content["change"])) or []
    absent = {canonical_text(one["ref"]) for one in diff if one["touch"] == Touch.CREATED and not one["uid"]}
    found = []
    for one in outcome.touched:
        fresh = one.touch == Touch.UNCHANGED and one.uid and canonical_text(dict(one.ref)) in absent
        mine = fresh and not (certain and _made_elsewhere(row, one.uid))
        found.append(replace(one, touch=Touch.CREATED) if mine else one)
    return Outcome(tuple(found))


def _made_elsewhere(row: RunStep, uid: str) -> bool:
    others = RunStep.objects.filter(lane=row.lane, outcome__isnull=False).exclude(run=row.run_id)
    touched = (one for other in others.order_by("-id")[:MOST_LATER] for one in other.made().touched)
    return any(one.uid == uid and one.touch == Touch.CREATED for one in touched)


# What stays, and what others may miss


def what_stays(parts: Iterable[Part]) -> list[Sentence]:
    """Return what is not taken back, plane by plane, in the order in which the run did it."""
    grouped: dict[tuple[str, str], list[Json]] = {}
    planes: dict[str, Json] = {}
    own: list[Sentence] = []
    for part in reversed([part for part in parts if part.back is None]):
        said = part.change.stays(part.outcome) if part.change and part.done else None
        own += [said] if said else []
        planes[part.row.lane] = part.plane
        for code, what in () if said else _staying(part):
            grouped.setdefault((code, part.row.lane), []).append(what)
    return [*own, *(say(code, plane=planes[lane], what=what) for (code, lane), what in grouped.items())]


def _staying(part: Part) -> Iterator[tuple[str, Json]]:
    """Yield the sentence and the object, or the step, of all that stays of a part without an inverse."""
    row = part.row
    lost = row.status == StepStatus.ERRORED or (
        row.status != StepStatus.PENDING and row.troubles + row.lost > 0
    )
    if not part.done and lost:
        yield "undo.stays_unknown", row.label
    if part.change is None and part.did:
        yield "undo.stays_older", row.label
        return
    changed = "undo.stays_taken" if row.content["change"].get("force") else "undo.stays_changed"
    told = {Touch.UPDATED: changed, Touch.REMOVED: "undo.stays_removed", Touch.CREATED: "undo.stays_made"}
    for touch, code in told.items():
        for what in part.touched(touch):
            yield code, what


def named(ref: Mapping[str, str]) -> str:
    """Return "Kind namespace/name"."""
    name = "/".join(text for text in (ref.get("namespace"), ref["name"]) if text)
    return f"{ref['kind']} {name}"


def _used_since(run_id: int, parts: Iterable[Part]) -> list[Sentence]:
    """Return which later runs found there what would go."""
    going = {
        (part.row.lane, one.uid): (part.plane, named(one.ref))
        for part in parts if part.back is not None
        for one in part.outcome.touched if one.touch == Touch.CREATED and one.uid
    }  # fmt: skip
    later = RunStep.objects.filter(
        run__gt=run_id, outcome__isnull=False, lane__in={lane for lane, _uid in going}
    )
    users: dict[tuple[str, str], dict[int, Sentence]] = {}
    for row in later.select_related("run").order_by("-id")[:MOST_LATER]:
        for one in row.made().touched:
            if (row.lane, one.uid) in going and one.touch not in (Touch.REMOVED, Touch.ABSENT):
                users.setdefault((row.lane, one.uid), {})[row.run_id] = _run_named(row.run)
    return [
        say("undo.others_use", plane=going[key][0], what=going[key][1], runs=list(runs.values()))
        for key, runs in users.items()
    ]


def _run_named(run: Run) -> Sentence:
    return say("undo.run_named", run=run.pk, job=job_sentence(run.job), subject=run.subject_label)


# The job


@register
@dataclass(frozen=True)
class UndoRun(Job):
    """Take back what a run made. `kept` are the sentences about what stays, found out when the plan is made."""

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

    def __post_init__(self) -> None:
        """Raises KeyError or TypeError where the code of what was done is gone: then nothing knows its inverse."""
        self.undone()

    def undone(self) -> Job:
        return load_job(self.job, self.job_params)

    def subject(self) -> Subject:
        return self.undone().subject()

    def _run(self) -> Run:
        return Run.objects.select_related("plan").get(pk=self.run)

    def _parts(self) -> list[Part]:
        return parts_of(self._run(), RunStep.objects.filter(run=self.run))

    def lanes(self) -> list[str]:
        """Only those where something is taken back: what happened elsewhere holds nothing up."""
        going = {part.row.lane for part in self._parts() if part.back is not None}
        return [lane for lane in self._run().lanes if lane in going]

    def informed(self) -> UndoRun:
        parts = self._parts()
        said = [*_used_since(self.run, parts), *what_stays(parts)]
        return replace(self, kept=[sentence.to_json() for sentence in said])

    def steps(self) -> Iterator[Step]:
        parts = [part for part in self._parts() if part.back is not None]
        self._same_planes({part.row.lane for part in parts})
        yield from self.undone().undo_looks([part.back for part in parts if part.back])
        for part in parts:
            row = part.row
            assert part.back is not None  # noqa: S101
            yield part.back.as_step(on=row.lane, phase=row.phase, gate=_waits(part, parts))

    def _same_planes(self, concerned: Iterable[str]) -> None:
        """Raise ConsoleError where a plane's name belongs to another cluster by now: a command knows names alone."""
        run = self._run()
        facts = run.plan.body()["facts"] if run.plan and run.plan.content else {}
        then, now = facts.get("planes") or {}, lanes.identities()
        for lane in sorted(concerned):
            if lane in then and now.get(lane) != then[lane]:
                raise ConsoleError("undo.other_plane", plane=lane, run=self.run)

    def facts(self) -> dict[str, Json]:
        now = lanes.identities()
        return {"undoes": self.run, "planes": {lane: now[lane] for lane in self.lanes() if lane in now}}

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
    return list(run.undo_plans.order_by("-id").prefetch_related("runs"))


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
    for made in filter(None, map(executed, plans)):
        if made.status == RunStatus.SUCCEEDED:
            return Stale("undo.done", run=run.pk, by=made.pk)
        if made.status in ACTIVE:
            return Stale("undo.under_way", run=run.pk, by=made.pk)
    return _nothing_to_undo(run, job, parts_of(run, rows, certain=False)) or _other_plan(run)


def _nothing_to_undo(run: Run, job: Job, parts: list[Part]) -> Stale | None:
    if not any(part.did for part in parts):
        return Stale("undo.nothing", run=run.pk)
    better = job.undone_by(run.pk)
    if isinstance(better, Sentence):
        return Stale(better.code, **better.params)
    if better is None and not any(part.back for part in parts):
        return Stale("undo.nothing_made", run=run.pk)
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
