"""What the network page shows of the address book, prepared from rows: no page asks a plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kbconsole.common.sentences import Sentence
from networking.address_ladder import Ladder, ladder
from networking.addresses.facts import ENTERED, NAMES, OF_PLANES, RESERVED, PlaneRanges, RangeFact, What
from networking.addresses.propose import GUIDE, GUIDE_PLANES, Proposal, propose
from networking.addresses.ranges import merged
from networking.addresses.severity import Level, Overlap
from networking.addresses.sources import source_label
from networking.book import Book, read_book
from networking.models import AddressLook

MOST_SHOWN = 30
FEW = 4


@dataclass(frozen=True)
class Group:
    """Ranges of one use from one source. `more` are those beyond the first few."""

    texts: list[str]
    more: list[str]
    source: Any
    at: datetime | None
    reserved: bool
    entry: int = 0
    """The row to remove, of what a person entered."""


@dataclass(frozen=True)
class Cell:
    """One use of one plane. `unknown`: nobody has read or entered it; `none`: the plane says that there is none."""

    what: What
    label: Any
    groups: list[Group]
    unknown: bool
    none: bool
    meets: bool


@dataclass(frozen=True)
class Row:
    name: str
    registered: bool
    mesh_id: int | None
    reserved: bool
    cells: list[Cell]
    look: AddressLook | None
    problems: list[Sentence]


@dataclass(frozen=True)
class Meeting:
    """A conflict or a warning, in a sentence."""

    sentence: Sentence
    error: bool
    planes: list[str]


@dataclass(frozen=True)
class AddressPage:
    rows: list[Row]
    meetings: list[Meeting]
    errors: int
    warnings: int
    unknown: list[tuple[str, list[Any]]]
    """Of each plane, the uses that nobody knows."""
    ladder: Ladder | None
    guide: list[Proposal]
    """The guide's two tables, as long as nothing else is known."""

    @property
    def registered(self) -> set[str]:
        """The names of all data planes."""
        return {row.name for row in self.rows if row.registered}

    @property
    def more_meetings(self) -> int:
        return self.errors + self.warnings - len(self.meetings)


def address_page() -> AddressPage:
    """Read the book, sweep it, and prepare the picture and its table."""
    book = read_book()
    found = book.overlaps()
    meeting = [
        part for overlap in found if overlap.level == Level.ERROR for part in (overlap.one, overlap.two)
    ]
    owners = {part.owner for part in meeting}
    rows = [_row(name, plane, book, owners) for name, plane in book.ranges.items()]
    unknown = [(row.name, labels) for row in rows if (labels := _unknown(row))]
    errors = sum(overlap.level == Level.ERROR for overlap in found)
    return AddressPage(
        rows, [_meeting(overlap) for overlap in found[:MOST_SHOWN]], errors, len(found) - errors, unknown,
        ladder(book.ranges, meeting), [] if rows else guide_tables(),
    )  # fmt: skip


def guide_tables() -> list[Proposal]:
    """Return the guide's two tables: what is proposed for its three planes from its addresses."""
    return propose(GUIDE_PLANES, parents=GUIDE)


def _meeting(overlap: Overlap) -> Meeting:
    return Meeting(overlap.sentence(), overlap.level == Level.ERROR, sorted(overlap.planes))


def _unknown(row: Row) -> list[Any]:
    """Return what should be known of a plane: clients may be anywhere, so they are nobody's gap."""
    return [cell.label for cell in row.cells if cell.unknown and row.registered and cell.what != What.CLIENTS]


def _row(name: str, plane: PlaneRanges, book: Book, meeting: set[tuple[str, What]]) -> Row:
    look = book.looks.get(name)
    cells = [_cell(plane, what, book, (name, what) in meeting) for what in OF_PLANES]
    problems = look.sentences() if look and any(cell.unknown for cell in cells) else []
    registered = name in book.registered
    return Row(name, registered, plane.mesh_id, name in book.given, cells, look, problems)


def _cell(plane: PlaneRanges, what: What, book: Book, meets: bool) -> Cell:
    facts = plane.of(what)
    sources = list(dict.fromkeys(fact.source for fact in facts))
    entry = book.entered.get((plane.plane, what), 0)
    groups = [_group(what, [fact for fact in facts if fact.source == source], entry) for source in sources]
    told = what in plane.known
    return Cell(what, NAMES[what], groups, unknown=not told, none=told and not groups, meets=meets)


def _group(what: What, facts: Sequence[RangeFact], entry: int) -> Group:
    texts = [str(span) for span in merged(fact.span for fact in facts)]
    first = facts[0]
    own = entry if first.source == ENTERED else 0
    return Group(
        texts[:FEW],
        texts[FEW:],
        source_label(first.source, what),
        first.read_at,
        first.source == RESERVED,
        own,
    )
