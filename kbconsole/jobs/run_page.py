"""What the page of a run shows: the present in a sentence, lanes × phases, one opened cell, what was changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from kbconsole.common.sentences import Sentence
from kbconsole.common.templatetags.badges import Look, look_of
from kbconsole.jobs.cautions import object_name
from kbconsole.jobs.cures import cures_of
from kbconsole.jobs.definition import CONSOLE, Job, Touch, Verdict, phase_label
from kbconsole.jobs.models import Decision, Plan, Run, RunEvent, RunStatus, RunStep, StepStatus
from kbconsole.jobs.pages import duration, lane_label, listed, may, since
from kbconsole.jobs.plan_page import manifest_of
from kbconsole.jobs.services import retry_refusal
from kbconsole.jobs.undo_others import Others
from kbconsole.jobs.undo_parts import parts_of
from kbconsole.jobs.undoing import executed, left_to_undo, open_undo, undo_refusal, undoings

# The state that a cell of several steps shows: the first of these that one of them has.
WORST = (
    StepStatus.ERRORED, StepStatus.FAILED, StepStatus.NEEDS_PERSON, StepStatus.WAITING, StepStatus.RUNNING,
    StepStatus.CANCELLED, StepStatus.SKIPPED, StepStatus.PENDING, StepStatus.SUCCEEDED,
)  # fmt: skip
# The cell that a page opens by itself: what needs somebody, then what moves.
URGENT = WORST[:5]
PARKED = (StepStatus.WAITING, StepStatus.NEEDS_PERSON)
CHANGED = (Touch.CREATED, Touch.UPDATED, Touch.REMOVED)
MOST_EVENTS = 200


@dataclass
class Cell:
    """The steps of one lane in one phase; known by the position of the first."""

    lane: str
    phase: str
    steps: list[RunStep]

    @property
    def key(self) -> int:
        return self.steps[0].position

    @property
    def title(self) -> str:
        return f"{lane_label(self.lane)} · {phase_label(self.phase)}"

    @property
    def status(self) -> str:
        """The worst status; "warn" where all is done and a finding deserves a second look."""
        statuses = {step.status for step in self.steps}
        worst = next(status for status in WORST if status in statuses)
        if worst == StepStatus.SUCCEEDED and any(_verdict(step) == Verdict.WARN for step in self.steps):
            return "warn"
        return str(worst)

    @property
    def look(self) -> Look:
        return look_of(self.status, "check" if self.status == "warn" else "run")

    @property
    def done(self) -> int:
        return sum(step.status == StepStatus.SUCCEEDED for step in self.steps)

    @property
    def sentence(self) -> str:
        """Why it failed or what it waits for, in the words of the step that decides the status."""
        if self.status not in URGENT or self.status == StepStatus.RUNNING:
            return ""
        step = next(step for step in self.steps if step.status == self.status)
        return str(Sentence.from_json(step.finding["sentence"])) if step.finding else ""


@dataclass
class Lane:
    """One row of the grid; None where the lane has nothing to do in a phase."""

    name: str
    cells: list[Cell | None]

    @property
    def label(self) -> str:
        return lane_label(self.name)

    @property
    def finished(self) -> bool:
        return all(cell is None or cell.status in ("succeeded", "warn") for cell in self.cells)


@dataclass(frozen=True)
class StepShown:
    """One step of the opened cell."""

    row: RunStep
    manifest: str
    commands: list[str]
    objects: list[tuple[str, str]]
    took: str

    @property
    def parked(self) -> bool:
        return self.row.status in PARKED

    @property
    def by_hand(self) -> bool:
        """Whether a person has to run its commands; then the console looks at what came of them."""
        return self.row.status == StepStatus.NEEDS_PERSON and bool(self.commands)

    @property
    def warned(self) -> bool:
        return self.row.status == StepStatus.SUCCEEDED and _verdict(self.row) == Verdict.WARN


@dataclass
class Changed:
    """What the run has changed on one lane so far."""

    lane: str
    objects: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class RunPage:
    """A run, ready to be shown."""

    run: Run
    phases: list[str]
    lanes: list[Lane]
    steps: list[RunStep]
    decisions: list[Decision]
    open: Cell | None
    chosen: bool
    shown: list[StepShown]
    cell_events: list[RunEvent]
    undo_plans: list[Plan]
    """Those that take the run back, newest first."""

    @property
    def undone(self) -> Run | None:
        """The run that took it back, or tried to last."""
        return next((made for plan in self.undo_plans if (made := executed(plan))), None)

    @cached_property
    def undone_wholly(self) -> bool:
        """Whether all that can be taken back was: an undo leaves out planes that give no answer."""
        made = self.undone
        if made is None or made.status != RunStatus.SUCCEEDED:
            return False
        return not left_to_undo(
            self.run, parts_of(self.run, self.steps, Others(self.run.pk)), self.undo_plans
        )

    @property
    def undo_instead(self) -> Sentence | None:
        """What another job would do that undoes it better than the inverses of its changes."""
        better = self.run.told(lambda job: job.undone_by(self.run.pk), None)
        return better.what() if isinstance(better, Job) else None

    @property
    def undo_waiting(self) -> Plan | None:
        """The undo that is being planned or waits for a decision."""
        return open_undo(self.undo_plans)

    @property
    def undoable(self) -> bool:
        """Whether it is of a kind that may be undone at all: what only looks is not."""
        return not self.run.active and self.run.told(lambda job: job.planned, otherwise=False)

    @property
    def present(self) -> str:
        return present(self.run, self.steps)

    @property
    def elapsed(self) -> str:
        return since(self.run.started_at, self.run.ended_at)

    @property
    def done(self) -> int:
        return sum(step.status == StepStatus.SUCCEEDED for step in self.steps)

    @property
    def planes(self) -> list[Lane]:
        return [lane for lane in self.lanes if lane.name != CONSOLE]

    @property
    def planes_done(self) -> int:
        return sum(lane.finished for lane in self.planes)

    @property
    def changed(self) -> list[Changed]:
        found: dict[str, Changed] = {}
        for step in self.steps:
            for touch, name in touched(step):
                if touch in CHANGED:
                    found.setdefault(step.lane, Changed(lane_label(step.lane))).objects.append((touch, name))
        return list(found.values())

    @property
    def changed_count(self) -> int:
        return sum(len(changed.objects) for changed in self.changed)

    @property
    def left(self) -> list[RunStep]:
        return [step for step in self.steps if step.status != StepStatus.SUCCEEDED]

    @property
    def troubled(self) -> list[tuple[int, str, RunStep]]:
        """The steps that went wrong, as (key of the cell, lane, step)."""
        return [
            (cell.key, lane.label, step)
            for lane in self.lanes
            for cell in lane.cells
            if cell
            for step in cell.steps
            if step.status in (StepStatus.FAILED, StepStatus.ERRORED)
        ]

    @property
    def cures(self) -> list[tuple[Any, str]]:
        """Acts beside Retry that the advice of the failed steps leads to: what is written on each, and where it is."""
        found = [] if self.run.active else cures_of(self.steps)
        return [(cure.label, cure.url(self.run.subject_id)) for cure in found]

    @property
    def retryable(self) -> bool:
        return self.run.status in (RunStatus.FAILED, RunStatus.ERRORED, RunStatus.CANCELLED)

    @property
    def cell_query(self) -> str:
        return f"&cell={self.open.key}" if self.open and self.chosen else ""


def page_of(run: Run, cell: str) -> RunPage:
    """Read the page of a run, in a constant number of queries. `cell`: the opened one by its key, or any other text."""
    steps = list(run.steps.all())
    phases = list(dict.fromkeys(step.phase for step in sorted(steps, key=lambda step: step.phase_order)))
    lanes = _lanes(run, steps, phases)
    cells = [cell for lane in lanes for cell in lane.cells if cell]
    chosen = next((found for found in cells if str(found.key) == cell), None)
    opened = chosen or _urgent(cells)
    decisions = run.plan.decisions.select_related("by").order_by("id") if run.plan else []
    return RunPage(
        run=run, phases=[phase_label(phase) for phase in phases], lanes=lanes, steps=steps,
        decisions=list(decisions), open=opened, chosen=chosen is not None,
        shown=[_shown(step) for step in opened.steps] if opened else [],
        cell_events=_events_of(opened) if opened else [], undo_plans=undoings(run),
    )  # fmt: skip


def _lanes(run: Run, steps: Sequence[RunStep], phases: Sequence[str]) -> list[Lane]:
    cells: dict[tuple[str, str], Cell] = {}
    for step in steps:
        cells.setdefault((step.lane, step.phase), Cell(step.lane, step.phase, [])).steps.append(step)
    used = dict.fromkeys([*run.lanes, *(step.lane for step in steps)])
    names = [lane for lane in used if any(step.lane == lane for step in steps)]
    return [Lane(name, [cells.get((name, phase)) for phase in phases]) for name in names]


def _urgent(cells: Sequence[Cell]) -> Cell | None:
    for status in URGENT:
        for cell in cells:
            if cell.status == status:
                return cell
    return None


def _events_of(cell: Cell) -> list[RunEvent]:
    newest = RunEvent.objects.filter(step__in=[step.pk for step in cell.steps]).order_by("-seq")
    return list(newest[:50])[::-1]


def _verdict(step: RunStep) -> str:
    return str((step.finding or {}).get("verdict", ""))


def touched(step: RunStep) -> list[tuple[str, str]]:
    """Return what the step's change did in all attempts, as (touch, object)."""
    return [(str(one.touch), object_name(one.ref)) for one in step.made().touched]


