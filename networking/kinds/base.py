"""What a network kind is. A new kind is one new file in this package that registers a subclass."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from kbconsole.common.registry import Registry
from kbconsole.common.sentences import Sentence, declare, say
from networking.kinds.nodes import NodeChoice

if TYPE_CHECKING:  # it needs models, and this is loaded before there are any
    from kbconsole.jobs.definition import Check

ProfileConfig = Mapping[str, Any]
"""The cleaned data of a kind's form, as a profile keeps it: JSON values only."""

declare(
    {
        "kinds.any_disk": _("This way to the network asks for no particular size of disk."),
        "kinds.not_between": _("%(kind)s does not carry the traffic between replicas. Choose another kind for it."),
        "kinds.not_outside": _("%(kind)s does not carry the traffic of clients. Choose another kind for it."),
        "kinds.clients": _("Clients reach each replica at an address of its own."),
    }
)  # fmt: skip


class Direction(StrEnum):
    """Which traffic a kind carries: between replicas, or from clients to replicas."""

    EAST_WEST = "east_west"
    NORTH_SOUTH = "north_south"


@dataclass(frozen=True)
class PlaneFact:
    """What is known of one data plane. "", None and an empty set stand for: nobody has looked yet.

    `cloud` is the slug of a cloud (networking/kinds/clouds.py). `families` are the IP versions (4, 6) of the
    addresses that its services get. `mesh`: whether a mesh over planes was found there, under which name and id.
    `shared`: the namespaces that other planes reach by it, where these are not all.
    """

    name: str
    cloud: str = ""
    mesh: bool | None = None
    mesh_name: str = ""
    mesh_id: int | None = None
    region: str = ""
    families: frozenset[int] = frozenset()
    shared: frozenset[str] | None = None


@dataclass(frozen=True)
class ServicePart:
    """What a Cluster may say about the per-replica service: KubeBlocks allows nothing beyond this.

    One annotation map serves every plane. `unique`: the service of replica i exists only in that replica's
    plane; otherwise every plane holds the services of all replicas.
    """

    service_type: str
    annotations: Mapping[str, str] = field(default_factory=dict)
    pod_service: bool = True
    unique: bool = False


@dataclass(frozen=True)
class ClientPart:
    """What the console writes on the service by which clients reach one replica. The console makes and owns it.

    `traffic_policy` and `load_balancer_class` "" leave it to Kubernetes. `node_ports` are the first and last port of
    the band in which the console fixes a port that is free on the plane; None: Kubernetes chooses any. `nodes` says
    at which addresses of the plane's nodes a port is reached; None: the service has an address of its own.
    """

    service_type: str
    annotations: Mapping[str, str] = field(default_factory=dict)
    traffic_policy: str = ""
    load_balancer_class: str = ""
    node_ports: tuple[int, int] | None = None
    nodes: NodeChoice | None = None


class NoSettings(forms.Form):
    """A profile of a kind that has nothing to choose."""


