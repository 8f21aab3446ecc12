"""What the network pages show of a profile."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, F, Q
from django.utils.translation import gettext as _

from kbconsole.common.sentences import Sentence
from networking.kinds.base import KINDS, ClientPart, Direction, NetworkKind
from networking.kinds.network import Network
from networking.models import OVER, Profile, ProfileVersion

REPLICAS = 3
"""For how many replicas the page says what load balancers are made: the guide's number."""


@dataclass(frozen=True)
class OldVersion:
    """A version that databases still have, though the profile says something else now."""

    version: int
    users: int


@dataclass(frozen=True)
class ProfileRow:
    """A profile, ready to be shown. Of a kind that is gone, only what is stored."""

    profile: Profile | ProfileVersion
    kind: NetworkKind | None
    users: int
    clients: NetworkKind | None = None
    promise: str = ""
    client_promise: Sentence | None = None
    public: bool = False
    load_balancers: int = 0
    vips: int = 0
    """How many addresses clients' services take from a pool that is not paid for."""
    minimum_disk_gib: int = 0
    minimum_disk_reason: Sentence | None = None
    annotations: tuple[tuple[str, str], ...] = ()
    client_annotations: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    older: list[OldVersion] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    """Planes that its settings name and that are not registered: a wrong letter, or not yet."""


def rows_for(user: Any, planes: Collection[str]) -> list[ProfileRow]:
    """Return the profiles that a person may see, in two queries. `planes` are the names of the registered ones."""
    profiles = list(Profile.objects.visible_to(user).with_users())
    older = _older() if profiles else {}
    return [row_of(profile, older.get(profile.pk), planes) for profile in profiles]


def _older() -> dict[int, list[OldVersion]]:
    """Return the versions before the present one that databases stand on, by profile."""
    standing = Count("placements", filter=~Q(placements__status__in=OVER))
    rows = ProfileVersion.objects.annotate(users=standing).filter(
        users__gt=0, version__lt=F("profile__version")
    )
    found: dict[int, list[OldVersion]] = defaultdict(list)
    for profile, version, users in rows.order_by("version").values_list("profile", "version", "users"):
        found[profile].append(OldVersion(version, users))
    return found


def row_of(
    profile: Profile | ProfileVersion, older: list[OldVersion] | None = None, planes: Collection[str] | None = None
) -> ProfileRow:  # fmt: skip
    """Return the row; without `planes`, the registered ones, names in the settings are not compared."""
    users: int = getattr(profile, "users", 0)
    network = profile.network
    if not network.known:
        return ProfileRow(profile, None, users)
    part = network.client_service("")
    paid = network.clients.load_balancers(network.outside_config, 1) if network.clients else 0
    return ProfileRow(
        profile, network.between, users, network.clients,
        promise=promise(network),
        client_promise=network.clients.client_promise(network.outside_config) if network.clients else None,
        public=network.public(), load_balancers=network.load_balancers(REPLICAS),
        vips=0 if paid else network.vips(REPLICAS),
        minimum_disk_gib=network.minimum_disk_gib(), minimum_disk_reason=network.minimum_disk_reason(),
        annotations=tuple(sorted(network.service().annotations.items())),
        client_annotations=_said(part), notes=tuple(note for note in network.notes() if note),
        older=older or [],
        strangers=[name for name in network.named_planes() if planes is not None and name not in planes],
    )  # fmt: skip


def _said(part: ClientPart | None) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(part.annotations.items())) if part else ()


def promise(network: Network) -> str:
    """Say how replicas reach each other, without a word of Kubernetes."""
    if not network.between.load_balancers(network.config, 1):
        return _("Replicas reach each other by name over all planes.")
    if network.between.public(network.config):
        return _("Each replica gets an address of its own that anybody on the internet can reach.")
    return _("Each replica gets a private address of its own, reached from inside the network.")


def not_between() -> list[tuple[NetworkKind, Sentence]]:
    """Return the kinds that replicas cannot reach each other by, each with the reason."""
    said = [(kind(), kind().refusal(Direction.EAST_WEST)) for kind in KINDS]
    return [(kind, why) for kind, why in said if why is not None]
