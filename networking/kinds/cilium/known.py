"""What was last read of meshes, from rows: for pages and forms, which ask no plane."""

from __future__ import annotations

from datetime import datetime

from networking.kinds.cilium.facts import MeshFacts
from networking.kinds.cilium.reading import Mesh
from networking.kinds.keeping import Reading, keeper


def known() -> list[tuple[Reading, MeshFacts]]:
    """Return the last reading of every data plane, by name; of one that was never read, a fact without content."""
    return [(row, _facts(row)) for row in keeper().readings(Mesh.slug)]


def known_facts() -> list[MeshFacts]:
    """Return the planes on which Cilium was found."""
    return [facts for _row, facts in known() if facts.found]


def _facts(row: Reading) -> MeshFacts:
    if row.facts:
        return MeshFacts.from_json(row.facts)
    return MeshFacts(row.plane, remotes=None, authority=None, other_cni=None)


def oldest(rows: list[Reading]) -> datetime | None:
    """Return the time of the oldest of these readings, None where one was never read."""
    times = [row.read_at for row in rows]
    return min((at for at in times if at is not None), default=None) if all(times) else None
