"""Reading the ranges of planes, and keeping what they told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from kbconsole.fleet.identity import other_plane, uid_of_plane
from kbconsole.fleet.models import Plane
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.errors import KubeError
from networking.addresses.facts import ENTERED, What
from networking.addresses.ranges import Span
from networking.addresses.sources import Discovered, discover
from networking.models import AddressFact, AddressLook


@dataclass(frozen=True)
class Told:
    """What a plane told of its ranges, or why not."""

    found: Discovered | None = None
    error: KubeError | None = None


def asked(client: PlaneClient, uid: str) -> Told:
    """Ask a plane for its ranges, if it is the one that was registered."""
    try:
        if uid_of_plane(client) != uid:
            return Told(error=other_plane(client.plane))
        return Told(discover(client))
    except KubeError as error:
        return Told(error=error)


@transaction.atomic
def keep(plane: Plane, told: Told, at: datetime | None = None) -> None:
    """Write down what a plane told. After a failure what was known stays, with the time of when it was read."""
    now = at or timezone.now()
    look, _made = AddressLook.objects.get_or_create(plane=plane, defaults={"looked_at": now})
    look.looked_at = now
    if told.found is None:
        look.problems = [["", told.error.sentence.to_json()]] if told.error else []
        look.save(update_fields=["looked_at", "problems"])
        return
    found = told.found
    look.answered_at = now
    look.problems = [[slug, sentence.to_json()] for slug, sentence in found.problems]
    look.save()
    _keep_ranges(plane, found.ranges, {slug for slug, _sentence in found.problems}, now)


def _keep_ranges(
    plane: Plane, found: Mapping[tuple[What, str], list[Span]], refused: set[str], now: datetime
) -> None:
    """Replace what the sources told before; what a source would not tell this time stays, with its old time."""
    rows = AddressFact.objects.filter(plane=plane).exclude(source=ENTERED).exclude(source__in=refused)
    known = {(What(row.what), row.source): row for row in rows}
    for key, spans in found.items():
        AddressFact.objects.update_or_create(
            plane=plane, what=key[0].value, source=key[1],
            defaults={"ranges": [str(span) for span in spans], "read_at": now},
        )  # fmt: skip
    gone = [row.pk for key, row in known.items() if key not in found]
    AddressFact.objects.filter(pk__in=gone).delete()
