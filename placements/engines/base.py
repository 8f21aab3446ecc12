"""What an engine is. A new engine is one new file in this package that registers a subclass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from kbconsole.common.registry import Registry
from kbconsole.common.sentences import Sentence, declare, say

LINE_0_9 = "0.9"
LINE_1_0 = "1.0"
LINES = (LINE_0_9, LINE_1_0)
"""The release lines of KubeBlocks that the console can write for."""

declare(
    {
        "engines.line": _(
            "KubeBlocks %(line)s is not supported: the console writes for 0.9 and 1.0. From 1.1 on, "
            "databases over several planes are built differently and need an operator in every plane."
        ),
        "engines.replicas": _("%(engine)s can have 1 to %(most)s replicas, a whole number."),
    }
)


@dataclass(frozen=True)
class DefinitionFact:
    """A ComponentDefinition of the control plane. `chart` is its label helm.sh/chart; "" if it has none."""

    name: str
    chart: str = ""
    available: bool = True
    message: str = ""


@dataclass(frozen=True)
class Chosen:
    """The definition that a database will use, and what follows from it for names.

    `peer_service_name` is the definition's `serviceName` of the peer service: with "" a replica's service is
    called like its pod. `services` are the `serviceName`s of its services that are not per replica.
    """

    definition: str
    line: str
    chart: str
    peer_service_name: str = ""
    services: tuple[str, ...] = ()


@dataclass(frozen=True)
class Endpoint:
    """Where clients reach one replica first. `node_port`: the port is one of its plane's nodes, not of its own.

    `service` is the Service behind it; `pod` is "" where that was not told.
    """

    ordinal: int
    plane: str
    pod: str
    service: str
    host: str
    port: int
    leader: bool = False
    node_port: bool = False

    @property
    def address(self) -> str:
        """`host:port`, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Snippet:
    """Code that connects: the language as people write it, and the lines."""

    language: str
    text: str


class Engine(ABC):
    """One kind of database. Instances hold no state."""

    slug: ClassVar[str]
    label: ClassVar[str | Promise]
    component: ClassVar[str]
    """The component's name in the Cluster object, part of every name that follows from it."""
    peer_service: ClassVar[str]
    """The `name` of the per-replica service in the definition."""
    peer_port: ClassVar[int]
    client_port: ClassVar[int]
    leader_role: ClassVar[str]
    """What a pod's role label says of the one replica that leads."""
    data_volume: ClassVar[str] = "data"
    replica_choices: ClassVar[tuple[int, ...]]
    """What the form offers. Other numbers up to `most_replicas` are possible, and explained."""
    most_replicas: ClassVar[int]
    service_versions: ClassVar[tuple[str, ...]] = ()
    """Versions to choose from; empty: the definition's own."""
    cannot_peer: ClassVar[Mapping[str, str | Promise]] = {}
    """Types of services by which its replicas cannot reach each other, each with the reason."""
    cannot_serve: ClassVar[Mapping[str, str | Promise]] = {}
    """The same of its clients."""
    reads_ipv6: ClassVar[bool] = True
    """Whether replicas can be told each other's addresses in IPv6."""
    follows_itself: ClassVar[bool] = False
    """Whether clients are given all endpoints and find the one that takes writes by themselves."""
    why_follows: ClassVar[str | Promise] = ""
    """Why they need no address that follows the leader, for a reader who knows neither etcd nor Kubernetes."""
    dns_service: ClassVar[str] = ""
    """The name of SRV records that clients look for, such as `_etcd-client._tcp`."""
    proxy_check: ClassVar[tuple[str, ...]] = ()
    """Lines by which haproxy tells a replica that serves from one that does not; without, a TCP connect does."""

    @abstractmethod
    def choose_definition(self, line: str, definitions: Sequence[DefinitionFact]) -> Chosen | Sentence:
        """Return the definition to use, or the sentence that says why there is none and what to install."""

    def connect_commands(self, endpoints: Sequence[str]) -> list[str]:
        """Return lines that connect to `host:port` endpoints from a shell; empty where there is no such tool."""
        return []

    def environment(self, endpoints: Sequence[str]) -> dict[str, str]:
        """Return what the engine's own tools read from the environment."""
        return {}

    def snippets(self, endpoints: Sequence[str]) -> list[Snippet]:
        """Return code that connects to `host:port` endpoints, in the languages that people ask for."""
        return []

    def quorum(self, replicas: int) -> int:
        """Return how many replicas must be up for writes."""
        return replicas // 2 + 1

    def replica_problem(self, replicas: int) -> Sentence | None:
        """Return why a database cannot have so many replicas, or None."""
        if 1 <= replicas <= self.most_replicas:
            return None
        return say("engines.replicas", engine=str(self.label), most=self.most_replicas)


ENGINES: Registry[Engine] = Registry("engines", "placements.engines")


def engine_named(slug: str) -> Engine:
    """Return the engine. Raises KeyError for an unknown slug."""
    return ENGINES.get(slug)()
