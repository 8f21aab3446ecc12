"""What is known of planes, as the frozen facts that kinds judge by."""

from __future__ import annotations

from collections.abc import Sequence

from kbconsole.fleet.models import Plane
from networking.kinds.base import PlaneFact
from networking.kinds.clouds import cloud_of


def plane_facts(names: Sequence[str]) -> list[PlaneFact]:
    """Return the facts of these planes, in their order; of one that is gone only its name."""
    rows = {plane.name: plane for plane in Plane.objects.filter(name__in=names)}
    return [_fact(name, rows.get(name)) for name in names]


def _fact(name: str, plane: Plane | None) -> PlaneFact:
    if plane is None:
        return PlaneFact(name)
    machines = [str(node.get("machine", "")) for node in plane.nodes]
    return PlaneFact(name, cloud=cloud_of(plane.version, machines), region=plane.region)
