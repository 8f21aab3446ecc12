"""What other runs made and found on the lanes of a run that is undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kbconsole.common.sentences import Json
from kbconsole.jobs.definition import Touch, Touched, canonical_text
from kbconsole.jobs.models import BY_HAND, RunStep

MOST_OTHERS = 5000
"""How many steps of other runs are searched on each lane, the newest first."""


@dataclass
class _OnLane:
    """What other runs did on a lane: the uids that they made, and which runs found what there.

    By uid; where a change tells none, by the canonical text of the object's ref.
    """

    made: set[str] = field(default_factory=set)
    found: dict[str, set[int]] = field(default_factory=dict)
    steps: int = 0

    def add(self, run: int, one: Mapping[str, Json]) -> None:
        if one["touch"] == Touch.CREATED:
            self.made.add(one["uid"])
        if one["touch"] not in (Touch.REMOVED, Touch.ABSENT):
            self.found.setdefault(one["uid"] or canonical_text(one["ref"]), set()).add(run)


@dataclass
class Others:
    """What all runs but this one touched, read once for each lane that is asked about."""

    run: int
    _lanes: dict[str, _OnLane] = field(default_factory=dict)

    def on(self, lane: str) -> _OnLane:
        if lane not in self._lanes:
            self._lanes[lane] = self._read(lane)
        return self._lanes[lane]

    def _read(self, lane: str) -> _OnLane:
        rows = RunStep.objects.filter(lane=lane).exclude(run=self.run)
        told = rows.exclude(outcome__isnull=True, earlier=[]).order_by("-id")
        found = _OnLane()
        for run, outcome, earlier in told.values_list("run", "outcome", "earlier")[:MOST_OTHERS]:
            found.steps += 1
            for one in [*earlier, *(outcome or [])]:
                if one != BY_HAND:
                    found.add(run, one)
        return found

    def may_have_made(self, lane: str, uid: str) -> bool:
        """Also where there are more steps than are searched: what is not known to be ours is left alone."""
        there = self.on(lane)
        return uid in there.made or there.steps >= MOST_OTHERS

    def users(self, lane: str, one: Touched) -> list[int]:
        """Return the runs that found an object there which this run made. A uid proves it, whichever began first."""
        found = self.on(lane).found
        unnamed = found.get(canonical_text(dict(one.ref)), set())
        return sorted(found.get(one.uid, set()) | {run for run in unnamed if run > self.run})
