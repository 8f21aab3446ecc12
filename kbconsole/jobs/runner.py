"""Advancing a run: claim what is ready, carry it out plane by plane at the same time, settle, conclude.

A worker holds a run for a slice of seconds. What waits is parked in its row; beat wakes it (kbconsole/jobs/tasks.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from time import monotonic

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from kbconsole.audit.services import record
from kbconsole.common.lifecycle import transition
from kbconsole.common.sentences import say
from kbconsole.jobs import claims
from kbconsole.jobs.definition import Ended, Level, job_sentence
from kbconsole.jobs.events import log
from kbconsole.jobs.execution import Result, execute_in_thread
from kbconsole.jobs.lifecycle import RUN, STEP
from kbconsole.jobs.models import ACTIVE, OPEN_STEPS, Run, RunStatus, RunStep, StepStatus
from kbconsole.jobs.order import ready, unreachable

SLICE_SECONDS = 10.0
MOST_THREADS = 32


def advance(run_id: int) -> bool:
    """Carry a run on for a slice. Returns True if it should be sent again at once.

    Safe to call twice at the same time and after the run has ended.
    """
    run = Run.objects.select_related("plan").get(pk=run_id)
    if not _begin(run):
        return False
    flying: dict[Future[Result], RunStep] = {}
    steps, leases = _Steps(run), _Leases()
    until = monotonic() + SLICE_SECONDS
    pool = ThreadPoolExecutor(max_workers=MOST_THREADS, thread_name_prefix=f"run-{run_id}")
    try:
        while _launch(run, steps, pool, flying, open_=monotonic() < until):
            _land(run, flying, leases)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    conclude(run_id)
    return _more(run_id)


def _more(run_id: int) -> bool:
    run = Run.objects.get(pk=run_id)
    return run.active and not run.cancel_requested and bool(ready(run.steps.for_order(), timezone.now()))


class _Steps:
    """The steps of a run during a slice: what a step is, read once; how far each has come, at every look."""

    def __init__(self, run: Run) -> None:
        self._of_run = run.steps
        self._rows = list(run.steps.for_order())

    def ready(self) -> list[RunStep]:
        """Return those that may be claimed now, as they are now; none once somebody asked to cancel the run."""
        rows = {row.pk: row for row in self._rows}
        seen = list(self._of_run.values_list("pk", "status", "next_at", "run__cancel_requested"))
        if any(cancel for *_, cancel in seen):
            return []
        for pk, status, next_at, _ in seen:
            rows[pk].status, rows[pk].next_at = status, next_at
        found = [row.pk for row in ready(self._rows, timezone.now())]
        return list(self._of_run.filter(pk__in=found)) if found else []


def _begin(run: Run) -> bool:
    """Mark the run as running. False: it has ended."""
    if run.status not in ACTIVE:
        return False
    if run.status == RunStatus.RUNNING:
        return True
    with transaction.atomic():
        first = run.started_at is None
        if (
            transition(run, to=RunStatus.RUNNING, edges=RUN, started_at=run.started_at or timezone.now())
            and first
        ):
            log(run, say("jobs.started"))
    run.refresh_from_db()
    return run.status in ACTIVE


def _launch(
    run: Run, steps: _Steps, pool: ThreadPoolExecutor, flying: dict[Future[Result], RunStep], *, open_: bool
) -> bool:
    """Claim and start what is ready. Returns whether anything is under way in this process."""
    if open_:
        for row in steps.ready():
            if claims.claim(run, row):
                where = f"run {run.pk} step {row.position}"
                future = pool.submit(
                    execute_in_thread, row.step(), changed=row.outcome is not None, where=where, row=row.pk
                )
                flying[future] = row
    return bool(flying)


class _Leases:
    """Renews what is under way, three times per lease: not whenever one of many steps has ended."""

    def __init__(self) -> None:
        self.every = settings.KBCONSOLE_LEASE_SECONDS / 3
        self._last = monotonic()

    def keep(self, rows: Iterable[RunStep]) -> None:
        if monotonic() - self._last >= self.every / 2:
            claims.renew(rows)
            self._last = monotonic()


def _land(run: Run, flying: dict[Future[Result], RunStep], leases: _Leases) -> None:
    done, _ = wait(flying, timeout=leases.every, return_when=FIRST_COMPLETED)
    for future in done:
        claims.settle(run, flying.pop(future), future.result())
    leases.keep(flying.values())


def conclude(run_id: int) -> str:
    """Skip what cannot be reached, and end or park the run. Returns its status."""
    with transaction.atomic():
        run = Run.objects.select_for_update(of=("self",)).select_related("plan").get(pk=run_id)
        if run.status not in ACTIVE:
            return run.status
        rows = list(run.steps.for_order())
        _close_steps(run, rows)
        if any(row.status in OPEN_STEPS for row in rows):
            return _park(run, rows)
        return _end(run, rows)


def _close_steps(run: Run, rows: list[RunStep]) -> None:
    """Cancel what has not begun, if that was asked for, and skip what waits for a step that failed."""
    if run.cancel_requested:
        for row in rows:
            if row.status in (StepStatus.PENDING, StepStatus.WAITING, StepStatus.NEEDS_PERSON):
                transition(row, to=StepStatus.CANCELLED, edges=STEP, ended_at=timezone.now(), next_at=None)
        return
    while lost := unreachable(rows):
        for row in lost:
            transition(row, to=StepStatus.SKIPPED, edges=STEP, ended_at=timezone.now())


def _park(run: Run, rows: list[RunStep]) -> str:
    busy = any(row.status == StepStatus.RUNNING for row in rows) or ready(rows, timezone.now())
    if not busy and run.status == RunStatus.RUNNING:
        transition(run, to=RunStatus.WAITING, edges=RUN)
    return run.status


def verdict(run: Run, rows: list[RunStep]) -> RunStatus:
    """Return how a run without open steps ended."""
    statuses = {row.status for row in rows}
    if run.cancel_requested and StepStatus.CANCELLED in statuses:
        return RunStatus.CANCELLED
    if StepStatus.ERRORED in statuses:
        return RunStatus.ERRORED
    return RunStatus.SUCCEEDED if statuses <= {StepStatus.SUCCEEDED} else RunStatus.FAILED


def _end(run: Run, rows: list[RunStep]) -> str:
    status = verdict(run, rows)
    if run.status == RunStatus.QUEUED:  # cancelled before a worker took it, or nothing to do
        transition(run, to=RunStatus.RUNNING, edges=RUN, started_at=timezone.now())
    transition(run, to=status, edges=RUN, ended_at=timezone.now())
    done = sum(row.status == StepStatus.SUCCEEDED for row in rows)
    said = {
        RunStatus.SUCCEEDED: say("jobs.succeeded"),
        RunStatus.CANCELLED: say("jobs.cancelled"),
    }.get(status, say("jobs.failed", done=done, all=len(rows)))
    log(run, said, level=Level.PASS if status == RunStatus.SUCCEEDED else Level.FAIL)
    found = list(run.steps.values_list("lane", "phase", "facts", "outcome"))
    facts = tuple((lane, phase, fact) for lane, phase, fact, _ in found if fact is not None)
    outcomes = tuple((lane, phase, made) for lane, phase, _, made in found if made is not None)
    run.definition().on_end(Ended(run.pk, status, run.by_label, facts, outcomes))
    record(
        "run.ended", by="worker", on=(run.subject_kind, run.subject_id, run.subject_label), run_id=run.pk,
        outcome=_audit_outcome(status, done), plan_hash=run.plan.hash if run.plan else "",
        job=job_sentence(run.job), status=say(f"run_status.{run.status}"), done=done, all=len(rows),
    )  # fmt: skip
    return status


def _audit_outcome(status: RunStatus, done: int) -> str:
    if status == RunStatus.SUCCEEDED:
        return "success"
    return "partial" if done else "failure"
