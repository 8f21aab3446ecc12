"""What a network kind is. A new kind is one new file in this package that registers a subclass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from django import forms
from django.utils.functional import Promise

from kbconsole.common.registry import Registry
from kbconsole.common.sentences import Sentence

ProfileConfig = Mapping[str, Any]
"""The cleaned data of a kind's form, as a profile keeps it: JSON values only."""


class Direction(StrEnum):
    """Which traffic a kind carries: between replicas, or from clients to replicas."""

    EAST_WEST = "east_west"
    NORTH_SOUTH = "north_south"


@dataclass(frozen=True)
class PlaneFact:
    """What is known of one data plane. `cloud` is "" and `mesh` is None where nobody has looked yet."""

    name: str
    cloud: str = ""
    mesh: bool | None = None


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


class NoSettings(forms.Form):
    """A profile of a kind that has nothing to choose."""


class NetworkKind(ABC):
    """One way for replicas to reach each other, or for clients to reach them. Instances hold no state."""

    slug: ClassVar[str]
    label: ClassVar[str | Promise]
    note: ClassVar[str | Promise]
    """Where this differs from the guide, and why."""
    carries: ClassVar[frozenset[Direction]]
    Config: ClassVar[type[forms.Form]] = NoSettings
    """The form of a profile's settings; its cleaned data is what the profile keeps."""

    @abstractmethod
    def service(self, config: ProfileConfig) -> ServicePart:
        """Return the per-replica service of a database that uses the profile."""

    @abstractmethod
    def minimum_disk_gib(self, config: ProfileConfig) -> int:
        """Return the smallest volume, in GiB, that every plane of the profile can make."""

    @abstractmethod
    def minimum_disk_reason(self, config: ProfileConfig) -> Sentence:
        """Return why the volume cannot be smaller."""

    def load_balancers(self, config: ProfileConfig, replicas: int) -> int:
        """Return how many load balancers a database makes (each is paid for)."""
        return 0

    def public(self, config: ProfileConfig) -> bool:
        """Return whether addresses can be reached from the internet."""
        return False

    def problems(self, config: ProfileConfig, planes: Sequence[PlaneFact]) -> list[Sentence]:
        """Return why the profile cannot serve these planes; empty when it can."""
        return []

    def cautions(self, config: ProfileConfig, planes: Sequence[PlaneFact]) -> list[Sentence]:
        """Return what an approver has to know and accept."""
        return []


KINDS: Registry[NetworkKind] = Registry("network kinds", "networking.kinds")


def kind_named(slug: str) -> NetworkKind:
    """Return the kind. Raises KeyError for an unknown slug."""
    return KINDS.get(slug)()
