"""Plans that nobody decided in time. What a plane holds may have changed since the dry run, so they are void."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.services import record
from kbconsole.common.errors import Stale
from kbconsole.common.sentences import declare
from kbconsole.common.times import local_text
from kbconsole.jobs.definition import job_sentence
from kbconsole.jobs.models import Plan, PlanStatus
from kbconsole.jobs.planning import set_status

declare(
    {
        "plan.expired": _("Plan %(hash)s expired without a decision: %(job)s for %(subject)s"),
        "plan.over": _(
            "This plan was valid until %(until)s, so nothing of what you sent was kept. What the planes hold may have "
            "changed meanwhile: whoever asked for it can have it made again."
        ),
    }
)


def over(plan: Plan) -> Stale:
    """Return what whoever comes too late is told."""
    until = local_text(plan.valid_until, "%Y-%m-%d %H:%M") if plan.valid_until else "?"
    return Stale("plan.over", until=until)


def expire_due() -> int:
    """Expire every plan whose time is over; return how many. For beat: `decide` refuses them before it comes."""
    due = Plan.objects.filter(status=PlanStatus.READY, valid_until__lte=timezone.now())
    return sum(expire(plan_id) for plan_id in due.values_list("pk", flat=True))


@transaction.atomic
def expire(plan_id: int) -> bool:
    """Expire a plan if its time is over and nobody decided meanwhile; approvals that it has are void with it."""
    plan = Plan.objects.select_for_update().get(pk=plan_id)
    if not plan.overdue or not set_status(plan, PlanStatus.EXPIRED, by="system"):
        return False
    record(
        "plan.expired", by="system", on=(plan.subject_kind, plan.subject_id, plan.subject_label),
        plan_hash=plan.hash, hash=plan.hash[:12], job=job_sentence(plan.job), subject=plan.subject_label,
        requester=plan.requested_by.get_username(),
    )  # fmt: skip
    return True
