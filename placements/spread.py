"""What databases that stand use of networks, told to those below who have to know it. From rows."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models.functions import Coalesce

from networking.models import ProfileVersion
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


def versions_for_clients() -> Iterable[ProfileVersion]:
    """Return the versions of profiles that count for the clients of databases that stand, each once. One query."""
    counts = Coalesce("client_access__profile_version", "profile_version")
    rows = Placement.objects.filter(status__in=THERE).order_by().values_list(counts)
    return ProfileVersion.objects.filter(pk__in=rows).select_related("profile")
