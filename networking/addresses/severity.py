"""Which two ranges may not meet, and how bad it is, by what they are for.

After the rules of Cilium (R6, R10 of its cluster mesh: pod ranges and node addresses of all clusters are disjoint),
MetalLB (it does not look at nodes, services or other pools) and Submariner (pods and services disjoint). Whether two
service ranges may be equal depends on the kind of network: `joins` says which ranges the kinds in use make one
network of.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare, say
from networking.addresses.facts import ENTERED, NAMES, RESERVED, Owned, What
from networking.addresses.ranges import Span, parsed, sweep

declare({f"addresses.what_{what.value}": name for what, name in NAMES.items()})
declare(
    {
        "addresses.meet": _(
            "%(one)s %(what_one)s %(range_one)s and %(two)s %(what_two)s %(range_two)s overlap%(more)s. %(why)s"
        ),
        "addresses.meet_profile": _(
            "%(one)s %(what_one)s %(range_one)s and clients of the profile %(two)s %(range_two)s overlap%(more)s. "
            "%(why)s"
        ),
        "addresses.meet_special": _(
            "%(one)s %(what_one)s %(range_one)s overlaps %(range_two)s%(more)s. %(why)s"
        ),
        "addresses.more": _(" (and %(count)s more)"),
        "addresses.why_pods": _(
            "A mesh cannot join planes whose pods share addresses. Give one of them another pod range before it is "
            "joined; that means installing its network anew."
        ),
        "addresses.why_pods_apart": _(
            "No profile joins these planes, so nothing breaks now; a mesh of them could not be made."
        ),
        "addresses.why_pods_nodes": _(
            "Pods would take the node for a pod and never reach it. Move the pod range."
        ),
        "addresses.why_pods_services": _(
            "An address would mean a pod and a service at once. Move one of the two ranges."
        ),
        "addresses.why_services": _(
            "A profile in use sends clients of one plane to service addresses of the other. Move one of the two."
        ),
        "addresses.why_services_mesh": _(
            "A mesh translates service addresses on each plane, so this works; tools that route them would fail."
        ),
        "addresses.why_services_nodes": _(
            "The plane would take its own node for a service. Move the service range."
        ),
        "addresses.why_lb": _(
            "Two machines would answer for the same address. Take another range for the load balancers."
        ),
        "addresses.why_lb_subnet": _(
            "Both are on one local network; make sure that nothing else there hands out these addresses."
        ),
        "addresses.why_nodes": _(
            "Two planes have nodes with the same address, so one of them cannot be reached. Give each its own."
        ),
        "addresses.why_nodes_apart": _(
            "No profile joins these planes, so nothing breaks now; nodes with one address can never be joined."
        ),
        "addresses.why_clients": _(
            "Answers to these clients would stay inside the plane. Check that no client really has such an address."
        ),
        "addresses.why_clients_lb": _(
            "That is right only where load balancers announce addresses in the clients' own network (layer 2)."
        ),
        "addresses.why_special": _(
            "Clouds, carriers or container engines use these addresses on many machines. Prefer another range."
        ),
    }
)

MOST_PAIRS = 200_000
"""Beyond so many pairs the book is wrong as a whole, and counting on would only cost time."""
SPECIAL = ("169.254.0.0/16", "100.64.0.0/10", "172.17.0.0/16", "fe80::/10")
"""Link-local and cloud metadata, carriers, the bridge of Docker."""


class Level(IntEnum):
    """How bad it is that two ranges meet."""

    WARN = 1
    ERROR = 2


Joins = Collection[str]
Verdict = tuple[Level, str]
"""How bad, and the code of the sentence that says why."""


def special() -> list[Owned]:
    return [Owned(parsed(text), "", What.SPECIAL) for text in SPECIAL]


def judged(one: Owned, two: Owned, joins: Joins) -> Verdict | None:
    """Return how bad it is that these two ranges meet; None where it is as it should be."""
    a, b = sorted((one, two), key=lambda part: _ORDER[part.what])
    here = one.plane == two.plane
    if b.what == What.SPECIAL:
        known = a.what in (What.PODS, What.SERVICES, What.NODES, What.LOAD_BALANCERS)
        return (Level.WARN, "why_special") if known else None
    if b.what == What.CLIENTS:
        return _of_clients(a, b)
    if b.what == What.LOAD_BALANCERS:
        return _of_balancers(a, b, here=here)
    return _inside(a, b, joins, here=here)


_ORDER = {what: place for place, what in enumerate(What)}


def _of_clients(other: Owned, clients: Owned) -> Verdict | None:
    """Judge where clients are: of a plane's own, nobody knows how load balancers reach them (networking.md 5)."""
    if other.what == What.LOAD_BALANCERS:
        return None if clients.adjacent else (Level.WARN, "why_clients_lb")
    return (Level.WARN, "why_clients") if other.what in (What.PODS, What.SERVICES) else None


