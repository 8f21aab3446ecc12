"""Taking steps, giving them back, and the reaper. Every write is guarded by status and fencing token."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from kbconsole.audit.services import record
from kbconsole.common.lifecycle import transition
from kbconsole.common.sentences import Sentence, say
from kbconsole.jobs.definition import Change, Finding, Level, Outcome, Verdict
from kbconsole.jobs.events import LEVELS, log
from kbconsole.jobs.execution import Result
from kbconsole.jobs.lifecycle import STEP
from kbconsole.jobs.models import Run, RunStep, StepStatus

MOST_TROUBLES = 3
MOST_LOSSES = 3


def lease() -> datetime:
    return timezone.now() + timedelta(seconds=settings.KBCONSOLE_LEASE_SECONDS)


def claim(run: Run, row: RunStep) -> bool:
    """Take a step for this worker. False: another worker was first."""
    changed = row.outcome is not None
    with transaction.atomic():
        first = row.status == StepStatus.PENDING
        taken = transition(
            row, to=StepStatus.RUNNING, edges=STEP, guard={"token": row.token}, token=row.token + 1,
            attempt=row.attempt + 1, lease_until=lease(), next_at=None,
            started_at=row.started_at or timezone.now(),
        )  # fmt: skip
        if not taken:
            return False
        if first:
            log(run, say("jobs.step_started", what=row.sentence), step=row)
        if row.content["change"] and not changed:
            record(
                "run.change_intended", by="worker", on=(run.subject_kind, run.subject_id, run.subject_label),
                outcome="intent", plane=row.lane, run_id=run.pk, plan_hash=run.plan.hash if run.plan else "",
                what=row.sentence,
            )  # fmt: skip
    return True


def renew(rows: Iterable[RunStep]) -> None:
    """Keep the leases of steps that are under way in this process."""
    for row in rows:
        RunStep.objects.filter(pk=row.pk, token=row.token, status=StepStatus.RUNNING).update(
            lease_until=lease()
        )


def settle(run: Run, row: RunStep, result: Result) -> bool:
    """Write what became of a step. False: the lease was lost, another worker owns it, nothing is written."""
    with transaction.atomic():
        return _settle(run, row, result)


def _settle(run: Run, row: RunStep, result: Result) -> bool:
    status, finding, extra = _judge(row, result)
    changes = {"lease_until": None, **extra}
    if result.outcome is not None:
        changes["outcome"] = result.outcome.to_json()
    before = row.finding
    if finding is not None:
        changes["finding"] = stored_finding(finding)
        if finding.facts is not None:
            changes["facts"] = finding.facts
    if status not in (StepStatus.WAITING, StepStatus.NEEDS_PERSON):
        changes["ended_at"] = timezone.now()
    if not transition(row, to=status, edges=STEP, guard={"token": row.token}, **changes):
        return False
    _tell(run, row, result, finding, before)
    return True


def _judge(row: RunStep, result: Result) -> tuple[StepStatus, Finding | None, dict[str, object]]:
    """Return the step's next status, the finding to keep, and what else changes."""
    finding = result.finding
    now = timezone.now()
    if result.bug:
        return StepStatus.ERRORED, finding, {}
    if result.trouble and finding and row.troubles + 1 < MOST_TROUBLES:
        seconds = settings.KBCONSOLE_POLL_SECONDS * 2**row.troubles
        again = say("jobs.trouble", what=finding.sentence, seconds=round(seconds, 1))
        parked = {"troubles": row.troubles + 1, "next_at": now + timedelta(seconds=seconds)}
        return StepStatus.WAITING, Finding(Verdict.WAIT, again), parked
    if finding is None or finding.verdict in (Verdict.PASS, Verdict.WARN):
        return StepStatus.SUCCEEDED, finding, {"troubles": 0}
    if finding.verdict == Verdict.PERSON:
        return StepStatus.NEEDS_PERSON, finding, {"troubles": 0, "next_at": None}
    if finding.verdict == Verdict.WAIT:
        return _wait(row, finding, now)
    return StepStatus.FAILED, finding, {}


