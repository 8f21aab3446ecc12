"""What administrators do with network profiles."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.services import record
from kbconsole.common.errors import ConsoleError, Stale
from kbconsole.common.policy import Policy, act
from kbconsole.common.roles import Role
from kbconsole.common.sentences import declare
from networking.kinds.base import ProfileConfig
from networking.models import Profile

declare(
    {
        "networking.profile_made": _("Made the network profile %(name)s (%(kind)s)"),
        "networking.profile_changed": _("Changed the network profile %(name)s to version %(version)s"),
        "networking.name_taken": _("A network profile is called %(name)s already. Take another name."),
        "networking.changed_meanwhile": _(
            "Somebody changed %(name)s meanwhile. Load the page again and repeat your change."
        ),
    }
)
MAKE = act(
    "profile-make", _("Make a network profile"),
    Policy(asks=(Role.ADMIN,), note=_("Its first database is marked in the approvals.")),
)  # fmt: skip
CHANGE = act(
    "profile-change", _("Change a network profile"),
    Policy(asks=(Role.ADMIN,), note=_("It touches no plane; plans that were made with the older version are void.")),
)  # fmt: skip


@transaction.atomic
def create_profile(*, name: str, kind: str, config: ProfileConfig, by: Any) -> Profile:
    """Keep a profile; `config` is the cleaned data of the kind's form. Raises ConsoleError for a taken name."""
    MAKE.require(by)
    try:
        with transaction.atomic():
            profile = Profile.objects.create(name=name, kind=kind, config=dict(config), created_by=by)
    except IntegrityError:
        raise ConsoleError("networking.name_taken", name=name) from None
    record("networking.profile_made", by=by, on=("profile", profile.pk, name), name=name, kind=kind)
    return profile


@transaction.atomic
def change_profile(profile: Profile, *, config: ProfileConfig, seen_version: int, by: Any) -> Profile:
    """Replace a profile's settings. Raises Stale if somebody changed it since `seen_version`."""
    CHANGE.require(by)
    rows = Profile.objects.filter(pk=profile.pk, version=seen_version)
    if not rows.update(config=dict(config), version=F("version") + 1):
        raise Stale("networking.changed_meanwhile", name=profile.name)
    profile.refresh_from_db()
    record(
        "networking.profile_changed", by=by, on=("profile", profile.pk, profile.name), name=profile.name,
        version=profile.version,
    )  # fmt: skip
    return profile
