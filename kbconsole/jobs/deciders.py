"""Who may decide about a plan, and what holds where there is only one administrator."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.models import Entry
from kbconsole.common.errors import ConsoleError, Refused
from kbconsole.common.policy import ALONE_UP_TO
from kbconsole.common.roles import Role, has_role
from kbconsole.common.sentences import declare
from kbconsole.jobs.models import Plan
from kbconsole.people.services import administrators

ALONE_AFTER = timedelta(hours=24)
"""For how long there must have been no other administrator: whoever puts the others out does not decide alone."""
LOSSES = ("person.deactivated", "person.link_made")

declare(
    {
        "plan.needs_approval": _("This plan needs %(needed)s approvals before it may run."),
        "plan.alone_too_soon": _(
            "There was another administrator until a short time ago. Deciding alone is possible once there has been "
            "only one for 24 hours; until then make somebody else an administrator, under People."
        ),
        "plan.alone_needs_more": _(
            "This needs %(needed)s approvals, and there is only one administrator. It is never decided alone: make "
            "more people administrators, under People."
        ),
    }
)


def who_may_decide(plan: Plan) -> list[User]:
    """Return those who may decide and have not yet, by name: they neither asked for it nor edited it."""
    job = plan.known_definition()
    if job is None:
        return []
    apart = {*plan.authors, *(decision.by_id for decision in plan.decisions.all())}
    return list(administrators().exclude(pk__in=apart).order_by("username"))


def alone_refusal(plan: Plan, user: Any) -> ConsoleError | None:
    """Return why the person may not decide alone about what they asked for, or None. See `common.policy`."""
    job = plan.known_definition()
    needs = Refused("plan.needs_approval", needed=plan.approvals_needed)
    if job is None or not has_role(user, job.approval.approves) or not job.allows(user, "decide"):
        return needs
    # What others asked for is approved as ever.
    if user.pk not in plan.authors or administrators().exclude(pk=user.pk).exists():
        return needs
    if plan.approvals_needed > ALONE_UP_TO:
        return Refused("plan.alone_needs_more", needed=plan.approvals_needed)
    return Refused("plan.alone_too_soon") if _lately_lost() else None


def _lately_lost() -> bool:
    """Return whether somebody could act as administrator less than ALONE_AFTER ago and cannot now, by the log."""
    entries = Entry.objects.filter(at__gt=timezone.now() - ALONE_AFTER, object_kind="user")
    taken = Q(act="role.superuser_taken") | Q(act="role.taken", params__role=Role.ADMIN.value)
    if entries.filter(taken).exists():
        return True
    put_out = entries.filter(act__in=LOSSES).values_list("object_id", flat=True)
    having = User.objects.filter(Q(is_superuser=True) | Q(groups__name=Role.ADMIN.value))
    return having.filter(pk__in=[int(pk) for pk in put_out if pk.isdecimal()]).exists()
