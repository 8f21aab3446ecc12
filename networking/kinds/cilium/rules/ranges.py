"""R6, R7, R9, R10: addresses of pods and nodes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import declare, say
from networking.addresses.ranges import Span, sweep
from networking.addresses.sources import spans_of
from networking.kinds.cilium.facts import MeshFacts
from networking.kinds.cilium.rules.base import Fleet, Found, Severity, few, rule

declare(
    {
        "mesh.r6": _(
            "%(one)s and %(other)s share addresses: %(range_one)s (%(what_one)s) and %(range_other)s "
            "(%(what_other)s). Cilium does not support that. Install one of them anew with another range."
        ),
        "mesh.pods": _("pods"),
        "mesh.nodes": _("nodes"),
        "mesh.r7": _(
            "%(plane)s gives pods addresses of %(pool)s, the range that Cilium takes when none is set; it "
            "collides with nearly everything. Install Cilium there anew with a range of its own "
            "(clusterPoolIPv4PodCIDRList), for example 10.1.0.0/16."
        ),
        "mesh.r9": _(
            "%(plane)s routes natively only within %(range)s, which leaves out the pods of %(others)s "
            "(%(missing)s). Set ipv4NativeRoutingCIDR to a range that holds the pods of all planes."
        ),
        "mesh.r9_none": _(
            "%(plane)s routes natively, and ipv4NativeRoutingCIDR is not set there. Set it to a range that holds the "
            "pods of all planes, and route these between the planes on all ports."
        ),
        "mesh.r10_inside": _(
            "%(plane)s: %(count)s of %(all)s nodes have no InternalIP, the address at which nodes of other "
            "planes reach them. Give them one, or connect the networks by VPN or peering."
        ),
        "mesh.r10_unproven": _(
            "Nobody has seen yet that nodes of %(pairs)s reach each other at their InternalIP; public addresses behind "
            "NAT are not enough. Choose “Test the mesh” after connecting: only packets tell."
        ),
    }
)  # fmt: skip

DEFAULT_POOL = "10.0.0.0/8"


def _outermost(spans: list[Span]) -> list[Span]:
    """Return them without those that lie in another one, as the plane writes them."""
    kept: list[Span] = []
    for span in sorted(set(spans), key=lambda one: (one.version, one.first, -one.last)):
        if not (kept and kept[-1].holds(span)):
            kept.append(span)
    return kept


def pod_spans(plane: MeshFacts) -> list[Span]:
    """What was given out, and of a pool all of it: the next node gets the next part."""
    pool = plane.pool if plane.ipam == "cluster-pool" else ()
    return _outermost(spans_of((*plane.pods, *pool)))


@rule("R6", "network/clustermesh/setup.rst; overlapping ranges: only groundwork, PR #22687")
def disjoint(fleet: Fleet) -> Found:
    owners, spans = [], []
    for plane in fleet.meshed:
        for what, found in (("mesh.pods", pod_spans(plane)), ("mesh.nodes", spans_of(plane.nodes))):
            owners += [(plane.plane, what)] * len(found)
            spans += found
    seen = set()
    for i, j in sweep(spans):
        (one, what_one), (other, what_other) = owners[i], owners[j]
        if one == other or (pair := (one, other, what_one, what_other)) in seen:
            continue
        seen.add(pair)
        yield (
            Severity.ERROR,
            say(
                "mesh.r6", one=one, other=other, range_one=str(spans[i]), range_other=str(spans[j]),
                what_one=say(what_one), what_other=say(what_other),
            ),
        )  # fmt: skip


@rule("R7", "network/concepts/ipam/cluster-pool.rst; cilium/cilium issue #32296")
def own_pool(fleet: Fleet) -> Found:
    for plane in fleet.meshed:
        if plane.ipam == "cluster-pool" and DEFAULT_POOL in plane.pool:
            yield Severity.ERROR, say("mesh.r7", plane=plane.plane, pool=DEFAULT_POOL)


@rule("R9", "network/clustermesh/setup.rst")
def native_range(fleet: Fleet) -> Found:
    for plane in fleet.meshed:
        if plane.tunnelled:
            continue
        within = spans_of([plane.native_range])
        if not within:
            yield Severity.ERROR, say("mesh.r9_none", plane=plane.plane)
            continue
        outside = {
            other.plane: missing
            for other in fleet.meshed
            if (missing := [s for s in pod_spans(other) if s.version == 4 and not within[0].holds(s)])
        }
        if outside:
            texts = [str(span) for spans in outside.values() for span in spans][:5]
            yield (
                Severity.ERROR,
                say("mesh.r9", plane=plane.plane, range=plane.native_range, others=list(outside), missing=texts),
            )  # fmt: skip


@rule("R10", "network/clustermesh/setup.rst: nodes are reached at their InternalIP")
def nodes_reach(fleet: Fleet) -> Found:
    for plane in fleet.meshed:
        if plane.nodes_inside < plane.nodes_all:
            count = plane.nodes_all - plane.nodes_inside
            yield Severity.ERROR, say("mesh.r10_inside", plane=plane.plane, count=count, all=plane.nodes_all)
    if unproven := [(one.plane, other.plane) for one, other in fleet.unproven()]:
        yield Severity.UNPROVEN, say("mesh.r10_unproven", pairs=few(unproven))
