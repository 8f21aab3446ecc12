"""Looking at a database again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.fleet import access
from kbconsole.fleet.preflight import room
from kbconsole.jobs.definition import CONSOLE, Ended, Step, register
from kbconsole.jobs.models import RunStatus
from placements.jobs.base import DatabaseJob, known_definition, note_observation
from placements.jobs.for_clients import addresses_check, note_addresses
from placements.models import STANDING, ClientAccess, Status
from placements.names import DatabaseNames, names_of


@register
@dataclass(frozen=True)
class CheckDatabase(DatabaseJob):
    """Ask every plane again what runs there, whether it still may, and where clients reach it. Changes nothing."""

    slug: ClassVar[str] = "check-database"
    label: ClassVar[object] = _("Check database")
    planned: ClassVar[bool] = False

    def steps(self) -> Iterable[Step]:
        row = self.row()
        names = names_of(self.name, self.engine_(), known_definition(row), self.replicas)
        control = access.control_plane().name
        for plane in self.planes:
            if plane != control:
                yield Step(on=plane, phase="crds", check=room.NoCrds(plane), blocks=False)
        for step in self.look_steps(names, gate=False, blocks=False):
            yield replace(step, deadline=0, blocks=False)
        yield from self._clients(names)

    def _clients(self, names: DatabaseNames) -> Iterator[Step]:
        made = ClientAccess.objects.filter(placement=self.placement).first()
        there = addresses_check(self, names, made.outside, made.outside_config) if made else None
        if there is not None:
            yield Step(on=CONSOLE, phase="assigned", check=there, blocks=False, deadline=0)

    def on_end(self, ended: Ended) -> None:
        works = ended.status == RunStatus.SUCCEEDED
        changes = note_observation(self, ended, proven=works)
        row = self.row()
        if row.status in STANDING:
            self.set_status(Status.IN_SERVICE if works else Status.ATTENTION, **changes)
        note_addresses(self.placement, ended)
