"""Where databases are that span planes, told to the kinds that join their replicas. From rows."""

from __future__ import annotations

from placements.models import Placement, Status

THERE = (Status.APPLYING, Status.IN_SERVICE, Status.ATTENTION)


def namespaces_by_plane(kind: str) -> dict[str, tuple[str, ...]]:
    """Return the namespaces of databases on more than one plane whose profile is of a kind, by plane. One query."""
    rows = Placement.objects.filter(status__in=THERE, profile__kind=kind).order_by()
    found: dict[str, set[str]] = {}
    for namespace, planes in rows.values_list("namespace", "planes"):
        for plane in set(planes) if len(set(planes)) > 1 else ():
            found.setdefault(plane, set()).add(namespace)
    return {plane: tuple(sorted(names)) for plane, names in found.items()}
