"""The keeper of kinds: their readings and holds as rows. Installed when the app is ready."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError, Stale
from kbconsole.common.sentences import Json, Sentence, declare
from kbconsole.common.times import clock_text
from kbconsole.fleet.models import Plane
from kbconsole.jobs.models import ACTIVE
from networking.kinds.keeping import Hold, Reading
from networking.models import PlaneHold, PlaneReading

declare(
    {
        "networking.held": _(
            "The network of %(plane)s is being changed by run %(run)s (%(what)s) since %(since)s. Only one change at a "
            "time: wait until that run ends, or cancel it."
        ),
    }
)


class Rows:
    """Implements `networking.kinds.keeping.Keeper`."""

    def readings(self, what: str) -> list[Reading]:
        return self.several(what)[what]

    def several(self, *what: str) -> dict[str, list[Reading]]:
        names = list(Plane.objects.data_planes().order_by("name").values_list("name", flat=True))
        rows = PlaneReading.objects.filter(what__in=what).select_related("plane")
        found = {(row.what, row.plane.name): row for row in rows}
        return {one: [_reading(name, found.get((one, name))) for name in names] for one in what}

    def keep(self, what: str, plane: str, facts: Json, at: datetime | None = None) -> None:
        at = at or timezone.now()
        row = Plane.objects.filter(name=plane).first()
        newer = PlaneReading.objects.filter(plane=row, what=what, read_at__gt=at)
        if row is not None and not newer.exists():
            said = {"facts": facts, "read_at": at, "tried_at": at, "trouble": None}
            PlaneReading.objects.update_or_create(plane=row, what=what, defaults=said)

    def forget(self, what: Collection[str], plane: str, until: datetime) -> None:
        PlaneReading.objects.filter(what__in=what, plane__name=plane, read_at__lte=until).delete()

    def failed(self, what: str, plane: str, error: ConsoleError) -> None:
        """Keep that a look failed; what was read before stays."""
        row = Plane.objects.filter(name=plane).first()
        if row is not None:
            said = {"trouble": error.sentence.to_json(), "tried_at": timezone.now()}
            PlaneReading.objects.update_or_create(plane=row, what=what, defaults=said)

    @transaction.atomic
    def hold(self, run: int, planes: Iterable[str]) -> None:
        for plane in sorted(set(planes)):
            PlaneHold.objects.filter(plane=plane).exclude(run__status__in=ACTIVE).delete()
            row, _made = PlaneHold.objects.get_or_create(plane=plane, defaults={"run_id": run})
            if row.run_id != run:
                raise Stale(
                    "networking.held", plane=plane, run=row.run_id, what=row.run.job_name, since=clock_text(row.since)
                )  # fmt: skip

    def free(self, run: int) -> None:
        PlaneHold.objects.filter(run=run).delete()

    def holds(self) -> dict[str, Hold]:
        rows = PlaneHold.objects.filter(run__status__in=ACTIVE).select_related("run")
        return {row.plane: Hold(row.plane, row.run_id, row.run.job_name, row.since) for row in rows}


def _reading(name: str, row: PlaneReading | None) -> Reading:
    if row is None:
        return Reading(name)
    return Reading(
        name, row.facts, row.read_at, Sentence.from_json(row.trouble) if row.trouble else None
    )  # fmt: skip


def due(what: str, planes: Iterable[Plane], before: datetime) -> list[Plane]:
    """Return the planes that nobody has asked for this since a time."""
    asked = PlaneReading.objects.filter(what=what, tried_at__gt=before).values_list("plane_id", flat=True)
    recent = set(asked)
    return [plane for plane in planes if plane.pk not in recent]
