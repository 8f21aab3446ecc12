"""Who may do what, since when, and given by whom: the groups as they are, explained by the log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kbconsole.audit.models import Entry
from kbconsole.common.roles import Role

SUPERUSER = "superuser"
ALLOWS: dict[str, Any] = {
    Role.DBA: gettext_lazy("ask for databases, and change or retire their own and their teams'"),
    Role.ADMIN: gettext_lazy("decide about requests of others, and change the fleet, networks and people"),
    Role.AUDITOR: gettext_lazy("read everything, the audit log included; change nothing"),
    SUPERUSER: gettext_lazy("everything that the three roles may; not approve their own requests"),
}
GIVING = {"role.given": "", "role.superuser_given": SUPERUSER, "access.admin_created": Role.ADMIN.value}


@dataclass(frozen=True)
class Right:
    """One role of one person; `since` is None where the log does not tell."""

    person: str
    active: bool
    role: str
    allows: str
    since: datetime | None
    by: str
    last_sign_in: datetime | None


_MORE: list[Callable[[], Iterable[Right]]] = []


def register(source: Callable[[], Iterable[Right]]) -> None:
    """Add rights that are no roles, in a constant number of queries. Packages above call it from AppConfig.ready."""
    if source not in _MORE:
        _MORE.append(source)


def rights() -> list[Right]:
    """Return every role that somebody holds, by name, and what else allows something; a constant number of queries."""
    given = _given()
    people = User.objects.prefetch_related("groups").order_by("username")
    roles = [_right(user, role, given.get((str(user.pk), role))) for user in people for role in _roles(user)]
    return sorted(
        [*roles, *(right for source in _MORE for right in source())], key=lambda right: right.person
    )


def _roles(user: User) -> Iterator[str]:
    if user.is_superuser:
        yield SUPERUSER
    names = {group.name for group in user.groups.all()}
    yield from (role.value for role in Role if role.value in names)


def _right(user: User, role: str, given: Entry | None) -> Right:
    return Right(
        person=user.get_username(),
        active=user.is_active,
        role=role,
        allows=str(ALLOWS[role]),
        since=given.at if given else None,
        by=_giver(given) if given else "",
        last_sign_in=user.last_login,
    )


def _giver(entry: Entry) -> str:
    return entry.person if entry.actor is not None else _("the command line")


def _given() -> dict[tuple[str, str], Entry]:
    """Return the newest entry that gave each role, by person's number and role."""
    entries = Entry.objects.filter(act__in=GIVING, object_kind="user").order_by("seq")
    columns = ("seq", "at", "act", "actor", "actor_label", "actor_kind", "object_id", "params")
    return {
        (entry.object_id, GIVING[entry.act] or str(entry.params.get("role"))): entry
        for entry in entries.only(*columns)
    }
