"""Free blocks and mesh ids for planes, all at once. Pure: the same question gets the same answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import declare
from networking.addresses.facts import NAMES, Owned, What
from networking.addresses.ranges import BITS, Span, merged, parsed

declare(
    {
        "addresses.no_block": _(
            "No free block of /%(prefix)s is left for the %(what)s of %(plane)s. Add a range of your organisation that "
            "blocks are taken from, or release what is not needed."
        ),
        "addresses.no_supernet": _(
            "Nobody has said from which addresses the %(what)s of planes are taken. Add a range for them first."
        ),
        "addresses.no_mesh_id": _(
            "All mesh ids below 128 are given away. Release one that is not needed; above, agents refuse to start with "
            "the address management of some clouds."
        ),
    }
)
MESH_IDS = range(1, 128)


@dataclass(frozen=True)
class Parent:
    """Addresses that blocks of a size are taken from; `what` None: for any use, where its own are full."""

    span: Span
    what: What | None
    prefix: int

    @property
    def label(self) -> object:
        """The use, as pages name it."""
        return NAMES[self.what] if self.what else _("anything")

    def blocks_size(self) -> int:
        return 1 << (BITS[self.span.version] - self.prefix)


GUIDE = (
    Parent(parsed("10.0.0.0-10.3.255.255"), What.PODS, 16),
    Parent(parsed("10.4.0.0-10.6.255.255"), What.LOAD_BALANCERS, 16),
)
"""The guide's plan of 10.0.0.0/8. Block 0 is the number of no mesh id, so it is the last of the first four to go."""
GUIDE_PLANES = ("k8s-1", "k8s-2", "k8s-3")


@dataclass(frozen=True)
class Given:
    """What a plane has by now, so that it stays: its mesh id, and blocks that were reserved for it."""

    mesh_id: int | None = None
    blocks: Mapping[What, Span] = field(default_factory=dict)


@dataclass(frozen=True)
class Proposal:
    """What a plane would get. `kept` are the parts that were its own before."""

    plane: str
    mesh_id: int
    blocks: Mapping[What, Span]
    kept: frozenset[str] = frozenset()

    @property
    def mesh_name(self) -> str:
        return self.plane

    @property
    def pods(self) -> Span | None:
        return self.blocks.get(What.PODS)

    @property
    def load_balancers(self) -> Span | None:
        return self.blocks.get(What.LOAD_BALANCERS)


def propose(
    planes: Sequence[str],
    *,
    parents: Sequence[Parent],
    used: Iterable[Owned] = (),
    given: Mapping[str, Given] | None = None,
    taken_ids: Collection[int] = (),
    wanted: Sequence[What] = (What.PODS, What.LOAD_BALANCERS),
) -> list[Proposal]:
    """Return an id and a free block of each use for every plane, in their order.

    `used` is everything that anybody uses or was given; what a plane was given before, it keeps. A plane gets the block
    in which its present ranges lie; else, for pods, block n of the first range for its mesh id n, as the guide has it
    (id 2: 10.2.0.0/16); else the first free one. Blocks where clients are come last, but are free: clients of a whole
    10.0.0.0/8 take none of it away. Raises ConsoleError where something is used up.
    """
    had = given or {}
    ids = _ids(planes, had, taken_ids)
    space = _Space(parents, used)
    found: dict[str, dict[What, Span]] = {plane: dict(_kept(had, plane, wanted)) for plane in planes}
    for choose in space.wishes():  # the dearest ones of all planes before the next
        for what in wanted:
            for plane in planes:
                if what not in found[plane] and (block := choose(what, plane, ids[plane])):
                    found[plane][what] = block
    return [
        Proposal(plane, ids[plane], {what: found[plane][what] for what in wanted}, _names_kept(had, plane))
        for plane in planes
    ]


def _kept(had: Mapping[str, Given], plane: str, wanted: Sequence[What]) -> Iterator[tuple[What, Span]]:
    blocks = had[plane].blocks if plane in had else {}
    return ((what, blocks[what]) for what in wanted if what in blocks)


def _names_kept(had: Mapping[str, Given], plane: str) -> frozenset[str]:
    known = had.get(plane, Given())
    return frozenset([*(what.value for what in known.blocks), *(["mesh_id"] if known.mesh_id else [])])


