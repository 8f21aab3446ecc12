"""What is known of the ranges of a plane, as frozen data: kinds and their jobs see these, never models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.utils.translation import gettext_lazy as _

from networking.addresses.ranges import Span


class What(StrEnum):
    """What a range is for."""

    PODS = "pods"
    SERVICES = "services"
    NODES = "nodes"
    LOAD_BALANCERS = "load_balancers"
    CLIENTS = "clients"
    SPECIAL = "special"
    """Belongs to no plane: clouds, carriers and container engines use it on every machine."""


NAMES = {
    What.PODS: _("Pods"),
    What.SERVICES: _("Services"),
    What.NODES: _("Nodes"),
    What.LOAD_BALANCERS: _("Load balancers"),
    What.CLIENTS: _("Clients"),
    What.SPECIAL: _("Set aside"),
}
OF_PLANES = (What.PODS, What.SERVICES, What.NODES, What.LOAD_BALANCERS, What.CLIENTS)
ENTERED = "entered"
"""The source of what a person typed; every other source is a slug of `networking.addresses.sources.SOURCES`."""
RESERVED = "reserved"
"""The source of a block that was given to a plane, and which may not be set up there yet."""


@dataclass(frozen=True)
class RangeFact:
    """One range of a plane: `text` in its usual form, where it was read, and when."""

    text: str
    span: Span
    source: str
    read_at: datetime | None = None


@dataclass(frozen=True)
class PlaneRanges:
    """The ranges of one plane. What is not in `known` nobody has read or entered: that is not the same as none.

    `mesh_id` and `mesh_name` are what kinds have read there (`PlaneFact`), or what was reserved for it; None and ""
    where nobody knows.
    """

    plane: str
    pods: tuple[RangeFact, ...] = ()
    services: tuple[RangeFact, ...] = ()
    nodes: tuple[RangeFact, ...] = ()
    load_balancers: tuple[RangeFact, ...] = ()
    clients: tuple[RangeFact, ...] = ()
    known: frozenset[What] = frozenset()
    mesh_id: int | None = None
    mesh_name: str = ""

    def of(self, what: What) -> tuple[RangeFact, ...]:
        found: tuple[RangeFact, ...] = getattr(self, what.value, ())
        return found


@dataclass(frozen=True)
class Owned:
    """A range with its owner: a plane and what it is for there. `plane` is "" for what is special everywhere.

    `profile` names the network profile whose clients are there, on whatever plane; `adjacent`: load balancers give
    them addresses of their own network (layer 2).
    """

    span: Span
    plane: str
    what: What
    source: str = ""
    profile: str = ""
    adjacent: bool = False

    @property
    def owner(self) -> tuple[str, What]:
        return self.plane or self.profile, self.what


def owned(ranges: Mapping[str, PlaneRanges]) -> list[Owned]:
    """Return every range of every plane."""
    return [
        Owned(fact.span, plane, what, fact.source)
        for plane, known in ranges.items()
        for what in OF_PLANES
        for fact in known.of(what)
    ]


@dataclass(frozen=True)
class NewRange:
    """A range that somebody wants to give to a plane."""

    plane: str
    what: What
    text: str
