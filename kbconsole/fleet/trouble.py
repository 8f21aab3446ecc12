"""A plane is lost: since when, at which rung, and which databases suffer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy

from kbconsole.fleet import losses
from kbconsole.fleet.losses import Database, Level
from kbconsole.fleet.models import Plane
from kbconsole.fleet.rungs import PROBABLY_RUNNING, Rung, passed
from kbconsole.fleet.trouble_acts import Act, acts, control_acts, control_donts, donts

MOST = 50
"""Databases shown of one kind."""
WHERE = {
    Rung.DNS: gettext_lazy("DNS: the name of its server does not resolve."),
    Rung.ADDRESS: gettext_lazy("Address: the console may not connect to where its server's name leads."),
    Rung.TCP: gettext_lazy("TCP: the name resolves, but nothing accepts the connection."),
    Rung.TLS: gettext_lazy("TLS: something accepts the connection, but does not prove to be this plane."),
    Rung.ANSWER: gettext_lazy("Answer: the connection stands, but no usable answer came over it."),
    Rung.CREDENTIAL: gettext_lazy(
        "Credential: the API server answers, but does not take the console's credential."
    ),
    Rung.IDENTITY: gettext_lazy(
        "Identity: another Kubernetes cluster answers than the one that was registered."
    ),
    Rung.RIGHTS: gettext_lazy(
        "Rights: the API server answers, but the console may not even see which plane it is."
    ),
}


@dataclass(frozen=True)
class Counted:
    """The databases of a level: the first of them, and how many more there are."""

    level: Level
    rows: list[Database]
    more: int

    @property
    def count(self) -> int:
        return len(self.rows) + self.more


@dataclass(frozen=True)
class Trouble:
    """What stands above all on the fleet's page while a plane gives no usable answer."""

    plane: Plane
    where: str
    rungs: list[tuple[Rung, str]]
    probably_running: bool
    disabled: bool
    counted: list[Counted]
    untouched: int
    donts: list[str]
    acts: list[Act]
    running: list[Database]

    lost: list[Database]


def troubles(planes: Collection[Plane], user: Any, why_not: str) -> list[Trouble]:
    """Return the planes in trouble, the control plane first. Databases are counted without all lost planes at once.

    One query for databases, however many planes are lost; none while all is well.
    """
    lost = [plane for plane in planes if plane.silent and plane.unchecked_since is None]
    if not lost:
        return []
    control = next((plane for plane in planes if plane.is_control_plane), None)
    found = losses.databases(user, {plane.name for plane in lost if plane.is_data_plane})
    return [_trouble(plane, control, found, why_not) for plane in lost]


def without_quorum(found: Iterable[Trouble]) -> int:
    """Return how many databases lost quorum, each counted once."""
    return len({row.name for one in found for row in one.lost})


def _trouble(plane: Plane, control: Plane | None, found: list[Database], why_not: str) -> Trouble:
    touched = [one for one in found if one.touched] if plane.is_data_plane else []
    is_control = plane.is_control_plane
    return Trouble(
        plane=plane,
        where=str(WHERE.get(Rung(plane.rung), "")) if plane.rung else "",
        rungs=passed(plane.rung),
        probably_running=plane.rung in PROBABLY_RUNNING,
        disabled=_disabled(plane, control),
        counted=[] if is_control and not plane.is_data_plane else _by_level(touched),
        lost=[one for one in touched if one.level == Level.LOST],
        untouched=len(found) - len(touched),
        donts=control_donts() if is_control else donts(plane, _disabled(plane, control)),
        acts=control_acts(plane, why_not) if is_control else acts(plane, control, why_not),
        running=found[:MOST] if is_control else [],
    )


def _disabled(plane: Plane, control: Plane | None) -> bool:
    return control is not None and plane.name in control.operator_contexts_disabled


def without(plane: Plane, user: Any) -> list[Counted]:
    """Return what the databases that have replicas on a plane would be without it; nothing where there are none."""
    touched = [one for one in losses.databases(user, {plane.name}) if one.touched]
    return _by_level(touched) if touched and plane.is_data_plane else []


def _by_level(found: Iterable[Database]) -> list[Counted]:
    rows = list(found)
    levels = [(level, [one for one in rows if one.level == level]) for level in Level]
    return [Counted(level, some[:MOST], max(len(some) - MOST, 0)) for level, some in levels]
