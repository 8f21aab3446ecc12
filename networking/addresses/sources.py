"""Where the API of a plane tells its ranges. A kind's file adds the sources of its own objects."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.registry import Registry
from kbconsole.common.sentences import Json, Sentence
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.errors import Forbidden, KubeError, Rejected
from kbconsole.k8s.kinds import NODE, SERVICE_CIDR, Kind, Object
from networking.addresses.facts import ENTERED, RESERVED, What
from networking.addresses.ranges import Span, merged, parsed

MOST_RANGES = 5000
"""Of one source: more would be no plane that this console was made for, and is not kept."""
ONE_SOURCE = frozenset({What.PODS, What.SERVICES})
"""What the first source that knows it tells alone; others add up."""
ADDRESSES = ("InternalIP", "ExternalIP")
_NOWHERE = "192.0.2.1"  # of the block that RFC 5737 keeps for documents: no plane has it as a service range
_VALID = re.compile(r"range of valid IPs is ([0-9a-fA-F:./]{3,60})")


@dataclass
class Read:
    """What one source told. A `what` with no span: the plane says that there is none."""

    ranges: dict[What, list[Span]] = field(default_factory=dict)


class RangeSource(ABC):
    """One place in the API of a plane. Instances hold no state; `place` is the order in which they are believed."""

    slug: ClassVar[str]
    label: ClassVar[Any]
    place: ClassVar[int] = 50
    labels: ClassVar[Mapping[What, Any]] = {}
    """Where one use needs another label: what a reader has to know of it."""

    @abstractmethod
    def read(self, client: PlaneClient) -> Read:
        """Return what the plane tells, an empty Read where it has no such objects. Raises KubeError."""


SOURCES: Registry[RangeSource] = Registry("sources of ranges", "networking.kinds")


def in_order() -> list[RangeSource]:
    return sorted((made() for made in SOURCES), key=lambda source: (source.place, source.slug))


def source_label(slug: str, what: What) -> Any:
    """Return how a source is named on pages; one that is gone shows its slug."""
    own = {ENTERED: _("entered by a person"), RESERVED: _("reserved")}
    if slug in own or slug not in SOURCES:
        return own.get(slug, slug)
    source = SOURCES.get(slug)
    return source.labels.get(what, source.label)


@dataclass
class Discovered:
    """What a plane told: spans by (what, source), and what failed as (source, sentence)."""

    ranges: dict[tuple[What, str], list[Span]] = field(default_factory=dict)
    problems: list[tuple[str, Sentence]] = field(default_factory=list)


def discover(client: PlaneClient) -> Discovered:
    """Ask every source. Raises KubeError where the plane itself gives no answer; a refusal is noted and passed over."""
    found = Discovered()
    for source in in_order():
        try:
            read = source.read(client)
        except (Forbidden, Rejected) as error:
            found.problems.append((source.slug, error.sentence))
            continue
        _take(found, source.slug, read)
    return found


def _take(found: Discovered, slug: str, read: Read) -> None:
    known = {what for what, _source in found.ranges}
    for what, spans in read.ranges.items():
        if what not in ONE_SOURCE or what not in known:
            found.ranges[what, slug] = sorted(dict.fromkeys(spans))[:MOST_RANGES]


def listed(client: PlaneClient, kind: Kind) -> list[Object] | None:
    """Return all objects of a kind, None where the plane does not serve it. Raises KubeError."""
    try:
        return client.list(kind)
    except Rejected as rejected:
        if rejected.reason == "KindMissing":
            return None
        raise


def spans_of(texts: Iterable[Json]) -> list[Span]:
    """Read the ranges that a plane wrote; what is none is passed over, since nobody here can mend it."""
    return list(_readable(texts))


def _readable(texts: Iterable[Json]) -> Iterator[Span]:
    for text in texts:
        try:
            if isinstance(text, str):
                yield parsed(text)
        except ConsoleError:
            continue


def part(obj: Mapping[str, Any], *path: str) -> Any:
    """Return what stands at a path, {} where something else than an object is on the way, or nothing."""
    found: Any = obj
    for key in path:
        found = (found.get(key) if isinstance(found, Mapping) else None) or {}
    return found


def texts_at(obj: Mapping[str, Any], *path: str) -> list[Json]:
    found = part(obj, *path)
    return list(found) if isinstance(found, list) else []


@SOURCES.register
class Nodes(RangeSource):
    """`status.addresses`, and `spec.podCIDRs` where the plane's own controller hands out pod ranges.

    The subnet of the nodes is not in the API, and neither is the whole pod range: only what nodes have by now.
    """

    slug, label, place = "nodes", _("nodes"), 60
    labels: ClassVar[Mapping[What, Any]] = {
        What.PODS: _("nodes: what they have by now; the whole range may be larger")
    }

    def read(self, client: PlaneClient) -> Read:
        nodes = client.list(NODE)
        entries = [entry for node in nodes for entry in texts_at(node, "status", "addresses")]
        own = [e.get("address") for e in entries if isinstance(e, dict) and e.get("type") in ADDRESSES]
        read = Read({What.NODES: spans_of(own)} if own else {})
        if pods := merged(spans_of(text for node in nodes for text in texts_at(node, "spec", "podCIDRs"))):
            read.ranges[What.PODS] = pods
        return read


@SOURCES.register
class ServiceCidrs(RangeSource):
    """ServiceCIDR objects: since Kubernetes 1.33."""

    slug, label, place = "service-cidrs", _("ServiceCIDR objects"), 10

    def read(self, client: PlaneClient) -> Read:
        found = listed(client, SERVICE_CIDR)
        spans = spans_of(text for obj in found or [] for text in texts_at(obj, "spec", "cidrs"))
        return Read({What.SERVICES: spans} if spans else {})


@SOURCES.register
class RefusedService(RangeSource):
    """A dry run of a Service with an address that no plane has: older servers name their range in the refusal."""

    slug, label, place = "refused-service", _("the refusal of a Service that was never made"), 20

    def read(self, client: PlaneClient) -> Read:
        if listed(client, SERVICE_CIDR) is not None:
            return Read()  # such a server does not name it, and the source before this one has it
        metadata = {"name": "kbconsole-asks-for-the-range", "namespace": "default"}
        spec = {"clusterIP": _NOWHERE, "ports": [{"port": 1}]}
        service: Object = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
        try:
            client.create(service, dry_run=True)
        except KubeError as refused:
            said = _VALID.search(str(refused.sentence.params.get("message", "")))
            if not said and refused.http_status != 422:
                raise
            return Read({What.SERVICES: spans_of([said[1].rstrip(".")])} if said else {})
        return Read()
