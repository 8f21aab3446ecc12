"""Replicas reach each other, or clients reach them, through one cloud load balancer per replica."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare, say
from networking.kinds.base import (
    KINDS,
    ClientPart,
    Direction,
    NetworkKind,
    PlaneFact,
    ProfileConfig,
    ServicePart,
)
from networking.kinds.cloud_settings import CloudLbConfig
from networking.kinds.clouds import CLOUDS, PUBLIC, SAYS, Cloud, named, subnet_cloud

declare(
    {
        "cloud_lb.disk": _("The smallest disk that %(clouds)s makes is %(gib)s GiB."),
        "cloud_lb.disk_custom": _(
            "The administrator who wrote this profile set %(gib)s GiB as the smallest disk."
        ),
        "cloud_lb.wrong_cloud": _(
            "%(plane)s runs in %(cloud)s, and this profile writes no address type for that cloud: its load "
            "balancers could become public. Take a profile for %(cloud)s, or another plane."
        ),
        "cloud_lb.plane_subnet": _(
            "%(plane)s: this profile says no subnet for it, and %(cloud)s makes no load balancer without one. An "
            "administrator adds a line “%(plane)s: subnet” to the profile; or take another plane."
        ),
        "cloud_lb.clash": _(
            "%(one)s needs %(key)s: %(first)s, and %(other)s needs %(second)s, but KubeBlocks writes the same "
            "annotations on every plane. Take planes that share a subnet, or another network profile."
        ),
        "cloud_lb.no_subnet": _("none at all"),
        "cloud_lb.one_subnet": _(
            "%(planes)s share one subnet in this profile, because KubeBlocks writes the same annotations on every "
            "plane. If the planes are in different subnets, load balancers will stay without an address."
        ),
        "cloud_lb.internet": _(
            "The replicas get public addresses and talk to each other over the internet without TLS. "
            "Prefer a private connection between the clouds, or let only the planes' addresses through the "
            "firewall."
        ),
        "cloud_lb.clients_internet": _(
            "Anybody on the internet reaches the port of clients, and what they send is not encrypted unless the "
            "engine has TLS. Let only your clients' addresses through the firewall."
        ),
        "cloud_lb.unknown_address_type": _(
            "None of the profile's annotations is an address type that the console knows. Many clouds make "
            "a load balancer public when nothing is said: check it before you approve."
        ),
        "cloud_lb.clients": _("Clients reach each replica at a private address of its own, made by the cloud."),
        "cloud_lb.clients_public": _(
            "Clients reach each replica at an address of its own that anybody on the internet can reach."
        ),
    }
)  # fmt: skip


@KINDS.register
class CloudLb(NetworkKind):
    """A LoadBalancer service per replica, each only in the plane of its replica.

    Always `unique`: mirrored services would make replicas × planes load balancers, most without a backend. The peer
    service says the same on every plane; a client service, which the console makes itself, says what its plane needs.
    """

    slug = "cloud_lb"
    label = _("Cloud load balancers")
    note = _(
        "The guide's first example has the service under the volume templates, where it is dropped; here "
        "it stands under the services. The address type is always written, because clouds make a load "
        "balancer public when nothing is said. Public addresses need a second approver."
    )
    carries = frozenset({Direction.EAST_WEST, Direction.NORTH_SOUTH})
    Config = CloudLbConfig

    def service(self, config: ProfileConfig) -> ServicePart:
        return self.service_on(config, ())

    def service_on(self, config: ProfileConfig, planes: Sequence[str]) -> ServicePart:
        own = [_subnet(config, plane) for plane in planes if plane in (config.get("plane_subnets") or {})]
        subnet = own[0] if own else config.get("subnet_id") or ""  # what differs was refused: see `clashes`
        return ServicePart("LoadBalancer", self._annotations(config, subnet), unique=True)

    def client_service(self, config: ProfileConfig, plane: str = "") -> ClientPart:
        return ClientPart("LoadBalancer", self._annotations(config, _subnet(config, plane)))

    def _annotations(self, config: ProfileConfig, subnet: str) -> dict[str, str]:
        merged, public = dict(config.get("annotations") or {}), self.public(config)
        whose = subnet_cloud(named(config["provider"]), public=public)
        for cloud in named(config["provider"]):
            merged |= cloud.annotations(public=public, subnet=subnet if cloud is whose else "")
        return merged

    def client_promise(self, config: ProfileConfig) -> Sentence:
        return say("cloud_lb.clients_public" if self.public(config) else "cloud_lb.clients")

    def minimum_disk_gib(self, config: ProfileConfig) -> int:
        clouds = named(config["provider"])
        return max([cloud.minimum_disk_gib for cloud in clouds] + [config.get("minimum_disk_gib") or 1])

    def minimum_disk_reason(self, config: ProfileConfig) -> Sentence:
        gib, clouds = self.minimum_disk_gib(config), named(config["provider"])
        names = [cloud.name for cloud in clouds if cloud.minimum_disk_gib == gib]
        return say("cloud_lb.disk", gib=gib, clouds=names) if names else say("cloud_lb.disk_custom", gib=gib)

    def load_balancers(self, config: ProfileConfig, replicas: int) -> int:
        return replicas

    def public(self, config: ProfileConfig) -> bool:
        return bool(config["address_type"] == PUBLIC)

    def problems(self, config: ProfileConfig, planes: Sequence[PlaneFact]) -> list[Sentence]:
        known = named(config["provider"])
        found = [
            say("cloud_lb.wrong_cloud", plane=plane.name, cloud=CLOUDS[plane.cloud].name)
            for plane in planes
            if known and plane.cloud in CLOUDS and CLOUDS[plane.cloud] not in known
        ]
        whose = subnet_cloud(known, public=self.public(config))
        if whose is None or not whose.subnet_required or config.get("subnet_id"):
            return found
        without = [plane.name for plane in _in(whose, config, planes) if not _subnet(config, plane.name)]
        return found + [say("cloud_lb.plane_subnet", plane=plane, cloud=whose.name) for plane in without]

    def clashes(self, config: ProfileConfig, planes: Sequence[PlaneFact]) -> list[Sentence]:
        whose = subnet_cloud(named(config["provider"]), public=self.public(config))
        if whose is None:
            return []
        asked = [(plane.name, _subnet(config, plane.name)) for plane in _in(whose, config, planes)]
        asked.sort(key=lambda pair: not pair[1])  # a plane that asks for one is named first
        others = [(plane, subnet) for plane, subnet in asked[1:] if subnet != asked[0][1]]
        none, key = say("cloud_lb.no_subnet"), whose.subnet_key
        return [
            say(
                "cloud_lb.clash",
                key=key,
                one=asked[0][0],
                first=asked[0][1],
                other=plane,
                second=subnet or none,
            )
            for plane, subnet in others
        ]

    def cautions(self, config: ProfileConfig, planes: Sequence[PlaneFact]) -> list[Sentence]:
        found = [say("cloud_lb.internet")] if self.public(config) else []
        whose = subnet_cloud(named(config["provider"]), public=self.public(config))
        shared = [plane.name for plane in planes if whose and plane.cloud == whose.slug]
        if whose and whose.subnet_required and len(shared) > 1:
            found.append(say("cloud_lb.one_subnet", planes=shared))
        return found + self._unsaid(config)

    def client_cautions(self, config: ProfileConfig, planes: Sequence[PlaneFact]) -> list[Sentence]:
        found = [say("cloud_lb.clients_internet")] if self.public(config) else []
        return found + self._unsaid(config)

    def named_planes(self, config: ProfileConfig) -> list[str]:
        return list(config.get("plane_subnets") or {})

    def _unsaid(self, config: ProfileConfig) -> list[Sentence]:
        """Return the warning that no annotation says which type of address is wanted, where none does."""
        if named(config["provider"]):
            return []
        asked = {(key, value.lower()) for key, value in (config.get("annotations") or {}).items()}
        return [] if asked & set(SAYS) else [say("cloud_lb.unknown_address_type")]


def _subnet(config: ProfileConfig, plane: str) -> str:
    """Return the subnet that a profile says for a plane; "" for none."""
    own = (config.get("plane_subnets") or {}).get(plane)
    return str(own[0] if own else config.get("subnet_id") or "")


def _in(cloud: Cloud, config: ProfileConfig, planes: Sequence[PlaneFact]) -> list[PlaneFact]:
    """Return the planes that run in the cloud: by what is known of them, by a line of their own, or by elimination."""
    lines, only = config.get("plane_subnets") or {}, len(named(config["provider"])) == 1
    return [
        plane
        for plane in planes
        if (plane.cloud or (cloud.slug if plane.name in lines or only else "")) == cloud.slug
    ]
