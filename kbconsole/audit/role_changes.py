"""Changes of roles and people, however they are made: a page, the API, a command or a shell.

The signals of Django's own models are the one place that all of them pass; a service need not record them again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models.signals import m2m_changed, post_save, pre_delete, pre_save
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.context import current_person
from kbconsole.audit.services import Target, record
from kbconsole.common.roles import Role
from kbconsole.common.sentences import declare

declare(
    {
        "role.given": _("Gave %(object)s the role %(role)s"),
        "role.taken": _("Took the role %(role)s from %(object)s"),
        "role.superuser_given": _("Made %(object)s a superuser, who may do everything"),
        "role.superuser_taken": _("%(object)s is no superuser any more"),
        "person.deactivated": _("Deactivated %(object)s, who cannot sign in any more"),
        "person.activated": _("Activated %(object)s, who may sign in again"),
    }
)
FLAGS = ("is_active", "is_superuser")
ACTS = {
    ("is_active", False): "person.deactivated",
    ("is_active", True): "person.activated",
    ("is_superuser", False): "role.superuser_taken",
    ("is_superuser", True): "role.superuser_given",
}


def connect() -> None:
    """Connect the receivers; called once, when the app is ready."""
    m2m_changed.connect(_groups_changed, User.groups.through, dispatch_uid="kbconsole.audit.groups")
    pre_save.connect(_remember, User, dispatch_uid="kbconsole.audit.user_before")
    post_save.connect(_saved, User, dispatch_uid="kbconsole.audit.user_saved")
    pre_delete.connect(_user_goes, User, dispatch_uid="kbconsole.audit.user_goes")
    pre_delete.connect(_group_goes, Group, dispatch_uid="kbconsole.audit.group_goes")


def _record(act: str, user: User, **params: Any) -> None:
    with transaction.atomic():
        record(act, by=current_person(), on=Target("user", user.pk, user.get_username()), **params)


def _tell(act: str, users: Iterable[User], groups: Iterable[Group]) -> None:
    names = sorted({group.name for group in groups} & {role.value for role in Role})
    for user in users:
        for name in names:
            _record(act, user, role=name)


def _groups_changed(instance: User | Group, action: str, pk_set: set[int] | None, **kwargs: Any) -> None:
    """Tell of what really changes: Django leaves out of `pk_set` what was there, or was not there, before."""
    act = {"post_add": "role.given", "pre_remove": "role.taken", "pre_clear": "role.taken"}.get(action)
    if act is None:
        return
    if isinstance(instance, User):
        groups = instance.groups.all() if pk_set is None or action == "pre_remove" else Group.objects.all()
        _tell(act, [instance], groups if pk_set is None else groups.filter(pk__in=pk_set))
    else:
        users = instance.user_set.all() if pk_set is None or action == "pre_remove" else User.objects.all()
        _tell(act, users if pk_set is None else users.filter(pk__in=pk_set), [instance])


def _remember(instance: User, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
    """Keep what stands in the database; a sign-in saves only the time of it, which asks nothing here."""
    before = None
    if instance.pk and (update_fields is None or set(FLAGS) & set(update_fields)):
        before = User.objects.filter(pk=instance.pk).values(*FLAGS).first()
    instance._kbconsole_before = before  # type: ignore[attr-defined]


def _saved(instance: User, created: bool, raw: bool = False, **kwargs: Any) -> None:
    if raw:  # a restored backup brings its own log
        return
    before = getattr(instance, "_kbconsole_before", None)
    if created:
        before = {"is_active": instance.is_active, "is_superuser": False}
    for name in FLAGS:
        if before is not None and before[name] != getattr(instance, name):
            _record(ACTS[name, getattr(instance, name)], instance)


def _user_goes(instance: User, **kwargs: Any) -> None:
    _tell("role.taken", [instance], instance.groups.all())
    if instance.is_superuser:
        _record("role.superuser_taken", instance)


def _group_goes(instance: Group, **kwargs: Any) -> None:
    _tell("role.taken", instance.user_set.all(), [instance])