def _of_balancers(other: Owned, balancers: Owned, *, here: bool) -> Verdict | None:
    if other.what == What.LOAD_BALANCERS and here and _same_pool(other, balancers):
        return None
    if other.what == What.NODES and other.span.size > 1:
        return None if here else (Level.WARN, "why_lb_subnet")  # a pool lies inside the nodes' subnet
    return Level.ERROR, "why_lb"


def _same_pool(one: Owned, two: Owned) -> bool:
    """Whether a plane's pool is seen twice: as the plane says, and as a person entered or reserved it."""
    return one.span == two.span or bool({one.source, two.source} & {ENTERED, RESERVED})


def _inside(a: Owned, b: Owned, joins: Joins, *, here: bool) -> Verdict | None:
    """Judge pods, services and nodes; `a` comes first in that order."""
    pair = (a.what, b.what)
    if pair == (What.PODS, What.SERVICES):
        return Level.ERROR, "why_pods_services"
    if pair == (What.PODS, What.NODES):
        return Level.ERROR, "why_pods_nodes"
    if pair == (What.SERVICES, What.NODES):
        return (Level.ERROR, "why_services_nodes") if here else None
    if here:
        return None  # the same range from two sources
    joined = a.what.value in joins
    if pair == (What.PODS, What.PODS):
        return (Level.ERROR, "why_pods") if joined else (Level.WARN, "why_pods_apart")
    if pair == (What.SERVICES, What.SERVICES):
        if joined:
            return Level.ERROR, "why_services"
        return (Level.WARN, "why_services_mesh") if What.PODS.value in joins else None
    if a.span != b.span or a.span.size > 1:
        return None  # nodes of two planes may share a subnet
    return (Level.ERROR, "why_nodes") if joined else (Level.WARN, "why_nodes_apart")


@dataclass(frozen=True)
class Overlap:
    """Two owners whose ranges meet: the first two ranges that do, and how many more."""

    level: Level
    why: str
    one: Owned
    two: Owned
    more: int = 0

    @property
    def planes(self) -> frozenset[str]:
        return frozenset(part.plane for part in (self.one, self.two) if part.plane)

    def sentence(self) -> Sentence:
        more = say("addresses.more", count=self.more) if self.more else ""
        found = {"more": more, "why": say(f"addresses.{self.why}"), **_named("one", self.one)}
        if self.two.what == What.SPECIAL:
            return say("addresses.meet_special", **found, range_two=str(self.two.span))
        if self.two.profile:
            return say(
                "addresses.meet_profile", **found, two=self.two.profile, range_two=str(self.two.span)
            )  # fmt: skip
        return say("addresses.meet", **found, **_named("two", self.two))


def _named(key: str, part: Owned) -> dict[str, str | Sentence]:
    what = say(f"addresses.what_{part.what.value}")
    return {key: part.plane, f"what_{key}": what, f"range_{key}": str(part.span)}


def overlaps(ranges: Sequence[Owned], joins: Joins) -> list[Overlap]:
    """Return what may not meet in a whole fleet, the worst first; pairs of the same two owners are one finding."""
    found: dict[tuple[object, ...], Overlap] = {}
    for one, two, verdict in _judged_pairs([*ranges, *special()], joins):
        level, why = verdict
        key = (one.owner, two.owner, level, why)
        known = found.get(key)
        found[key] = (
            Overlap(level, why, one, two) if known is None else
            Overlap(level, why, known.one, known.two, known.more + 1)
        )  # fmt: skip
    return sorted(found.values(), key=lambda overlap: (-overlap.level, overlap.one.span, overlap.two.span))


def _judged_pairs(ranges: Sequence[Owned], joins: Joins) -> Iterator[tuple[Owned, Owned, Verdict]]:
    spans: list[Span] = [part.span for part in ranges]
    for i, j in islice(sweep(spans), MOST_PAIRS):
        one, two = sorted(
            (ranges[i], ranges[j]),
            key=lambda part: (part.what == What.SPECIAL, bool(part.profile), part.plane, part.what),
        )
        if verdict := judged(one, two, joins):
            yield one, two, verdict


def among(ranges: Iterable[Owned], planes: Collection[str], joins: Joins) -> list[Overlap]:
    """Return what may not meet as far as any of these planes is a part of it."""
    wanted = set(planes)
    return [overlap for overlap in overlaps(list(ranges), joins) if overlap.planes & wanted]
