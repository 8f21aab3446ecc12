"""Sign-ins, by the signals of Django's own authentication."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.models import Outcome
from kbconsole.audit.services import Target, record
from kbconsole.common.sentences import declare

declare(
    {
        "access.signed_in": _("%(actor)s signed in."),
        "access.signed_out": _("%(actor)s signed out."),
        "access.sign_in_failed": _("Somebody tried to sign in as %(name)s and was not let in."),
        "access.admin_created": _("Made the administrator %(object)s on the command line"),
    }
)


def connect() -> None:
    """Connect the receivers; called once, when the app is ready."""
    user_logged_in.connect(_signed_in, dispatch_uid="kbconsole.audit.signed_in")
    user_logged_out.connect(_signed_out, dispatch_uid="kbconsole.audit.signed_out")
    user_login_failed.connect(_failed, dispatch_uid="kbconsole.audit.sign_in_failed")


def _person(user: AbstractBaseUser) -> Target:
    return Target("user", str(user.pk), user.get_username())


def _signed_in(user: AbstractBaseUser, **kwargs: Any) -> None:
    with transaction.atomic():
        record("access.signed_in", by=user, on=_person(user))


def _signed_out(user: AbstractBaseUser | None, **kwargs: Any) -> None:
    if user is not None:  # a sign-out without a sign-in
        with transaction.atomic():
            record("access.signed_out", by=user, on=_person(user))


def _failed(credentials: dict[str, Any], **kwargs: Any) -> None:
    name = str(credentials.get("username", ""))[:150]  # the name only; nothing else of what was typed
    with transaction.atomic():
        record("access.sign_in_failed", by=AnonymousUser(), outcome=Outcome.FAILURE, name=name)