def _ids(planes: Sequence[str], had: Mapping[str, Given], taken: Collection[int]) -> dict[str, int]:
    own = {plane: number for plane in planes if (number := had.get(plane, Given()).mesh_id)}
    free = iter([number for number in MESH_IDS if number not in {*taken, *own.values()}])
    try:
        return {plane: own.get(plane) or next(free) for plane in planes}
    except (StopIteration, RuntimeError):
        raise ConsoleError("addresses.no_mesh_id") from None


class _Space:
    """What is still free while blocks are given away one after the other."""

    def __init__(self, parents: Sequence[Parent], used: Iterable[Owned]) -> None:
        self._parents = parents
        parts = list(used)
        self._used = [part for part in parts if part.what != What.CLIENTS]
        self._clients = [part.span for part in parts if part.what == What.CLIENTS]

    def wishes(self) -> tuple[Callable[[What, str, int], Span | None], ...]:
        away = self._clients
        return (
            self.around,
            *((partial(self.numbered, away=away), partial(self.free, away=away)) if away else ()),
            self.numbered,
            self.first,
        )

    def _of(self, what: What) -> list[Parent]:
        own = [parent for parent in self._parents if parent.what == what]
        return [*own, *(parent for parent in self._parents if parent.what is None)]

    def _not_own(self, what: What, plane: str) -> list[Span]:
        return merged(part.span for part in self._used if part.owner != (plane, what))

    def around(self, what: What, plane: str, _number: int) -> Span | None:
        """Take the block that holds what the plane has by now; None where no block does, or others are in it too."""
        own = merged(part.span for part in self._used if part.owner == (plane, what))
        for parent in self._of(what) if own else ():
            size = parent.blocks_size()
            block = _block(parent, (own[0].first - _aligned(parent.span.first, size)) // size)
            if all(block.holds(span) for span in own) and self._is_free(block, parent, what, plane):
                return self._take(block, what, plane)
        return None

    def numbered(self, what: What, plane: str, number: int, away: Sequence[Span] = ()) -> Span | None:
        """Take the block of the mesh id, for pods; None where it is outside or not free."""
        parent = next(iter(self._of(what)), None)
        if what != What.PODS or parent is None:
            return None
        block = _block(parent, number)
        if any(block.meets(span) for span in away) or not self._is_free(block, parent, what, plane):
            return None
        return self._take(block, what, plane)

    def free(self, what: What, plane: str, _number: int, away: Sequence[Span] = ()) -> Span | None:
        """Take the first free block that meets nothing of `away`."""
        used = merged([*self._not_own(what, plane), *away])
        for parent in self._of(what):
            for block in free_blocks(parent, used):
                return self._take(block, what, plane)
        return None

    def first(self, what: What, plane: str, number: int) -> Span:
        """Take the first free block. Raises ConsoleError."""
        parents = self._of(what)
        if not parents:
            raise ConsoleError("addresses.no_supernet", what=_said(what))
        block = self.free(what, plane, number)
        if block is None:
            raise ConsoleError("addresses.no_block", prefix=parents[0].prefix, what=_said(what), plane=plane)
        return block

    def _is_free(self, block: Span, parent: Parent, what: What, plane: str) -> bool:
        others = (part.span for part in self._used if part.owner != (plane, what))
        return parent.span.holds(block) and not any(block.meets(span) for span in others)

    def _take(self, block: Span, what: What, plane: str) -> Span:
        self._used.append(Owned(block, plane, what))
        return block


def _block(parent: Parent, number: int) -> Span:
    """Return block `number` of a range, which may lie outside of it."""
    size = parent.blocks_size()
    first = _aligned(parent.span.first, size) + number * size
    return Span(parent.span.version, first, first + size - 1)


def _said(what: What) -> object:
    return {"code": f"addresses.what_{what.value}", "params": {}}


def _aligned(number: int, size: int) -> int:
    return -(-number // size) * size


def free_blocks(parent: Parent, used: Sequence[Span]) -> Iterator[Span]:
    """Yield the free blocks of a range in order. `used` is merged: the walk goes from gap to gap."""
    version, size = parent.span.version, parent.blocks_size()
    at = _aligned(parent.span.first, size)
    inside = [span for span in used if span.meets(parent.span)]
    for span in [*inside, Span(version, parent.span.last + 1, parent.span.last + 1)]:
        while at + size - 1 < span.first and at + size - 1 <= parent.span.last:
            yield Span(version, at, at + size - 1)
            at += size
        at = max(at, _aligned(span.last + 1, size))
