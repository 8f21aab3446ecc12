"""What the last look at each plane has shown, put together from rows: the command's counts, agents, tunnels, tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from kbconsole.common.sentences import Json
from kbconsole.jobs.definition import Ended
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
READ = (STATUS, AGENT, BEHIND, STAGES, TUNNELS)
"""What a look keeps of a plane, each as `{run, said}`: what two runs were told is never put together."""


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


def looks(silent: Set[str]) -> tuple[dict[str, Look], frozenset[tuple[str, str]]]:
    """Return every data plane's last look, and the ways (from, to) on which a test of packets has passed not long ago.

    What a plane said that is silent now counts for nothing.
    """
    found = keeper().several(*READ, TESTED)
    tested = _tested(found.pop(TESTED), silent)
    rows = {what: {row.plane: row for row in read} for what, read in found.items()}
    planes = {plane: {what: read[plane] for what, read in rows.items()} for plane in rows[STATUS]}
    return {plane: _look(said, plane in silent) for plane, said in planes.items()}, tested


def _look(rows: Mapping[str, Reading], silent: bool) -> Look:
    times = {what: row.read_at for what, row in rows.items() if row.read_at is not None}
    if not times:
        return Look()
    newest = max(times, key=lambda what: times[what])
    last, run, now = times[newest], as_dict(rows[newest].facts).get("run"), timezone.now()
    if run is None or silent:
        return Look(last)
    fresh = {what: as_dict(rows[what].facts) for what, at in times.items() if now - at < FRESH}
    said = {what: facts.get("said") for what, facts in fresh.items() if facts.get("run") == run}
    if not {STATUS, AGENT} & {*said}:
        return Look(last)  # how far a way goes is not yet whether anything came over it
    status = MeshStatus.from_json(as_dict(said[STATUS])) if STATUS in said else None
    views = [agents.from_json(said[what]) for what in (AGENT, BEHIND, STAGES) if what in said]
    return Look(last, agents.joined(status, views), times.get(AGENT) if AGENT in said else None,
                as_dict(said.get(TUNNELS)))  # fmt: skip


def _tested(read: Sequence[Reading], silent: Set[str]) -> frozenset[tuple[str, str]]:
    since = timezone.now() - TEST_COUNTS
    passed = [(first, row.plane, at) for row in read for first, at in _ways(row).items()]
    return frozenset((one, other) for one, other, at in passed if at > since and not silent & {one, other})


def _ways(row: Reading) -> dict[str, datetime]:
    """Return when tests that began on other planes have last passed, by their first plane."""
    stored = as_dict(as_dict(row.facts).get("ways"))
    return {first: at for first, text in stored.items() if (at := parse_datetime(str(text)))}


# Keeping what the checks of a run were told, when it ends


def keep(ended: Ended) -> None:
    """Keep it with the run and the time of asking; of a plane that the run has looked at nothing older stays."""
    said = list(_said(ended))
    newest: dict[str, datetime] = {}
    for what, plane, _facts, at in said:
        if what in READ:
            newest[plane] = max(at, newest.get(plane, at))
    for plane, until in newest.items():
        keeper().forget(READ, plane, until)
    for what, plane, facts, at in said:
        if what != TESTED:
            keeper().keep(what, plane, {"run": ended.run_id, "said": facts} if what in READ else facts, at)


def forget(planes: Sequence[str]) -> None:
    """Let what agents said of these planes be unknown: the mesh is another one now."""
    for plane in planes:
        keeper().forget(READ, plane, timezone.now())


def keep_tests(first: str, others: Sequence[str], ended: Ended) -> None:
    """Keep which tests between a plane and others have passed; one that did not takes its earlier proof away."""
    passed = {plane: at for what, plane, _facts, at in _said(ended) if what == TESTED}
    known = {row.plane: _ways(row) for row in keeper().readings(TESTED)}
    for other in others:
        ways, back = known.get(other, {}), known.get(first, {})
        ways.pop(first, None)
        back.pop(other, None)
        if other in passed:
            ways[first] = passed[other]
    for plane in {first, *others} & {*known}:
        facts = {"ways": {one: at.isoformat() for one, at in known[plane].items()}}
        keeper().keep(TESTED, plane, facts)


def _said(ended: Ended) -> Iterator[tuple[str, str, Json, datetime]]:
    """Yield what, plane, facts and time of all that the run's checks want kept: each one, or a list of them."""
    for _lane, _phase, told in ended.facts:
        for one in told if isinstance(told, list) else [told]:
            if isinstance(one, dict) and "keep" in one:
                at = parse_datetime(str(one.get("at", ""))) or timezone.now()
                yield one["keep"], one["plane"], one["facts"], at
