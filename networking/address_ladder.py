"""The address ladder: a picture of who uses which addresses, prepared as numbers for an SVG."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from networking.addresses.facts import NAMES, OF_PLANES, Owned, PlaneRanges, What
from networking.addresses.ranges import BITS, Span, address, merged

MOST_PLANES, MOST_RUNGS = 10, 90
LABEL, COLUMN, STEP, HEAD, GAP, INSET = 160, 176, 26, 34, 10, 4
_NODES = {4: 24, 6: 64}
"""Nodes are drawn as the block of this prefix that they lie in; the table has each address."""


@dataclass(frozen=True)
class Box:
    """A range of a plane in the picture, in pixels. `tip` is what it says when it is pointed at or read aloud."""

    x: int
    y: int
    width: int
    height: int
    word: Any
    tip: str
    tone: str
    meets: bool

    @property
    def text_y(self) -> int:
        return self.y + 17


@dataclass(frozen=True)
class Rung:
    """A step of the ladder: where it begins, and its first address. `gap`: addresses before it are left out."""

    y: int
    label: str
    gap: bool

    @property
    def text_y(self) -> int:
        return self.y + 17


@dataclass(frozen=True)
class Ladder:
    width: int
    height: int
    columns: tuple[tuple[int, str], ...]
    rungs: tuple[Rung, ...]
    boxes: tuple[Box, ...]
    left_out: int
    """How many planes are not in the picture; -1: it would have too many rungs, so there is none."""


@dataclass(frozen=True)
class _Part:
    plane: str
    what: What
    span: Span
    tip: str
    meets: bool


def ladder(ranges: Mapping[str, PlaneRanges], meeting: Iterable[Owned]) -> Ladder | None:
    """Draw the planes, those with overlaps first; None where nobody knows a range."""
    bad: dict[tuple[str, What], list[Span]] = defaultdict(list)
    for one in meeting:
        bad[one.owner].append(one.span)
    troubled = {plane for plane, _what in bad}
    known = [name for name, plane in ranges.items() if any(plane.of(what) for what in OF_PLANES)]
    shown = sorted(known, key=lambda name: name not in troubled)[:MOST_PLANES]
    shown.sort(key=known.index)
    parts = [part for name in shown for part in _parts(ranges[name], bad)]
    if not parts:
        return None
    return _drawn(shown, parts, left_out=len(known) - len(shown))


def _parts(plane: PlaneRanges, bad: Mapping[tuple[str, What], list[Span]]) -> Iterable[_Part]:
    for what in OF_PLANES:
        spans = [fact.span for fact in plane.of(what)]
        drawn = merged(_block(span) for span in spans) if what == What.NODES else merged(spans)
        for span in drawn:
            inside = [one for one in spans if span.holds(one)]
            text = f"{inside[0]} – {inside[-1]}" if what == What.NODES and len(inside) > 1 else str(span)
            meets = any(span.meets(one) for one in bad.get((plane.plane, what), ()))
            yield _Part(plane.plane, what, span, f"{plane.plane}: {NAMES[what]} {text}", meets)


def _block(span: Span) -> Span:
    size = 1 << (BITS[span.version] - _NODES[span.version])
    return span._replace(first=span.first - span.first % size, last=span.last + size - 1 - span.last % size)


def _drawn(shown: Sequence[str], parts: Sequence[_Part], *, left_out: int) -> Ladder:
    steps = _steps([part.span for part in parts])
    if len(steps) > MOST_RUNGS:
        return Ladder(0, 0, (), (), (), -1)
    rungs, top, before = {}, HEAD, None
    for step in steps:
        gap = before is None or before.version != step.version or before.last + 1 != step.first
        top += GAP if gap else 0
        rungs[step] = Rung(top, str(address(step.version, step.first)), gap)
        top, before = top + STEP, step
    columns = {name: LABEL + COLUMN * place for place, name in enumerate(shown)}
    boxes = tuple(_box(part, columns[part.plane], rungs, parts) for part in parts)
    heads = tuple((x, name) for name, x in columns.items())
    return Ladder(LABEL + COLUMN * len(shown), top + GAP, heads, tuple(rungs.values()), boxes, left_out)


def _steps(spans: Sequence[Span]) -> list[Span]:
    """Cut the spans where any of them begins or ends; return the pieces that are in one of them, in order."""
    found: list[Span] = []
    for whole in merged(spans):
        inner = [span for span in spans if whole.holds(span)]
        cuts = sorted({whole.first, whole.last + 1, *(s.first for s in inner), *(s.last + 1 for s in inner)})
        for first, after in pairwise(cuts):
            found.append(Span(whole.version, first, after - 1))
    return found


def _box(part: _Part, x: int, rungs: Mapping[Span, Rung], parts: Sequence[_Part]) -> Box:
    """Place a range in its column; where two of one plane overlap, the second one stands further right."""
    own = [rung for step, rung in rungs.items() if part.span.holds(step)]
    here = [one for one in parts if one.plane == part.plane and one.span.meets(part.span)]
    shift = INSET * 4 * here.index(part)
    top, bottom = own[0].y, own[-1].y + STEP
    tone = "bad" if part.meets else _TONES[part.what]
    width = COLUMN - 2 * INSET - shift
    return Box(
        x + INSET + shift, top + 1, width, bottom - top - 2, NAMES[part.what], part.tip, tone, part.meets
    )


_TONES = {
    What.PODS: "busy",
    What.SERVICES: "wait",
    What.NODES: "quiet",
    What.LOAD_BALANCERS: "ok",
    What.CLIENTS: "warn",
}
