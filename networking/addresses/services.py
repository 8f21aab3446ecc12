"""What kinds and their jobs ask the address book: the ranges of planes, and what speaks against new ones.

The rows behind it belong to the models above kinds, so they are handed in by `reads_from` when the app is ready.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from kbconsole.common.sentences import Sentence
from networking.addresses.facts import NewRange, Owned, PlaneRanges, owned
from networking.addresses.ranges import parsed
from networking.addresses.severity import Joins, Level, Overlap, among, overlaps

Book = Callable[[], Mapping[str, PlaneRanges]]
InUse = Callable[[], Joins]
_BOOK: list[tuple[Book, InUse]] = []


def reads_from(book: Book, in_use: InUse) -> None:
    """Say what reads the ranges of all planes, and what tells which ranges the profiles in use join."""
    _BOOK[:] = [(book, in_use)]


def whole_book() -> Mapping[str, PlaneRanges]:
    """Return the ranges of every plane that has any or is registered, with reservations, by name."""
    return _BOOK[0][0]()


def joins_in_use() -> Joins:
    """Return which ranges the profiles that exist make one network of: "pods", "services", "nodes"."""
    return _BOOK[0][1]()


def facts_of(planes: Iterable[str]) -> dict[str, PlaneRanges]:
    """Return the ranges of these planes, in their order; of one that nobody knows, nothing is known."""
    book = whole_book()
    return {name: book.get(name) or PlaneRanges(name) for name in planes}


def overlaps_between(
    planes: Iterable[str], *, new_ranges: Sequence[NewRange] = (), joins: Joins | None = None
) -> list[Overlap]:
    """Return where ranges of these planes meet others of the whole fleet, the worst first.

    `new_ranges` are what somebody wants to give to planes, so overlaps of these alone are returned where there are any
    given. `joins`: as if a kind that joins these were in use. Raises ConsoleError for a text that is no range.
    """
    counted = joins_in_use() if joins is None else joins
    known = owned(whole_book())
    if not new_ranges:
        return among(known, list(planes), counted)
    new = [Owned(parsed(one.text), one.plane, one.what, "new") for one in new_ranges]
    return [
        found for found in overlaps([*known, *new], counted) if "new" in (found.one.source, found.two.source)
    ]


def problems_between(
    planes: Iterable[str], *, new_ranges: Sequence[NewRange] = (), joins: Joins | None = None
) -> list[Sentence]:
    """Return why these planes cannot be joined as they are, or why new ranges cannot be given: errors only."""
    found = overlaps_between(planes, new_ranges=new_ranges, joins=joins)
    return [overlap.sentence() for overlap in found if overlap.level == Level.ERROR]