def _shown(row: RunStep) -> StepShown:
    try:
        commands = row.step().commands()
    except (KeyError, TypeError):  # an action of an older version
        commands = []
    manifest = manifest_of(row.content["change"])
    return StepShown(row, manifest, commands, touched(row), since(row.started_at, row.ended_at))


def present(run: Run, steps: Sequence[RunStep]) -> str:
    """Say in a sentence what the run does, what it waits for, or how it ended."""
    if run.status == RunStatus.QUEUED:
        return _("Waits for a worker since %(since)s.") % {"since": since(run.sent_at or run.created_at)}
    if run.status == RunStatus.SUCCEEDED:
        return _("All %(n)s steps succeeded.") % {"n": len(steps)}
    if run.status == RunStatus.CANCELLED:
        return _("Cancelled. What was made so far stays; it is listed below.")
    if run.active:
        return _now(run, steps)
    done = sum(step.status == StepStatus.SUCCEEDED for step in steps)
    return _("It stopped: %(done)s of %(all)s steps succeeded.") % {"done": done, "all": len(steps)}


def _at(step: RunStep) -> str:
    said = Sentence.from_json(step.finding["sentence"]) if step.finding else step.sentence
    return _("%(lane)s, %(what)s: %(said)s") % {
        "lane": lane_label(step.lane), "what": step.sentence, "said": said,
    }  # fmt: skip


