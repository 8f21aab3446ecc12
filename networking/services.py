"""What administrators do with network profiles."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.services import record
from kbconsole.common.errors import ConsoleError, Refused, Stale
from kbconsole.common.policy import Policy, act
from kbconsole.common.roles import Role
from kbconsole.common.sentences import declare
from kbconsole.jobs.models import Plan
from kbconsole.jobs.services import make_plan
from networking.jobs import ChangeProfile
from networking.kinds.base import ProfileConfig
from networking.models import Profile

declare(
    {
        "networking.profile_made": _("Made the network profile %(name)s (%(kind)s)"),
        "networking.name_taken": _("A network profile is called %(name)s already. Take another name."),
    }
)
MAKE = act(
    "profile-make", _("Make a network profile"),
    Policy(asks=(Role.ADMIN,), note=_("Its first database is marked in the approvals.")),
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


def _job(profile: Profile, *, config: ProfileConfig, version: int) -> ChangeProfile:
    return ChangeProfile(profile.pk, profile.name, profile.kind, version, dict(config))


def approvals_for(profile: Profile) -> int:
    """Return how many others have to agree to a change of the profile."""
    return _job(profile, config=profile.config, version=profile.version).approvals_needed()


@transaction.atomic
def ask_for_change(
    profile: Profile, *, config: ProfileConfig, seen_version: int, by: Any, reason: str = ""
) -> Profile | Plan:
    """Replace a profile's settings; or ask for a plan that does, where somebody else has to agree. Raises Stale."""
    ChangeProfile.approval.require(by)
    if not approvals_for(profile):
        return change_profile(profile, config=config, seen_version=seen_version, by=by, reason=reason)
    if not Profile.objects.filter(pk=profile.pk, version=seen_version).exists():
        raise Stale("networking.changed_meanwhile", name=profile.name)
    return make_plan(_job(profile, config=config, version=seen_version), by=by, reason=reason)


@transaction.atomic
def change_profile(
    profile: Profile, *, config: ProfileConfig, seen_version: int, by: Any, reason: str = ""
) -> Profile:
    """Replace a profile's settings at once. Raises Refused where somebody else has to agree, Stale."""
    ChangeProfile.approval.require(by)
    if needed := approvals_for(profile):
        raise Refused("plan.needs_approval", needed=needed)
    if not Profile.objects.replace_config(profile.pk, seen=seen_version, config=config):
        raise Stale("networking.changed_meanwhile", name=profile.name)
    profile.refresh_from_db()
    record(
        "networking.profile_changed", by=by, on=("profile", profile.pk, profile.name), reason=reason,
        name=profile.name, version=profile.version,
    )  # fmt: skip
    return profile
