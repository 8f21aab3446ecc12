"""What administrators do with network profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.services import record
from kbconsole.common.errors import ConsoleError, Refused, Stale
from kbconsole.common.policy import Policy, act
from kbconsole.common.roles import Role
from kbconsole.common.sentences import Sentence, declare
from kbconsole.jobs.models import Plan
from kbconsole.jobs.services import make_plan
from networking.addresses.ranges import parsed
from networking.jobs import ChangeProfile
from networking.kinds.base import ProfileConfig
from networking.kinds.network import Network, refusals
from networking.models import Profile

declare(
    {
        "networking.profile_made": _("Made the network profile %(name)s (%(kind)s)"),
        "networking.name_taken": _("A network profile is called %(name)s already. Take another name."),
        "networking.too_many_networks": _(
            "These are %(count)s networks of clients, and a profile keeps at most %(most)s. Write neighbours as one, "
            "such as 10.20.0.0/16 for all that it holds."
        ),
    }
)
MOST_NETWORKS = 100
MAKE = act(
    "profile-make", _("Make a network profile"),
    Policy(asks=(Role.ADMIN,), note=_("Its first database is marked in the approvals.")),
)  # fmt: skip


class ProfileRefused(ConsoleError):
    """A kind cannot carry what the profile wants of it: `fields` maps a field's name to its sentence."""

    status = 422

    def __init__(self, fields: Mapping[str, Sentence]) -> None:
        first = next(iter(fields.values()))
        super().__init__(first.code, **first.params)
        self.fields = dict(fields)


def _check(kind: str, outside: str) -> None:
    if found := refusals(kind, outside):
        raise ProfileRefused(found)


def networks_of(texts: Sequence[str]) -> list[str]:
    """Return ranges of clients in their usual form, each once. Raises ConsoleError."""
    if len(texts) > MOST_NETWORKS:
        raise ConsoleError("networking.too_many_networks", count=len(texts), most=MOST_NETWORKS)
    return list(dict.fromkeys(str(parsed(text)) for text in texts))


@transaction.atomic
def create_profile(
    *,
    name: str,
    kind: str,
    config: ProfileConfig,
    outside: str = "",
    outside_config: ProfileConfig | None = None,
    client_networks: Sequence[str] = (),
    by: Any,
) -> Profile:
    """Keep a profile; the settings are the cleaned data of the kinds' forms.

    Raises ProfileRefused for a kind that does not carry the direction, ConsoleError for a taken name or no range.
    """
    MAKE.require(by)
    _check(kind, outside)
    says = {
        "config": dict(config), "outside": outside, "outside_config": dict(outside_config or {}),
        "client_networks": networks_of(client_networks),
    }  # fmt: skip
    try:
        with transaction.atomic():
            profile = Profile.objects.create(name=name, kind=kind, created_by=by, **says)
    except IntegrityError:
        raise ConsoleError("networking.name_taken", name=name) from None
    kinds = " + ".join(slug for slug in (kind, outside) if slug)
    record("networking.profile_made", by=by, on=("profile", profile.pk, name), name=name, kind=kinds)
    return profile


def _job(profile: Profile, network: Network, version: int) -> ChangeProfile:
    return ChangeProfile(
        profile.pk, profile.name, profile.kind, version, dict(network.config), outside=network.outside,
        outside_config=dict(network.outside_config), client_networks=list(network.client_networks),
    )  # fmt: skip


def _network(
    profile: Profile, config: ProfileConfig, outside: str | None, outside_config: ProfileConfig | None,
    client_networks: Sequence[str] | None,
) -> Network:  # fmt: skip
    """Return what the profile is to say. What is None of clients stays as it is. Raises ProfileRefused."""
    given = profile.client_networks if client_networks is None else networks_of(client_networks)
    if outside is None:
        return Network(profile.kind, config, profile.outside, profile.outside_config, tuple(given))
    _check(profile.kind, outside)
    return Network(profile.kind, config, outside, outside_config or {}, tuple(given))


def approvals_for(profile: Profile) -> int:
    """Return how many others have to agree to a change of the profile."""
    return _job(profile, profile.network, profile.version).approvals_needed()


@transaction.atomic
def ask_for_change(
    profile: Profile, *, config: ProfileConfig, outside: str | None = None,
    outside_config: ProfileConfig | None = None, client_networks: Sequence[str] | None = None,
    seen_version: int, by: Any, reason: str = "",
) -> Profile | Plan:  # fmt: skip
    """Replace a profile's settings; or ask for a plan that does, where somebody else has to agree.

    `outside` or `client_networks` None leaves what clients get as it is. Raises ProfileRefused, Stale.
    """
    ChangeProfile.approval.require(by)
    network = _network(profile, config, outside, outside_config, client_networks)
    if not approvals_for(profile):
        return _change(profile, network, seen_version=seen_version, by=by, reason=reason)
    if not Profile.objects.filter(pk=profile.pk, version=seen_version).exists():
        raise Stale("networking.changed_meanwhile", name=profile.name)
    return make_plan(_job(profile, network, seen_version), by=by, reason=reason)


@transaction.atomic
def change_profile(
    profile: Profile, *, config: ProfileConfig, outside: str | None = None,
    outside_config: ProfileConfig | None = None, client_networks: Sequence[str] | None = None,
    seen_version: int, by: Any, reason: str = "",
) -> Profile:  # fmt: skip
    """Replace a profile's settings at once. Raises Refused where somebody else has to agree, ProfileRefused, Stale."""
    ChangeProfile.approval.require(by)
    if needed := approvals_for(profile):
        raise Refused("plan.needs_approval", needed=needed)
    network = _network(profile, config, outside, outside_config, client_networks)
    return _change(profile, network, seen_version=seen_version, by=by, reason=reason)


def _change(profile: Profile, network: Network, *, seen_version: int, by: Any, reason: str) -> Profile:
    if not Profile.objects.replace_settings(profile.pk, seen=seen_version, network=network, by=by):
        raise Stale("networking.changed_meanwhile", name=profile.name)
    profile.refresh_from_db()
    record(
        "networking.profile_changed", by=by, on=("profile", profile.pk, profile.name), reason=reason,
        name=profile.name, version=profile.version,
    )  # fmt: skip
    return profile
