"""Invite, deactivate, give and take roles. Each act is one transaction.

Roles and activation are recorded by the signals of Django's models (`kbconsole.audit.role_changes`), which a shell
passes too; only what they cannot see is recorded here.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.authtoken.models import Token

from kbconsole.audit.context import acting_as
from kbconsole.audit.services import Target, record
from kbconsole.common.errors import ConsoleError, Refused, Stale
from kbconsole.common.policy import Policy, act
from kbconsole.common.roles import Role, require
from kbconsole.common.sentences import declare
from kbconsole.people.promoting import Given, ask

declare(
    {
        "person.invited": _("Invited %(object)s, who may set a password within 24 hours"),
        "person.link_made": _(
            "Made a new link for %(object)s to set a password; the old password, sessions and API token ended"
        ),
        "person.password_set": _("%(object)s set a password by the link that an administrator made"),
        "people.name_taken": _(
            "Somebody is called %(name)s already. Look for them in the list, or choose another name."
        ),
        "people.no_role": _("Choose at least one role: without one a person sees nothing."),
        "people.last_admin": _(
            "%(name)s is the last administrator who can sign in. Make another person administrator first, and wait "
            "until they have set a password."
        ),
        "people.yourself": _("You cannot deactivate yourself. Ask another administrator to do it."),
        "people.own_link": _(
            "You cannot make a link for yourself. Ask another administrator, or use manage.py changepassword."
        ),
        "people.inactive": _("%(name)s is deactivated. Activate them first."),
        "people.active_already": _("%(name)s is active already; nothing was changed."),
        "people.inactive_already": _("%(name)s is deactivated already; nothing was changed."),
    }
)


MANAGE = act(
    "people", _("Manage people, roles and teams"),
    Policy(
        asks=(Role.ADMIN,),
        note=_(
            "Who has been an administrator is one again when activated. A new link ends the password of its person, "
            "also of an administrator. Both are in the audit log."
        ),
    ),
)  # fmt: skip


def acting_admin(by: Any) -> None:
    """Raise Refused unless the person is an administrator now, not only when their request began.

    Everything that could leave the console without an administrator takes turns on one row, the group's: of two
    administrators who deactivate each other at once the second one is none any more when their turn comes.
    """
    MANAGE.require(by)
    list(Group.objects.select_for_update().filter(name=Role.ADMIN.value))
    require(User.objects.get(pk=by.pk), Role.ADMIN)


def administrators() -> QuerySet[User]:
    """Return those who can sign in and act as administrators; somebody invited cannot before they set a password."""
    those = Q(is_superuser=True) | Q(groups__name=Role.ADMIN.value)
    return (
        User.objects.filter(those, is_active=True)
        .exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)
        .distinct()
    )


def _not_the_last(person: User) -> None:
    left = set(administrators().values_list("pk", flat=True))
    if left == {person.pk}:
        raise Stale("people.last_admin", name=person.get_username())


def _locked(person_id: int, *, by: Any) -> User:
    acting_admin(by)
    return User.objects.select_for_update().get(pk=person_id)


def _on(person: User) -> Target:
    return Target("user", person.pk, person.get_username())


def promotes(person: User, roles: Collection[Role], *, by: Any) -> bool:
    """Return whether these roles make the person an administrator, and another administrator has to agree to that."""
    has_it = person.is_superuser or (person.pk and person.groups.filter(name=Role.ADMIN.value).exists())
    return Role.ADMIN in roles and not has_it and administrators().exclude(pk=by.pk).exists()


@transaction.atomic
def invite(*, username: str, full_name: str = "", roles: Collection[Role], by: Any) -> Given:
    """Make a person who can do nothing before they set a password by a link. Raises Refused, ConsoleError.

    To be an administrator as well needs the plan that is returned, where there is another administrator.
    """
    acting_admin(by)
    if not roles:
        raise ConsoleError("people.no_role")
    name = User.normalize_username(username)
    if User.objects.filter(username__iexact=name).exists():
        raise Stale("people.name_taken", name=name)
    person = User(username=name, first_name=full_name)
    person.set_unusable_password()
    person.save(force_insert=True)
    record("person.invited", by=by, on=_on(person), roles=sorted(roles))
    return _give_or_ask(person, roles, by=by)


def _give_or_ask(person: User, roles: Collection[Role], *, by: Any) -> Given:
    if not promotes(person, roles, by=by):
        _give(person, roles)
        return Given(person)
    _give(person, [role for role in roles if role != Role.ADMIN])
    return Given(person, ask(person, by))


def _give(person: User, roles: Collection[Role]) -> None:
    groups = [Group.objects.get_or_create(name=role.value)[0] for role in sorted(roles)]
    person.groups.add(*groups)


@transaction.atomic
def set_roles(person_id: int, *, roles: Collection[Role], by: Any) -> Given:
    """Give the person exactly these roles. Groups that are no roles stay. Raises Refused, Stale.

    The role of administrator needs the plan that is returned, where there is another administrator.
    """
    person = _locked(person_id, by=by)
    taken = [role.value for role in Role if role not in roles]
    if Role.ADMIN not in roles and not person.is_superuser:
        _not_the_last(person)
    person.groups.remove(*Group.objects.filter(name__in=taken))
    return _give_or_ask(person, roles, by=by)


@transaction.atomic
def promote(person_id: int, *, asked_by: int) -> bool:
    """Make somebody administrator, as a plan says that was agreed to; False if they are already. Raises Stale.

    The log has it as an act of the person who asked; the plan's own entries tell who agreed.
    """
    list(Group.objects.select_for_update().filter(name=Role.ADMIN.value))
    person = User.objects.select_for_update().get(pk=person_id)
    if not person.is_active:
        raise Stale("people.inactive", name=person.get_username())
    if person.groups.filter(name=Role.ADMIN.value).exists():
        return False
    with acting_as(User.objects.get(pk=asked_by)):
        _give(person, [Role.ADMIN])
    return True


@transaction.atomic
def deactivate(person_id: int, *, by: Any) -> User:
    """Put the person out at once: no sign-in, no session, no token. What they own stays. Raises Refused, Stale."""
    person = _locked(person_id, by=by)
    if person.pk == by.pk:
        raise Refused("people.yourself")
    if not person.is_active:
        raise Stale("people.inactive_already", name=person.get_username())
    _not_the_last(person)
    person.is_active = False
    if not person.has_usable_password():
        person.set_unusable_password()  # another one: the link of the invitation is void, also after activation
    person.save(update_fields=["is_active", "password"])
    _end_access(person)
    return person


@transaction.atomic
def activate(person_id: int, *, by: Any) -> User:
    """Let the person sign in again, with the roles and teams that they had. Raises Refused, Stale."""
    person = _locked(person_id, by=by)
    if person.is_active:
        raise Stale("people.active_already", name=person.get_username())
    person.is_active = True
    person.save(update_fields=["is_active"])
    return person


@transaction.atomic
def renew_link(person_id: int, *, by: Any) -> User:
    """Void the person's password and any earlier link; the caller shows a new link once. Raises Refused, Stale.

    The old password goes, so that a person notices when somebody else makes a link for their account.
    """
    person = _locked(person_id, by=by)
    if person.pk == by.pk:
        raise Refused("people.own_link")
    if not person.is_active:
        raise Stale("people.inactive", name=person.get_username())
    _not_the_last(person)
    person.set_unusable_password()
    person.save(update_fields=["password"])
    _end_access(person)
    record("person.link_made", by=by, on=_on(person))
    return person


@transaction.atomic
def password_set(person: User) -> None:
    """Record that the person set a password by a link. The caller has saved it in the same transaction."""
    record("person.password_set", by=person, on=_on(person))


def _end_access(person: User) -> None:
    """Delete the person's token and sessions; Django keeps the latter sealed, so each is opened and looked at."""
    Token.objects.filter(user=person).delete()
    mine = str(person.pk)
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        if session.get_decoded().get("_auth_user_id") == mine:
            session.delete()
