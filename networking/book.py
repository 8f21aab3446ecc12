"""The address book as it stands in the database, read in a fixed number of queries."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kbconsole.common.errors import ConsoleError
from kbconsole.fleet.models import Plane
from networking.addresses.facts import OF_PLANES, RESERVED, Owned, PlaneRanges, RangeFact, What, owned
from networking.addresses.propose import GUIDE, Given, Parent, Proposal, propose
from networking.addresses.ranges import Span, parsed
from networking.addresses.severity import Joins, Overlap, overlaps, special
from networking.kinds.base import KINDS
from networking.models import (
    AddressFact,
    AddressLook,
    MeshNumber,
    Profile,
    ProfileVersion,
    Reservation,
    Supernet,
)
from networking.planes import facts_read

PROPOSED = (What.PODS, What.LOAD_BALANCERS)
Versions = Callable[[], Iterable[ProfileVersion]]
_KEPT: list[Versions] = []


def versions_from(versions: Versions) -> None:
    """Say what tells which versions of profiles count for the clients of databases that stand, in one query."""
    _KEPT[:] = [versions]


@dataclass(frozen=True)
class Book:
    """Everything that is known. `ranges` has every data plane, and every name that something is reserved for."""

    ranges: Mapping[str, PlaneRanges]
    given: Mapping[str, Given]
    looks: Mapping[str, AddressLook]
    registered: tuple[str, ...]
    entered: Mapping[tuple[str, What], int]
    """The row of what a person entered, by plane and use."""
    clients: tuple[Owned, ...] = ()
    """Where profiles say that their clients are, and said in versions that databases keep."""
    joins: Joins = frozenset()
    """Which ranges the kinds of the profiles that exist join: only these can be chosen for a database."""

    def owned(self) -> list[Owned]:
        return [*owned(self.ranges), *self.clients]

    def overlaps(self) -> list[Overlap]:
        """Return what may not meet in the whole fleet, the worst first."""
        return overlaps(self.owned(), self.joins)


def read_book() -> Book:
    """Read the whole book in eight queries."""
    rows = AddressFact.objects.select_related("plane").filter(plane__is_data_plane=True)
    found: dict[str, dict[What, list[RangeFact]]] = defaultdict(lambda: defaultdict(list))
    known: dict[str, set[What]] = defaultdict(set)
    entered: dict[tuple[str, What], int] = {}
    for row in rows:
        name, what = row.plane.name, What(row.what)
        known[name].add(what)
        found[name][what] += _facts(row.ranges, row.source, row.read_at)
        if row.entered_by_id:
            entered[name, what] = row.pk
    given = _given()
    for name, had in given.items():
        for what, span in had.blocks.items():
            found[name][what].append(RangeFact(str(span), span, RESERVED))
    looks = {look.plane.name: look for look in AddressLook.objects.select_related("plane")}
    registered = tuple(Plane.objects.data_planes().values_list("name", flat=True))
    names = [*registered, *sorted(set(given) - set(registered))]
    read = facts_read()
    ranges = {
        name: _ranges(name, found[name], known[name], read.get(name, {}), given.get(name)) for name in names
    }
    profiles = list(Profile.objects.all())
    kept = [version for versions in _KEPT for version in versions()]
    return Book(ranges, given, looks, registered, entered, _clients(profiles, kept), _joins(profiles))


def _facts(texts: Iterable[str], source: str, at: datetime | None = None) -> Iterator[RangeFact]:
    for text in texts:
        try:
            span = parsed(text)
        except ConsoleError:  # written by an older version
            continue
        yield RangeFact(str(span), span, source, at)


def _ranges(
    name: str,
    found: Mapping[What, list[RangeFact]],
    known: set[What],
    read: Mapping[str, Any],
    given: Given | None,
) -> PlaneRanges:
    return PlaneRanges(
        name,
        **{what.value: tuple(found.get(what, ())) for what in OF_PLANES},
        known=frozenset(known),
        mesh_id=read.get("mesh_id") or (given.mesh_id if given else None),
        mesh_name=read.get("mesh_name") or (name if given and given.mesh_id else ""),
    )


def _clients(profiles: Iterable[Profile], kept: Iterable[ProfileVersion]) -> tuple[Owned, ...]:
    """Return the networks of clients, each once: an older version may say the same as the present one."""
    said: list[tuple[str, Profile | ProfileVersion]] = [(profile.name, profile) for profile in profiles]
    said += [(version.profile.name, version) for version in kept]
    found = [
        Owned(fact.span, "", What.CLIENTS, profile=name, adjacent=_adjacent(one.outside))
        for name, one in said
        for fact in _facts(one.client_networks, "profile")
    ]
    return tuple(dict.fromkeys(found))


def _adjacent(outside: str) -> bool:
    return outside in KINDS and KINDS.get(outside).adjacent


def _joins(profiles: Iterable[Profile]) -> Joins:
    slugs = {profile.kind for profile in profiles}
    return frozenset(part for slug in slugs if slug in KINDS for part in KINDS.get(slug).joins)


def _given() -> dict[str, Given]:
    blocks: dict[str, dict[What, Span]] = defaultdict(dict)
    for row in Reservation.objects.all():
        blocks[row.plane].setdefault(What(row.what), parsed(row.range))
    numbers = dict(MeshNumber.objects.values_list("plane", "number"))
    return {name: Given(numbers.get(name), blocks.get(name, {})) for name in {*blocks, *numbers}}


def planes_of_book() -> Mapping[str, PlaneRanges]:
    return read_book().ranges


def joins_of_profiles() -> Joins:
    return _joins(Profile.objects.only("kind"))


def parents() -> list[Parent]:
    """Return what blocks are taken from: what the organisation entered; the guide's plan where it entered nothing."""
    rows = Supernet.objects.all()
    found = [Parent(parsed(row.range), What(row.what) if row.what else None, row.block) for row in rows]
    return found or list(GUIDE)


def proposal_for(planes: Iterable[str], book: Book, from_: list[Parent]) -> list[Proposal]:
    """Return what these planes would get. What other planes use or were given is not free, and what is special.

    A plane's own id and pod range, where it was installed with them already, stay its own; an id that two planes have
    is nobody's. Where clients are is free, but comes last.
    """
    names = list(dict.fromkeys(planes))
    every = {name: known.mesh_id for name, known in book.ranges.items() if known.mesh_id}
    twice = {number for number, count in Counter(every.values()).items() if count > 1}
    ids = {name: number for name, number in every.items() if number not in twice}
    had = {
        name: Given(ids.get(name), book.given[name].blocks if name in book.given else {}) for name in names
    }
    used = [*book.owned(), *special()]
    taken = {*twice, *(number for name, number in ids.items() if name not in had)}
    return propose(
        names, parents=from_, used=used, given=had, taken_ids=taken,
        wanted=[what for what in PROPOSED if any(parent.what in (what, None) for parent in from_)],
    )  # fmt: skip
