"""Teams: make, rename, fill, empty, delete. Each act is one transaction: change and audit entry."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.services import Target, record
from kbconsole.common.errors import Stale
from kbconsole.common.sentences import declare
from kbconsole.people.models import Membership, Team
from kbconsole.people.services import acting_admin

declare(
    {
        "team.created": _("Made the team %(object)s"),
        "team.renamed": _("Renamed the team %(before)s to %(object)s"),
        "team.member_added": _("Added %(person)s to the team %(object)s"),
        "team.member_removed": _("Took %(person)s out of the team %(object)s"),
        "team.deleted": _("Deleted the team %(object)s"),
        "teams.name_taken": _("There is a team called %(name)s already. Choose another name."),
        "teams.member_already": _("%(person)s is in the team %(team)s already; nothing was changed."),
        "teams.no_member": _("%(person)s is not in the team %(team)s any more; nothing was changed."),
        "teams.inactive": _("%(person)s is deactivated. Activate them first, or choose somebody else."),
        "teams.has_members": _("%(team)s still has members. Take them out first."),
        "teams.has_databases": _(
            "%(team)s has databases (%(count)s, retired ones count: their requests name the team), so it stays. Hand "
            "over those that run; a team without members does no harm."
        ),
    }
)


def _on(team: Team) -> Target:
    return Target("team", team.pk, team.name)


def _locked(team_id: int, *, by: Any) -> Team:
    acting_admin(by)
    return Team.objects.select_for_update().get(pk=team_id)


def _free(name: str, *, apart_from: int = 0) -> None:
    if Team.objects.filter(name__iexact=name).exclude(pk=apart_from).exists():
        raise Stale("teams.name_taken", name=name)


@transaction.atomic
def create(*, name: str, by: Any) -> Team:
    """Make a team without members. Raises Refused, Stale."""
    acting_admin(by)  # which also lets two of the same name take turns
    _free(name)
    team = Team.objects.create(name=name)
    record("team.created", by=by, on=_on(team))
    return team


@transaction.atomic
def rename(team_id: int, *, name: str, by: Any) -> Team:
    """Give the team another name, on all its databases. Raises Refused, Stale."""
    team = _locked(team_id, by=by)
    _free(name, apart_from=team.pk)
    before, team.name = team.name, name
    if before != name:
        team.save(update_fields=["name"])
        record("team.renamed", by=by, on=_on(team), before=before)
    return team


@transaction.atomic
def add_member(team_id: int, *, person_id: int, by: Any) -> Membership:
    """Let a person act for the team's databases, as far as their roles go. Raises Refused, Stale."""
    team = _locked(team_id, by=by)
    person = User.objects.get(pk=person_id)
    words = {"person": person.get_username(), "team": team.name}
    if not person.is_active:
        raise Stale("teams.inactive", person=person.get_username())
    member, made = Membership.objects.get_or_create(
        team=team, person=person, defaults={"given_by": by.get_username()}
    )
    if not made:
        raise Stale("teams.member_already", **words)
    record("team.member_added", by=by, on=_on(team), person=person.get_username())
    return member


@transaction.atomic
def remove_member(team_id: int, *, person_id: int, by: Any) -> Team:
    """Take a person out; databases that they own stay theirs. Raises Refused, Stale."""
    team = _locked(team_id, by=by)
    person = User.objects.get(pk=person_id)
    gone, _counts = Membership.objects.filter(team=team, person=person).delete()
    if not gone:
        raise Stale("teams.no_member", person=person.get_username(), team=team.name)
    record("team.member_removed", by=by, on=_on(team), person=person.get_username())
    return team


@transaction.atomic
def delete(team_id: int, *, by: Any) -> None:
    """Delete a team that has neither members nor ever had a database. Raises Refused, Stale."""
    team = _locked(team_id, by=by)
    if team.memberships.exists():
        raise Stale("teams.has_members", team=team.name)
    target = _on(team)
    try:
        team.delete()
    except ProtectedError as error:
        count = len(error.protected_objects)
        raise Stale("teams.has_databases", team=team.name, count=count) from None
    record("team.deleted", by=by, on=target)
