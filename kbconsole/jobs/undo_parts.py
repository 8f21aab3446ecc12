"""What a run did, step by step, and what takes it back; and what stays, said plane by plane.

What a run made is in its rows, with the UID of each object, so an undo deletes nothing else; what it only changed, or
removed, stays as it is, and the plan says so before anybody approves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.jobs.cautions import object_name
from kbconsole.jobs.definition import CONSOLE, Change, Outcome, Touch, canonical_text, job_sentence
from kbconsole.jobs.models import Run, RunStep, StepStatus
from kbconsole.jobs.undo_others import Others

declare(
    {
        "undo.console": _("The console"),
        "undo.run_named": _("run %(run)s (%(job)s: %(subject)s)"),
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

    @property
    def lost(self) -> bool:
        """Whether nobody knows if it was carried out: the answer was lost."""
        row = self.row
        troubled = row.status != StepStatus.PENDING and row.troubles + row.lost > 0
        return not self.done and (troubled or row.status == StepStatus.ERRORED)

    def touched(self, touch: Touch) -> list[str]:
        return [object_name(one.ref) for one in self.outcome.touched if one.touch == touch]


def parts_of(run: Run, rows: Iterable[RunStep], others: Others | None = None) -> list[Part]:
    """Return what the steps of a run did, the last one first.

    Without `others` nobody is asked what they made, for a page that only wants to know whether there is anything.
    """
    changing = [row for row in rows if row.content["change"]]
    found_there = any(one.touch == Touch.UNCHANGED for row in changing for one in row.made().touched)
    seen = _seen_before(run) if found_there else {}
    return [_part(row, seen, others) for row in sorted(changing, key=lambda row: -row.position)]


def _part(row: RunStep, seen: Mapping[str, Json], others: Others | None) -> Part:
    outcome = row.made()
    try:
        change = Change.load(row.content["change"])
    except (KeyError, TypeError, ValueError):  # an action of an older version
        return Part(row, None, outcome, None)
    if change.proves_author:
        outcome = _ours(row, outcome, seen, others)
    return Part(row, change, outcome, change.inverse(outcome))


def _seen_before(run: Run) -> dict[str, Json]:
    """Return what the plan's dry run said of each change, by its canonical text."""
    if run.plan is None or not run.plan.content:
        return {}
    steps = run.plan.body()["steps"]
    return {canonical_text(steps[one.position]["change"]): one.diff for one in run.plan.diffs.all()}


def _ours(row: RunStep, outcome: Outcome, seen: Mapping[str, Json], others: Others | None) -> Outcome:
    """Return the outcome with what the run made, though it only found it there: its worker died with the answer.

    Of a change whose UNCHANGED proves that the console has made the very same before: where nothing was there when
    the run began, and no other run says that it made it, it was this one.
    """
    diff = seen.get(canonical_text(row.content["change"])) or []
    absent = {canonical_text(one["ref"]) for one in diff if one["touch"] == Touch.CREATED and not one["uid"]}
    found = []
    for one in outcome.touched:
        fresh = one.touch == Touch.UNCHANGED and one.uid and canonical_text(dict(one.ref)) in absent
        mine = fresh and not (others and others.may_have_made(row.lane, one.uid))
        found.append(replace(one, touch=Touch.CREATED) if mine else one)
    return Outcome(tuple(found))


def what_stays(parts: Iterable[Part]) -> list[Sentence]:
    """Return what is not taken back, in the order in which the run did it; what is alike on planes is said once."""
    grouped: dict[tuple[str, str], list[Json]] = {}
    planes: dict[str, Json] = {}
    own: list[Sentence] = []
    for part in reversed([part for part in parts if part.back is None]):
        said = part.change.stays(part.outcome) if part.change and part.done else None
        own += [said] if said else []
        planes[part.row.lane] = part.plane
        for code, what in () if said else _staying(part):
            grouped.setdefault((code, part.row.lane), []).append(what)
    told = [say(code, plane=planes[lane], what=what) for (code, lane), what in grouped.items()]
    return _together([*own, *told])


def _together(sentences: Iterable[Sentence]) -> list[Sentence]:
    """Return sentences that differ in nothing but their plane as one that names all of these."""
    found: dict[tuple[str, str], tuple[dict[str, Json], list[Json]]] = {}
    for one in sentences:
        words = dict(one.to_json()["params"])
        plane = words.pop("plane", None)
        found.setdefault((one.code, canonical_text(words)), (words, []))[1].append(plane)
    return [say(code, plane=planes, **words) for (code, _words), (words, planes) in found.items()]


def _staying(part: Part) -> Iterator[tuple[str, Json]]:
    """Yield the sentence and the object, or the step, of all that stays of a part without an inverse."""
    row = part.row
    if part.lost:
        yield "undo.stays_unknown", row.label
    if part.change is None and part.did:
        yield "undo.stays_older", row.label
        return
    changed = "undo.stays_taken" if row.content["change"].get("force") else "undo.stays_changed"
    told = {Touch.UPDATED: changed, Touch.REMOVED: "undo.stays_removed", Touch.CREATED: "undo.stays_made"}
    for touch, code in told.items():
        for what in part.touched(touch):
            yield code, what


def used_since(parts: Iterable[Part], others: Others) -> list[Sentence]:
    """Return which other runs found there what would go."""
    used = [
        (part.plane, object_name(one.ref), runs)
        for part in parts if part.back is not None
        for one in part.outcome.touched
        if one.touch == Touch.CREATED and (runs := others.users(part.row.lane, one))
    ]  # fmt: skip
    rows = Run.objects.in_bulk({run for *_, runs in used for run in runs})
    return [
        say("undo.others_use", plane=plane, what=what, runs=[_run_named(rows[run]) for run in runs])
        for plane, what, runs in used
    ]


def _run_named(run: Run) -> Sentence:
    return say("undo.run_named", run=run.pk, job=job_sentence(run.job), subject=run.subject_label)