def _now(run: Run, steps: Sequence[RunStep]) -> str:
    """Say what an active run does: what runs, else who is waited for, else what it waits for."""
    by_status = {status: [step for step in steps if step.status == status] for status in URGENT}
    if run.cancel_requested:
        return _("Stopping: the steps under way end first, nothing new begins.")
    if by_status[StepStatus.NEEDS_PERSON]:
        return _("Waits for a person. ") + _at(by_status[StepStatus.NEEDS_PERSON][0])
    if by_status[StepStatus.RUNNING]:
        running = by_status[StepStatus.RUNNING]
        return _("%(what)s, on %(lanes)s.") % {
            "what": str(running[0].sentence),
            "lanes": listed(dict.fromkeys(lane_label(step.lane) for step in running)),
        }
    if by_status[StepStatus.WAITING]:
        return _waits(by_status[StepStatus.WAITING][0])
    return _("A worker takes up the next step.")


def _waits(step: RunStep) -> str:
    deadline = step.content["deadline"]
    begun = step.waiting_since or step.started_at
    spent = since(begun)
    if not spent:
        return _at(step)
    if deadline is None:
        return _("%(at)s (for %(spent)s)") % {"at": _at(step), "spent": spent}
    return _("%(at)s (%(spent)s of at most %(most)s)") % {
        "at": _at(step), "spent": spent, "most": duration(deadline),
    }  # fmt: skip


def events_after(run: Run, after: int) -> list[RunEvent]:
    """Return the lines after a number, oldest first, at most MOST_EVENTS."""
    return list(run.events.filter(seq__gt=after)[:MOST_EVENTS])


def last_events(run: Run) -> list[RunEvent]:
    """Return the newest lines, oldest first."""
    return list(run.events.order_by("-seq")[:MOST_EVENTS])[::-1]


def refusals(run: Run, user: Any) -> dict[str, str]:
    """Return why this person may not cancel, retry or check again, by act; empty texts where they may."""
    again = may(run, user, "retry")
    over = "" if run.active or again else retry_refusal(run)
    cure = may(run, user, "run")
    return {
        "cancel": may(run, user, "cancel"),
        "retry": again or str(over or ""),
        "again": again,
        "cure": cure,
    }


def refused_undo(page: RunPage, user: Any) -> str:
    """Return why this person may not have the run undone, or an empty text."""
    if not page.undoable:
        return ""
    return may(page.run, user, "run") or str(undo_refusal(page.run, page.steps, page.undo_plans) or "")
