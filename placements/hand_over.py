"""Handing a database over: to another owner, to another team, or both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.services import record
from kbconsole.common.errors import Refused, Stale
from kbconsole.common.policy import Policy, act
from kbconsole.common.roles import Role
from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.jobs.models import Plan, PlanStatus
from kbconsole.people.belongings import Belonging
from kbconsole.people.models import Team
from placements.models import OVER, SUBJECT, Placement
from placements.wishes import WishRefused

declare(
    {
        "placement.handed_over": _("Handed %(name)s over: from %(before)s to %(after)s"),
        "placements.held": _("%(owner)s, no team"),
        "placements.held_with_team": _("%(owner)s, team %(team)s"),
        "hand_over.not_yours": _(
            "Only %(owner)s or an administrator may hand this database over. Ask one of them."
        ),
        "hand_over.nobody": _(
            "Nobody active with the role DBA is called %(name)s. Choose somebody from the list."
        ),
        "hand_over.no_team": _("There is no such team. Choose one from the list, or none."),
        "hand_over.same": _("It belongs to %(held)s already. Choose another person or team."),
        "hand_over.no_reason": _("Say why: the audit log keeps it."),
        "hand_over.over": _("%(name)s is over (%(status)s), so it stays with who asked for it."),
        "belongings.waits": _("Waits for a decision, asked for by this person"),
    }
)


HAND_OVER = act(
    "hand-over", _("Hand a database over"),
    Policy(owned=True, note=_("Members of its team act on it, but do not give it away.")),
)  # fmt: skip


def heirs() -> QuerySet[User]:
    """Return the persons who may own a database: active, with the role dba."""
    those = Q(is_superuser=True) | Q(groups__name=Role.DBA.value)
    return User.objects.filter(those, is_active=True).distinct().order_by("username")


def held_by(owner: Any, team: Team | None) -> Sentence:
    """Return who has a database, in words."""
    if team is None:
        return say("placements.held", owner=owner.get_username())
    return say("placements.held_with_team", owner=owner.get_username(), team=team.name)


@transaction.atomic
def hand_over(placement_id: int, *, owner: str, team: int | None, reason: str, by: Any) -> Placement:
    """Give a database to the person called `owner` and to a team, or to none.

    Plans that wait keep who asked for them, so nobody gets to approve their own request by giving the database away.
    Raises Refused, Stale, WishRefused with what is wrong by field.
    """
    HAND_OVER.require(by)
    rows = Placement.objects.select_for_update(of=("self",)).select_related("owner", "team")
    placement = rows.get(pk=placement_id)
    if not placement.may_hand_over(by):
        raise Refused("hand_over.not_yours", owner=placement.owner.get_username())
    if placement.status in OVER:
        status = say(f"placement_status.{placement.status}")
        raise Stale("hand_over.over", name=placement.name, status=status)
    before = held_by(placement.owner, placement.team)
    placement.owner, placement.team = _chosen(placement, to=owner, team=team, reason=reason)
    placement.save(update_fields=["owner", "team", "changed_at"])
    record(
        "placement.handed_over", by=by, on=(SUBJECT, str(placement.pk), f"{placement.namespace}/{placement.name}"),
        reason=reason.strip(), name=placement.name, before=before, after=held_by(placement.owner, placement.team),
    )  # fmt: skip
    return placement


def _chosen(placement: Placement, *, to: str, team: int | None, reason: str) -> tuple[User, Team | None]:
    """Return the new owner and team. Raises WishRefused."""
    wrong: dict[str, list[Sentence]] = {}
    owner = heirs().filter(username=to).first()
    group = Team.objects.select_for_update().filter(pk=team).first() if team is not None else None
    if owner is None:
        wrong["owner"] = [say("hand_over.nobody", name=to)]
    elif (owner.pk, team) == (placement.owner_id, placement.team_id):
        wrong["owner"] = [say("hand_over.same", held=held_by(owner, group))]
    if team is not None and group is None:
        wrong["team"] = [say("hand_over.no_team")]
    if not reason.strip():
        wrong["reason"] = [say("hand_over.no_reason")]
    if wrong or owner is None:
        raise WishRefused(wrong)
    return owner, group


def belongings_of(person: Any) -> Iterable[Belonging]:
    """Yield what the person owns that is not over, then what they asked for and nobody has decided yet."""
    for placement in Placement.objects.filter(owner=person).exclude(status__in=OVER).select_related("team"):
        state = str(placement.get_status_display())
        yield Belonging(
            f"{placement.namespace}/{placement.name}",
            f"{state} · {placement.team.name}" if placement.team else state,
            reverse("placements:detail", args=[placement.pk]),
            reverse("placements:hand-over", args=[placement.pk]),
        )
    waiting = Plan.objects.filter(requested_by=person, status__in=[PlanStatus.MAKING, PlanStatus.READY])
    for plan in waiting.defer("content").order_by("-id"):
        url = reverse("jobs:plan-detail", args=[plan.pk])
        yield Belonging(f"{plan.job_name}: {plan.subject_label}", str(say("belongings.waits")), url)
