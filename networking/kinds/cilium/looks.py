"""What the last look at each plane has shown, put together from rows: the command's counts, agents, tunnels, tests."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from networking.kinds.cilium import agents
from networking.kinds.cilium.asking import AGENT, BEHIND, STAGES, TUNNELS
from networking.kinds.cilium.checks import STATUS
from networking.kinds.cilium.judging import TESTED
from networking.kinds.cilium.status import MeshStatus, as_dict
from networking.kinds.keeping import Reading, keeper

FRESH = timedelta(hours=1)
"""After this time what agents said is no more than a memory: the matrix goes grey."""
TEST_COUNTS = timedelta(days=1)
"""How long a test of packets that passed still proves that they get there."""
SAME_LOOK = timedelta(minutes=1)
"""What one run keeps, it keeps at its end."""
READ = (STATUS, AGENT, BEHIND, STAGES, TUNNELS)


@dataclass(frozen=True)
class Look:
    """One plane, as it was last looked at; all None where that is too long ago, or nobody asked.

    `looked_at`: when that was, however long ago. `agent_at`: when an agent itself was asked. `tunnels`:
    `{to: [plane], missing: {plane: [range]}}`.
    """

    looked_at: datetime | None = None
    status: MeshStatus | None = None
    agent_at: datetime | None = None
    tunnels: Mapping[str, Any] = field(default_factory=dict)


def looks(silent: Set[str]) -> tuple[dict[str, Look], dict[tuple[str, str], bool]]:
    """Return every data plane's last look, and the ways (from, to) on which a test of packets has passed not long ago.

    What a plane said that is silent now counts for nothing.
    """
    found = keeper().several(*READ, TESTED)
    tested = _tested(found.pop(TESTED), silent)
    rows = {what: {row.plane: row for row in read} for what, read in found.items()}
    planes = {plane: {what: read[plane] for what, read in rows.items()} for plane in rows[STATUS]}
    return {plane: _look(said, plane in silent) for plane, said in planes.items()}, tested


def _look(rows: Mapping[str, Reading], silent: bool) -> Look:
    times = [row.read_at for row in rows.values() if row.read_at is not None]
    last = max(times, default=None)
    if last is None or silent or timezone.now() - last >= FRESH:
        return Look(last)
    said = {what: row for what, row in rows.items() if row.read_at and last - row.read_at <= SAME_LOOK}
    if not {STATUS, AGENT} & {*said}:
        return Look(last)  # how far a way goes is not yet whether anything came over it
    status = MeshStatus.from_json(as_dict(said[STATUS].facts)) if STATUS in said else None
    views = [agents.from_json(said[what].facts) for what in (AGENT, BEHIND, STAGES) if what in said]
    agent_at = said[AGENT].read_at if AGENT in said else None
    tunnels = as_dict(said[TUNNELS].facts) if TUNNELS in said else {}
    return Look(last, agents.joined(status, views), agent_at, tunnels)


def _tested(read: list[Reading], silent: Set[str]) -> dict[tuple[str, str], bool]:
    since = timezone.now() - TEST_COUNTS
    rows = [row for row in read if row.read_at and row.read_at > since]
    ways = [(str(as_dict(row.facts).get("first", "")), row.plane) for row in rows]
    return {way: True for way in ways if not silent & {*way}}
