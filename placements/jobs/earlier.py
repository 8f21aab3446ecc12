"""What earlier runs of a request made on planes that it does not use any more, since it was edited."""

from __future__ import annotations

from collections.abc import Collection

from kbconsole.fleet.models import Plane
from kbconsole.jobs.definition import Touch
from kbconsole.jobs.models import RunStep
from kbconsole.k8s.commands import kubectl_delete
from kbconsole.k8s.kinds import NAMESPACE
from placements.models import OVER, Placement

Place = tuple[str, str]
"""A plane and a namespace."""


def namespaces_left(row: Placement, job: str, used: Collection[Place]) -> list[list[str]]:
    """Return `[plane, namespace]` of each namespace that runs of the job made for the request, and nobody uses now.

    As rows tell it, no plane is asked. Namespaces of another database that lives are left out.
    """
    steps = RunStep.objects.filter(run__in=row.runs().filter(job=job), phase="namespace")
    touched = [(step.lane, one) for step in steps for one in step.made().touched]
    made = {(lane, one.ref["name"]) for lane, one in touched if one.touch == Touch.CREATED}
    return [list(place) for place in sorted(made - {*used, *_of_others(row)})]


def _of_others(row: Placement) -> list[Place]:
    """Return where other databases that live have something: on their planes, and their Cluster."""
    living = Placement.objects.exclude(status__in=OVER).exclude(pk=row.pk).only("namespace", "planes")
    control = Plane.objects.filter(is_control_plane=True).values_list("name", flat=True)
    everywhere = list(control)
    return [(plane, one.namespace) for one in living for plane in (*everywhere, *one.planes)]


def removal_command(plane: str, namespace: str) -> str:
    return kubectl_delete(NAMESPACE, namespace, context=plane)
