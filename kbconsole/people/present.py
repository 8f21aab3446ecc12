"""How a person stands, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kbconsole.common.roles import Role, has_role
from kbconsole.people.models import Team

WORDS = {
    Role.DBA: gettext_lazy("DBA"),
    Role.ADMIN: gettext_lazy("Administrator"),
    Role.AUDITOR: gettext_lazy("Auditor"),
}


@dataclass(frozen=True)
class PersonRow:
    """One person; `groups` and `teams` were read before."""

    person: User
    roles: list[Role]
    role_words: list[str]
    teams: list[Team]
    state: str
    """`active`, `invited` (no password yet) or `inactive`."""


def person_row(person: User) -> PersonRow:
    names = {group.name for group in person.groups.all()}
    roles = [role for role in Role if role.value in names]
    words = [str(WORDS[role]) for role in roles]
    if person.is_superuser:
        words.insert(0, _("Superuser"))
    return PersonRow(person, roles, words, list(person.teams.all()), _state(person))


def _state(person: User) -> str:
    if not person.is_active:
        return "inactive"
    return "active" if person.has_usable_password() else "invited"


@dataclass(frozen=True)
class Standing:
    """Why an act on a person is not possible now; an empty text where it is."""

    sees_all: bool
    why_no_change: str
    why_no_deactivation: str
    why_no_link: str


def standing_of(person: User, user: Any) -> Standing:
    """Return what the page says beside its buttons; who may act at all was asked before."""
    yourself = person.pk == user.pk
    return Standing(
        sees_all=has_role(user, Role.ADMIN, Role.AUDITOR),
        why_no_change=_("Made a superuser on the command line; that can only be taken there.")
        if person.is_superuser
        else "",
        why_no_deactivation=_("You cannot deactivate yourself.") if yourself else "",
        why_no_link=_("Ask another administrator, or use manage.py changepassword.") if yourself else "",
    )
