"""The statuses of runs, steps and plans, and the only edges between them."""

from __future__ import annotations

from kbconsole.common.lifecycle import Edges
from kbconsole.jobs.models import PlanStatus, RunStatus, StepStatus

_R, _S, _P = RunStatus, StepStatus, PlanStatus

RUN: Edges = {
    _R.QUEUED: frozenset({_R.RUNNING, _R.CANCELLED}),
    _R.RUNNING: frozenset({_R.WAITING, _R.SUCCEEDED, _R.FAILED, _R.ERRORED, _R.CANCELLED}),
    _R.WAITING: frozenset({_R.RUNNING, _R.SUCCEEDED, _R.FAILED, _R.ERRORED, _R.CANCELLED}),
    _R.FAILED: frozenset({_R.QUEUED}),
    _R.ERRORED: frozenset({_R.QUEUED}),
    _R.CANCELLED: frozenset({_R.QUEUED}),
}

STEP: Edges = {
    _S.PENDING: frozenset({_S.RUNNING, _S.SKIPPED, _S.CANCELLED}),
    _S.RUNNING: frozenset(
        {_S.PENDING, _S.WAITING, _S.NEEDS_PERSON, _S.SUCCEEDED, _S.FAILED, _S.ERRORED, _S.CANCELLED}
    ),
    _S.WAITING: frozenset({_S.RUNNING, _S.CANCELLED}),
    _S.NEEDS_PERSON: frozenset({_S.RUNNING, _S.CANCELLED}),
    # a retry
    _S.FAILED: frozenset({_S.PENDING}),
    _S.ERRORED: frozenset({_S.PENDING}),
    _S.SKIPPED: frozenset({_S.PENDING}),
    _S.CANCELLED: frozenset({_S.PENDING}),
    _S.SUCCEEDED: frozenset({_S.PENDING}),
}

PLAN: Edges = {
    _P.MAKING: frozenset({_P.READY, _P.FAILED, _P.WITHDRAWN, _P.SUPERSEDED}),
    _P.READY: frozenset({_P.APPROVED, _P.REJECTED, _P.WITHDRAWN, _P.STALE, _P.SUPERSEDED, _P.EXPIRED}),
    # what was approved is void once its request was taken back, or edited and sent again
    _P.APPROVED: frozenset({_P.STALE, _P.WITHDRAWN, _P.SUPERSEDED}),
}
