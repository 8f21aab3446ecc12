"""Both directions of a profile in one value: how replicas reach each other, and how clients reach them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kbconsole.common.sentences import Sentence
from networking.kinds.base import (
    KINDS,
    ClientPart,
    Direction,
    NetworkKind,
    PlaneFact,
    ProfileConfig,
    ServicePart,
    kind_named,
)


@dataclass(frozen=True)
class Network:
    """One east-west kind with its settings and, where clients come from outside, one north-south kind with its own."""

    kind: str
    config: ProfileConfig = field(default_factory=dict)
    outside: str = ""
    outside_config: ProfileConfig = field(default_factory=dict)
    client_networks: tuple[str, ...] = ()
    """Where its clients are, as ranges in their usual form; empty: nobody said."""

    @property
    def known(self) -> bool:
        """Whether the console still has both kinds."""
        return self.kind in KINDS and (not self.outside or self.outside in KINDS)

    @property
    def missing(self) -> str:
        """The slugs of those that it has no more."""
        return ", ".join(slug for slug in (self.kind, self.outside) if slug and slug not in KINDS)

    @property
    def between(self) -> NetworkKind:
        """Return the east-west kind. Raises KeyError for one that is gone."""
        return kind_named(self.kind)

    @property
    def clients(self) -> NetworkKind | None:
        """Return the north-south kind, None where nothing is reached from outside. Raises KeyError."""
        return kind_named(self.outside) if self.outside else None

    @property
    def _parts(self) -> list[tuple[NetworkKind, ProfileConfig]]:
        outside = [(self.clients, self.outside_config)] if self.clients else []
        return [(self.between, self.config), *outside]

    def service(self, planes: Sequence[str] = ()) -> ServicePart:
        """Return the per-replica service between replicas of a database on these planes."""
        return self.between.service_on(self.config, planes)

    def client_service(self, plane: str) -> ClientPart | None:
        """Return the service by which clients reach a replica on a plane; None: by none."""
        return self.clients.client_service(self.outside_config, plane) if self.clients else None

    def public(self) -> bool:
        """Return whether anything can be reached from the internet."""
        return any(kind.public(config) for kind, config in self._parts)

    def minimum_disk_gib(self) -> int:
        return max(kind.minimum_disk_gib(config) for kind, config in self._parts)

    def minimum_disk_reason(self) -> Sentence:
        """Return the reason of whoever asks for most."""
        kind, config = max(self._parts, key=lambda part: part[0].minimum_disk_gib(part[1]))
        return kind.minimum_disk_reason(config)

    def load_balancers(self, replicas: int) -> int:
        """Return how many load balancers a database makes, for either direction; each is paid for."""
        return sum(kind.load_balancers(config, replicas) for kind, config in self._parts)

    def vips(self, replicas: int) -> int:
        """Return how many addresses clients' services take from the planes' load balancers."""
        return self.clients.vips(self.outside_config, replicas) if self.clients else 0

    def problems(self, planes: Sequence[PlaneFact]) -> list[Sentence]:
        """Return why this network cannot serve these planes; the same reason once."""
        found = [said for kind, config in self._parts for said in kind.problems(config, planes)]
        return _once(found + self.between.clashes(self.config, planes))

    def unreached(self, namespace: str, planes: Sequence[PlaneFact]) -> list[Sentence]:
        """Return why replicas in this namespace would not reach each other."""
        return self.between.unreached(namespace, planes)

    def cautions(self, planes: Sequence[PlaneFact]) -> list[Sentence]:
        """Return what an approver has to know and accept; the same warning once."""
        found = list(self.between.cautions(self.config, planes))
        if self.clients:
            found += self.clients.client_cautions(self.outside_config, planes)
        return _once(found)

    def named_planes(self) -> list[str]:
        """Return the planes that the settings name one by one."""
        return list(dict.fromkeys(name for kind, config in self._parts for name in kind.named_planes(config)))

    def notes(self) -> list[str]:
        """Return where this differs from the guide, and why."""
        return list(dict.fromkeys(str(kind.note) for kind, _config in self._parts))

    def label(self) -> str:
        """Return what the kinds are called; of one that is gone only its slug."""
        if not self.known:
            return " + ".join(slug for slug in (self.kind, self.outside) if slug)
        return " + ".join(dict.fromkeys(str(kind.label) for kind, _config in self._parts))


def refusals(kind: str, outside: str) -> Mapping[str, Sentence]:
    """Return why kinds cannot be used in these directions, by field of a profile; empty when they can."""
    asked: dict[str, tuple[str, Direction]] = {"kind": (kind, Direction.EAST_WEST)}
    if outside:
        asked["outside"] = (outside, Direction.NORTH_SOUTH)
    said: dict[str, Any] = {name: kind_named(slug).refusal(way) for name, (slug, way) in asked.items()}
    return {name: sentence for name, sentence in said.items() if sentence is not None}


def _once(sentences: Sequence[Sentence]) -> list[Sentence]:
    found: list[Sentence] = []
    for sentence in sentences:
        if sentence not in found:
            found.append(sentence)
    return found
