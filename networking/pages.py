"""What the network pages show of a profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from kbconsole.common.sentences import Sentence
from networking.kinds.base import KINDS, NetworkKind
from networking.models import Profile

REPLICAS = 3
"""For how many replicas the page says what load balancers are made: the guide's number."""


@dataclass(frozen=True)
class ProfileRow:
    """A profile, ready to be shown. Of a kind that is gone, only what is stored."""

    profile: Profile
    kind: NetworkKind | None
    users: int
    promise: str = ""
    public: bool = False
    load_balancers: int = 0
    minimum_disk_gib: int = 0
    minimum_disk_reason: Sentence | None = None
    annotations: tuple[tuple[str, str], ...] = ()


def rows_for(user: Any) -> list[ProfileRow]:
    """Return the profiles that a person may see, in one query."""
    return [row_of(profile) for profile in Profile.objects.visible_to(user).with_users()]


def row_of(profile: Profile) -> ProfileRow:
    users: int = getattr(profile, "users", 0)
    if profile.kind not in KINDS:
        return ProfileRow(profile, None, users)
    kind, config = profile.behaviour, profile.config
    return ProfileRow(
        profile, kind, users,
        promise=promise(kind, profile), public=kind.public(config),
        load_balancers=kind.load_balancers(config, REPLICAS),
        minimum_disk_gib=kind.minimum_disk_gib(config), minimum_disk_reason=kind.minimum_disk_reason(config),
        annotations=tuple(sorted(kind.service(config).annotations.items())),
    )  # fmt: skip


def promise(kind: NetworkKind, profile: Profile) -> str:
    """Say what somebody gets who chooses the profile, without a word of Kubernetes."""
    if not kind.load_balancers(profile.config, 1):
        return _("Replicas reach each other by name over all planes; nothing is reachable from outside.")
    if kind.public(profile.config):
        return _("Each replica gets an address of its own that anybody on the internet can reach.")
    return _("Each replica gets a private address of its own, reached from inside the network.")