def _wait(row: RunStep, finding: Finding, now: datetime) -> tuple[StepStatus, Finding, dict[str, object]]:
    since = row.waiting_since or now
    deadline = row.content["deadline"]
    if deadline is not None and (now - since).total_seconds() >= deadline:
        waited = say("jobs.waited_too_long", seconds=deadline, last=finding.sentence)
        late = waited if deadline else finding.sentence  # no deadline at all: it was to look once
        return StepStatus.FAILED, Finding(Verdict.FAIL, late, finding.fix, finding.facts), {}
    next_at = now + timedelta(seconds=settings.KBCONSOLE_POLL_SECONDS)
    return StepStatus.WAITING, finding, {"waiting_since": since, "next_at": next_at, "troubles": 0}


def stored_finding(finding: Finding) -> dict[str, object]:
    return {
        "verdict": str(finding.verdict),
        "sentence": finding.sentence.to_json(),
        "fix": finding.fix.to_json() if finding.fix else None,
    }


def _tell(run: Run, row: RunStep, result: Result, finding: Finding | None, before: object) -> None:
    """Write the lines and the audit entry of what happened; a wait that says the same again writes none."""
    change = row.content["change"]
    lasts = change is not None and Change.load(change).lasts
    if result.outcome is not None and not lasts:
        _tell_outcome(run, row, result.outcome)
    if lasts and row.status == StepStatus.SUCCEEDED:
        _audit_result(run, row, "success", row.sentence)
    if finding is None:
        log(run, say("jobs.step_done"), level=Level.PASS, step=row)
    elif stored_finding(finding) != before:
        log(run, finding.sentence, level=LEVELS[finding.verdict], step=row)
    if change and row.status in (StepStatus.FAILED, StepStatus.ERRORED):
        said: Sentence = finding.sentence if finding else say("jobs.step_done")
        _audit_result(run, row, "failure", said)


def _touched(touch: str, ref: Mapping[str, str]) -> Sentence:
    """Return what was done to one object, in words."""
    name = f"{ref['namespace']}/{ref['name']}" if ref.get("namespace") else ref["name"]
    return say("jobs.touched", touch=say(f"touch.{touch}"), kind=ref["kind"], name=name)


def _tell_outcome(run: Run, row: RunStep, outcome: Outcome) -> None:
    for item in outcome.touched:
        log(run, _touched(item.touch, item.ref), level=Level.PASS, step=row)
        for warning in item.warnings:
            log(run, say("jobs.server_warns", text=warning), level=Level.WARN, step=row)
    _audit_result(run, row, "success", row.sentence)


def _audit_result(run: Run, row: RunStep, outcome: str, what: Sentence) -> None:
    act = "run.change_ended" if outcome == "success" else "run.change_failed"
    record(
        act, by="worker", on=(run.subject_kind, run.subject_id, run.subject_label), outcome=outcome,
        plane=row.lane, run_id=run.pk, plan_hash=run.plan.hash if run.plan else "", what=what,
        touched=[_touched(one["touch"], one["ref"]) for one in row.outcome or []],
    )  # fmt: skip


def reap() -> list[int]:
    """Take back the steps whose worker let its lease run out. Returns the ids of their runs."""
    runs = set()
    for row in RunStep.objects.filter(
        status=StepStatus.RUNNING, lease_until__lt=timezone.now()
    ).select_related("run"):
        with transaction.atomic():
            if _take_back(row):
                runs.add(row.run_id)
    return sorted(runs)


def _take_back(row: RunStep) -> bool:
    often = row.lost + 1 >= MOST_LOSSES
    said = say("jobs.step_lost_often" if often else "jobs.step_lost")
    target = StepStatus.ERRORED if often else StepStatus.PENDING
    finding = {"finding": stored_finding(Finding(Verdict.FAIL, said))} if often else {}
    taken = transition(
        row, to=target, edges=STEP, guard={"token": row.token}, token=row.token + 1, lost=row.lost + 1,
        lease_until=None, **finding,
    )  # fmt: skip
    if taken:
        log(row.run, said, level=Level.FAIL if often else Level.WARN, step=row)
    return taken
