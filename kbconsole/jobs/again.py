"""Making a plan again that could not be made, went out of date, or that nobody decided in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError, Stale
from kbconsole.common.sentences import declare, say
from kbconsole.jobs import services
from kbconsole.jobs.definition import Job
from kbconsole.jobs.expiry import expire
from kbconsole.jobs.models import Plan, PlanStatus
from kbconsole.jobs.undoing import UndoRun

AGAIN = (PlanStatus.FAILED, PlanStatus.STALE, PlanStatus.EXPIRED)
Remake = Callable[[Plan, Any], Plan]
_REMAKES: dict[str, Remake] = {}
_EDITED_AT: dict[str, Callable[[Plan], str]] = {}
EDITED = (PlanStatus.READY, PlanStatus.REJECTED, PlanStatus.WITHDRAWN, *AGAIN)

declare(
    {
        "plan.not_again": _("This plan is not one that is made again (%(status)s)."),
        "plan.newer": _("There is a newer plan for %(subject)s already. Look at that one."),
    }
)


def register(subject_kind: str, remake: Remake) -> None:
    """Say how plans about such subjects are made again: by an app that knows more of them than their stored job."""
    _REMAKES[subject_kind] = remake


def edited_at(job: str, where: Callable[[Plan], str]) -> None:
    """Say where what a job's plan was made of is edited and sent again: an address, "" where it cannot be now."""
    _EDITED_AT[job] = where


def edit_url(plan: Plan) -> str:
    """Return where the plan's request is edited, or an empty text: for the newest plan of a subject only."""
    if plan.job not in _EDITED_AT or plan.status not in EDITED or not newest(plan):
        return ""
    return _EDITED_AT[plan.job](plan)


def newest(plan: Plan) -> bool:
    later = Plan.objects.filter(subject_kind=plan.subject_kind, subject_id=plan.subject_id, pk__gt=plan.pk)
    return not later.exists()


def again_refusal(plan: Plan) -> ConsoleError | None:
    """Return why the plan cannot be made again, whoever asks, or None."""
    if plan.status not in AGAIN and not plan.overdue:
        return Stale("plan.not_again", status=say(f"plan_status.{plan.status}"))
    return None if newest(plan) else Stale("plan.newer", subject=plan.subject_label)


@transaction.atomic
def make_again(plan_id: int, *, by: Any) -> Plan:
    """Have the same made again as a new plan, which needs all its approvals anew. Raises Refused, Stale."""
    plan = Plan.objects.select_for_update().get(pk=plan_id)
    services.may_act(plan, by, "run")
    if refusal := again_refusal(plan):
        raise refusal
    expire(plan.pk)
    asked = plan.definition()
    if isinstance(asked, UndoRun):  # on which planes it can be undone now is found out anew
        return _same(plan, by, UndoRun(asked.run, asked.job, asked.job_params))
    made = _REMAKES.get(plan.subject_kind, _same)(plan, by)
    if plan.undoes_id is not None and made.undoes_id is None:
        Plan.objects.filter(pk=made.pk).update(undoes=plan.undoes_id)
    return made


def _same(plan: Plan, by: Any, job: Job | None = None) -> Plan:
    kept = {"reason": plan.reason, "editors": plan.editors, "undoes": plan.undoes}
    return services.make_plan(job or plan.definition(), by=by, **kept)