class NetworkKind(ABC):
    """One way for replicas to reach each other, or for clients to reach them. Instances hold no state."""

    slug: ClassVar[str]
    label: ClassVar[str | Promise]
    note: ClassVar[str | Promise]
    """Where this differs from the guide, and why."""
    carries: ClassVar[frozenset[Direction]]
    joins: ClassVar[frozenset[str]] = frozenset()
    """Which ranges of its planes the kind makes one network of, so that they may not overlap: pods, services, nodes."""
    Config: ClassVar[type[forms.Form]] = NoSettings
    """The form of a profile's settings; its cleaned data is what the profile keeps."""
    spanning: ClassVar[Mapping[str, str]] = {}
    """Annotations by which a service of this kind is one over all planes."""
    adjacent: ClassVar[bool] = False
    """Whether its load balancers announce addresses in the clients' own network (layer 2), so that both may overlap."""
    reports: ClassVar[tuple[str, ...]] = ()
    """Annotations that controllers of this kind write on services to report about them."""

    def service(self, config: ProfileConfig) -> ServicePart:
        """Return the per-replica service of a database that uses the profile. Of kinds that carry east-west."""
        raise NotImplementedError(f"{self.slug} does not carry the traffic between replicas")

    def service_on(self, config: ProfileConfig, planes: Sequence[str]) -> ServicePart:
        """Return the same for a database on these planes, where settings of planes count."""
        return self.service(config)

    def client_service(self, config: ProfileConfig, plane: str = "") -> ClientPart | None:
        """Return the service by which clients reach one replica on a plane; None: the kind carries no clients."""
        return None

    def client_checks(self, config: ProfileConfig, plane: str, services: Sequence[str]) -> Sequence[Check]:
        """Return what is looked at on a plane before these services of clients (`namespace/name`) are made there."""
        return ()

    def client_promise(self, config: ProfileConfig) -> Sentence:
        """Say what clients get, without a word of Kubernetes."""
        return say("kinds.clients")

    def minimum_disk_gib(self, config: ProfileConfig) -> int:
        """Return the smallest volume, in GiB, that every plane of the profile can make."""
        return 1

    def minimum_disk_reason(self, config: ProfileConfig) -> Sentence:
        """Return why the volume cannot be smaller."""
        return say("kinds.any_disk")

    def load_balancers(self, config: ProfileConfig, replicas: int) -> int:
        """Return how many load balancers a database makes (each is paid for)."""
        return 0

    def vips(self, config: ProfileConfig, replicas: int) -> int:
        """Return how many addresses a database takes from the planes' load balancers, paid for or not."""
        return self.load_balancers(config, replicas)

    def public(self, config: ProfileConfig) -> bool:
        """Return whether addresses can be reached from the internet."""
        return False

    def problems(self, config: ProfileConfig, planes: Sequence[PlaneFact]) -> list[Sentence]:
        """Return why the profile cannot serve these planes, in whatever direction; empty when it can."""
        return []

    def unreached(self, namespace: str, planes: Sequence[PlaneFact]) -> list[Sentence]:
        """Return why replicas in this namespace would not be reached from other planes. Of kinds for east-west."""
        return []

    def clashes(self, config: ProfileConfig, planes: Sequence[PlaneFact]) -> list[Sentence]:
        """Return why one peer service cannot be right for all of these planes. Asked of kinds that carry east-west."""
        return []

    def cautions(self, config: ProfileConfig, planes: Sequence[PlaneFact]) -> list[Sentence]:
        """Return what an approver has to know and accept."""
        return []

    def client_cautions(self, config: ProfileConfig, planes: Sequence[PlaneFact]) -> list[Sentence]:
        """Return the same of a profile that uses the kind for clients."""
        return self.cautions(config, planes)

    def named_planes(self, config: ProfileConfig) -> list[str]:
        """Return the planes that the settings name one by one."""
        return []

    def refusal(self, direction: Direction) -> Sentence | None:
        """Return why the kind does not carry a direction, None where it does."""
        if direction in self.carries:
            return None
        why = "not_between" if direction is Direction.EAST_WEST else "not_outside"
        return say(f"kinds.{why}", kind=str(self.label))


KINDS: Registry[NetworkKind] = Registry("network kinds", "networking.kinds")


def kind_named(slug: str) -> NetworkKind:
    """Return the kind. Raises KeyError for an unknown slug."""
    return KINDS.get(slug)()


def carrying(direction: Direction) -> list[NetworkKind]:
    """Return the kinds that carry a direction, by slug."""
    return [kind() for kind in KINDS if direction in kind.carries]


def spans_planes(annotations: Mapping[str, str]) -> bool:
    """Return whether a service with these annotations is one over all planes, by whatever kind made it so."""
    marks = [kind.spanning for kind in KINDS if kind.spanning]
    return any(all(annotations.get(key) == value for key, value in mark.items()) for mark in marks)


def reported() -> tuple[str, ...]:
    """Return the annotations of services that controllers of any kind write, and that nobody may copy."""
    return tuple(key for kind in KINDS for key in kind.reports)
