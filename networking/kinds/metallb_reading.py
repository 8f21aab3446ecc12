"""What beat reads of every plane's MetalLB, and the part of the network page that shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from kbconsole.common.roles import Role, has_role
from kbconsole.common.sentences import Json
from kbconsole.k8s.client import PlaneClient
from networking.kinds.acting import ACTS
from networking.kinds.keeping import READERS, Reader, Reading, keeper
from networking.kinds.metallb_changes import installed, rooms
from networking.kinds.metallb_objects import PoolRoom
from networking.sections import SECTIONS, Section

READS = "pools"


@READERS.register
class Pools(Reader):
    """`{installed, pools: [{name, ranges, total, used, announced}]}`."""

    slug = READS

    def read(self, plane: PlaneClient) -> Json:
        if not installed(plane):
            return {"installed": False, "pools": []}
        return {"installed": True, "pools": [room.to_json() for room in rooms(plane)]}


class Row:
    """One pool of one plane, or a plane without any, ready to be shown."""

    def __init__(self, reading: Reading, room: PoolRoom | None) -> None:
        self.plane = reading.plane
        self.read_at: datetime | None = reading.read_at
        self.trouble = reading.trouble
        self.room = room
        self.installed = bool((reading.facts or {}).get("installed"))

    @property
    def percent(self) -> int:
        return round(100 * self.room.used / self.room.total) if self.room and self.room.total else 0

    @property
    def full(self) -> bool:
        return self.room is not None and not self.room.free

    @property
    def said(self) -> str:
        """What there is to say of a plane without a pool."""
        if self.read_at is None:
            return gettext("unknown")
        return (
            gettext("MetalLB is there, without a pool")
            if self.installed
            else gettext("MetalLB is not installed")
        )


def _pools(reading: Reading) -> list[PoolRoom | None]:
    return [PoolRoom.from_json(one) for one in (reading.facts or {}).get("pools", [])]


def rows() -> list[Row]:
    """Return a row per pool, and one per plane without any."""
    return [Row(reading, room) for reading in keeper().readings(READS) for room in _pools(reading) or [None]]


@SECTIONS.register
class PoolSection(Section):
    """Pools: used and free."""

    slug: ClassVar[str] = "pools"
    title: ClassVar[Any] = _("Address pools (MetalLB)")
    template: ClassVar[str] = "networking/_pools.html"
    place: ClassVar[int] = 60
    live: ClassVar[bool] = True

    def context(self, user: Any) -> dict[str, Any] | None:
        found = rows()
        if not found:
            return None
        return {
            "rows": found, "title": self.title, "admin": has_role(user, Role.ADMIN),
            "any": any(row.room for row in found), "full": [row for row in found if row.full],
            "removal": ACTS.get("pools-uninstall")() if any(row.installed for row in found) else None,
        }  # fmt: skip
