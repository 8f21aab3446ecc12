"""What a lost plane leaves of each database, counted from the pods that the planes showed last, not from the wish."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.urls import reverse
from django.utils.dateparse import parse_datetime

from kbconsole.common.sentences import Json
from kbconsole.fleet.losses import Database, register
from placements.models import Placement, Status
from placements.observation import client_endpoints, leader_of
from placements.verdict import plane_of

RUNNING = (Status.APPLYING, Status.IN_SERVICE, Status.ATTENTION)


@register
def databases(user: Any, lost: Collection[str]) -> list[Database]:
    """Return every database of which something was made, as it is without the lost planes. Two queries."""
    rows = Placement.objects.visible_to(user).filter(status__in=RUNNING).prefetch_related("addresses")
    return [counted(row, lost) for row in rows if row.cluster_uid or row.observed]


def counted(placement: Placement, lost: Collection[str]) -> Database:
    """Count pods that were seen ready on planes that answer; planes that nobody has looked at count as planned."""
    seen: Mapping[str, Json] = placement.observed or {}
    shown = {plane: seen[plane]["pods"] for plane in placement.planes if "pods" in seen.get(plane, {})}
    wanted = _wanted(placement)
    blind = tuple(plane for plane in wanted if plane not in shown)
    members = max(placement.replicas, sum(map(len, shown.values())) + sum(wanted[plane] for plane in blind))
    alive = sum(pod["ready"] for plane, pods in shown.items() if plane not in lost for pod in pods)
    alive += sum(wanted[plane] for plane in blind if plane not in lost)
    leader = leader_of({plane: seen[plane] for plane in shown}, placement.kind_of_engine.leader_role)
    reachable = {plane: facts for plane, facts in seen.items() if plane not in lost}
    own = [row.endpoints[0] for row in placement.addresses.all() if row.plane not in lost and row.endpoints]
    others = client_endpoints(_whole(reachable), placement.kind_of_engine)
    times = [parse_datetime(seen[plane].get("seen_at") or "") for plane in shown if plane not in lost]
    return Database(
        name=f"{placement.namespace}/{placement.name}",
        url=reverse("placements:detail", args=[placement.pk]),
        members=members,
        quorum=placement.kind_of_engine.quorum(members),
        alive=alive,
        touched=any(shown.get(plane) or (plane in blind and wanted[plane]) for plane in lost),
        planned=blind,
        read_at=min((at for at in times if at), default=None),
        leader=leader,
        leader_lost=bool(leader and leader[1] in lost),
        endpoints=tuple(own or [f"{one['address']}:{one['port']}" for one in others]),
    )


def _wanted(placement: Placement) -> dict[str, int]:
    """Return how many replicas each plane should have."""
    planes = [plane_of(ordinal, placement.planes) for ordinal in range(placement.replicas)]
    return {plane: planes.count(plane) for plane in placement.planes}


def _whole(seen: Mapping[str, Json]) -> dict[str, Json]:
    return {plane: facts for plane, facts in seen.items() if "services" in facts}
