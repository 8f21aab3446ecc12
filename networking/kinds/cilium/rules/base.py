"""What a rule about a mesh is: a number, its source, and a pure function over a fleet of facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations
from typing import TypeVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare, say
from networking.kinds.cilium.facts import MeshFacts

T = TypeVar("T")
MOST_NAMED = 6
"""Pairs in one sentence: two hundred planes have twenty thousand."""
declare({"mesh.more": _("%(count)s more"), "mesh.pair": _("%(one)s and %(other)s")})


class Severity(StrEnum):
    """ERROR: no mesh may be made. WARN: a person has to accept it. UNPROVEN: only packets can tell; nobody looked."""

    ERROR = "error"
    WARN = "warn"
    UNPROVEN = "unproven"


@dataclass(frozen=True)
class Identity:
    """How a plane is to be called in the mesh."""

    name: str
    id: int


@dataclass(frozen=True)
class Fleet:
    """The planes of one mesh, as they are or are to be.

    `wanted`: names and ids that somebody wants to give. `proven`: the ways, (from, to), on which a test of packets has
    passed. `cut`: those on which no TCP connection to the mesh API came about at the last look. `namespaces`: where the
    databases are that need this mesh, by plane.
    """

    planes: tuple[MeshFacts, ...]
    wanted: Mapping[str, Identity] = field(default_factory=dict)
    proven: Set[tuple[str, str]] = frozenset()
    cut: Set[tuple[str, str]] = frozenset()
    namespaces: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def meshed(self) -> tuple[MeshFacts, ...]:
        """Those with Cilium: the others have nothing to compare yet."""
        return tuple(plane for plane in self.planes if plane.found)

    def pairs(self) -> Iterator[tuple[MeshFacts, MeshFacts]]:
        return combinations(self.meshed, 2)

    def unproven(self) -> Iterator[tuple[MeshFacts, MeshFacts]]:
        """Yield the pairs between which no test of packets has passed, whichever plane it began on."""
        for one, other in self.pairs():
            if not self.proven & {(one.plane, other.plane), (other.plane, one.plane)}:
                yield one, other

    def called(self, plane: MeshFacts) -> Identity:
        """Return how a plane is called, or is to be."""
        return self.wanted.get(plane.plane) or Identity(plane.name, plane.id)


@dataclass(frozen=True)
class Problem:
    """A rule that does not hold: the sentence names planes, values and what to do."""

    rule: str
    severity: Severity
    sentence: Sentence


Found = Iterator[tuple[Severity, Sentence]]


@dataclass(frozen=True)
class Rule:
    """`source`: where it is written or coded, outside this console."""

    number: str
    source: str
    look: Callable[[Fleet], Found]


RULES: list[Rule] = []


def rule(number: str, source: str) -> Callable[[Callable[[Fleet], Found]], Callable[[Fleet], Found]]:
    """Decorator: make a rule known. Raises ValueError for a number that is taken."""

    def known(look: Callable[[Fleet], Found]) -> Callable[[Fleet], Found]:
        if any(other.number == number for other in RULES):
            raise ValueError(f"the rule {number} is there twice")
        RULES.append(Rule(number, source, look))
        return look

    return known


def problems(fleet: Fleet) -> list[Problem]:
    """Return what does not hold in a fleet, worst first, then by the rules' numbers."""
    found = [
        Problem(one.number, severity, sentence) for one in RULES for severity, sentence in one.look(fleet)
    ]
    order = list(Severity)
    return sorted(found, key=lambda problem: (order.index(problem.severity), int(problem.rule[1:])))


def few(pairs: list[tuple[str, str]]) -> list[Sentence]:
    """Return the first of many pairs in words, and how many more there are."""
    found = [say("mesh.pair", one=one, other=other) for one, other in pairs[:MOST_NAMED]]
    more = len(pairs) - MOST_NAMED
    return [*found, say("mesh.more", count=more)] if more > 0 else found


def grouped(planes: Sequence[MeshFacts], value: Callable[[MeshFacts], T]) -> dict[T, list[str]]:
    """Return the names of planes by a value of theirs, in order."""
    found: dict[T, list[str]] = {}
    for plane in planes:
        found.setdefault(value(plane), []).append(plane.plane)
    return found
