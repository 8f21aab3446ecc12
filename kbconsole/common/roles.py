"""The three roles, as Django groups of the same names, and what each may do."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import Refused
from kbconsole.common.sentences import declare

User = AbstractBaseUser | AnonymousUser

declare(
    {
        "roles.refused": _(
            "This needs the role %(roles)s. Ask an administrator to add you to that group, "
            "or ask somebody who has the role to do it."
        ),
        "roles.sign_in": _("Sign in first."),
    }
)


class Role(StrEnum):
    """A group's name. A person may have several; a superuser has all of them."""

    DBA = "dba"
    ADMIN = "admin"
    AUDITOR = "auditor"


def roles_of(user: Any) -> frozenset[Role]:
    """Return the roles of a person; read once per request and kept on the user object."""
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    if user.is_superuser:
        return frozenset(Role)
    kept: frozenset[Role] | None = getattr(user, "_kbconsole_roles", None)
    if kept is None:
        names = set(user.groups.values_list("name", flat=True))
        kept = frozenset(role for role in Role if role.value in names)
        user._kbconsole_roles = kept
    return kept


def has_role(user: Any, *roles: Role) -> bool:
    """Return whether the person has at least one of the roles."""
    return bool(roles_of(user) & set(roles))


def require(user: Any, *roles: Role) -> None:
    """Raise Refused unless the person has one of the roles."""
    if not user.is_authenticated:
        raise Refused("roles.sign_in")
    if not has_role(user, *roles):
        raise Refused("roles.refused", roles=[str(role) for role in roles])
