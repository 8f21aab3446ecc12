"""What is known of planes, as the frozen facts that kinds judge by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from kbconsole.fleet.models import Plane
from networking.addresses.facts import What
from networking.kinds.base import PlaneFact
from networking.kinds.clouds import cloud_of
from networking.kinds.keeping import READERS
from networking.models import AddressFact, PlaneReading


def plane_facts(names: Sequence[str]) -> list[PlaneFact]:
    """Return the facts of these planes, in their order; of one that is gone only its name. In three queries."""
    rows = {plane.name: plane for plane in Plane.objects.filter(name__in=names)}
    read, families = facts_read(names), _families(names)
    return [
        PlaneFact(name, **_of(rows[name]), families=families[name], **read[name])
        if name in rows
        else PlaneFact(name)
        for name in names
    ]


def _of(plane: Plane) -> dict[str, Any]:
    machines = [str(node.get("machine", "")) for node in plane.nodes]
    return {"cloud": cloud_of(plane.version, machines), "region": plane.region}


def facts_read(names: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
    """Return what kinds have read of these planes, or of all, as fields of `PlaneFact`. In one query."""
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    rows = PlaneReading.objects.filter(what__in=[reader.slug for reader in READERS], facts__isnull=False)
    chosen = rows if names is None else rows.filter(plane__name__in=names)
    for name, what, facts in chosen.values_list("plane__name", "what", "facts"):
        found[name] |= READERS.get(what)().fact(facts)
    return found


def _families(names: Sequence[str]) -> dict[str, frozenset[int]]:
    """Return the IP versions that the planes give to services."""
    found: dict[str, frozenset[int]] = defaultdict(frozenset)
    services = AddressFact.objects.filter(plane__name__in=names, what=What.SERVICES)
    for name, ranges in services.values_list("plane__name", "ranges"):
        found[name] |= {6 if ":" in text else 4 for text in ranges}
    return found
