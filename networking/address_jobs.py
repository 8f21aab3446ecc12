"""Reading the ranges of all planes when somebody asks for it; beat does the same from time to time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.fleet.jobs import FleetJob
from kbconsole.fleet.models import Plane
from kbconsole.fleet.preflight.base import PlaneCheck
from kbconsole.jobs.definition import Finding, Step, Subject, Verdict, actions, declare_phases, register
from networking.addresses.facts import OF_PLANES
from networking.addresses.sources import Discovered
from networking.discovery import asked, keep

declare_phases({"addresses": _("Ranges")})
declare(
    {
        "addresses.ask": _("Ask %(plane)s for its ranges"),
        "addresses.told": _("%(plane)s told its ranges: %(found)s."),
        "addresses.told_none": _("%(plane)s told none of its ranges."),
        "addresses.told_part": _("%(what)s %(ranges)s"),
        "addresses.enter_rest": _(
            "No API tells these: %(what)s. Enter them under Network; an unknown range is never guessed."
        ),
        "addresses.no_planes": _("The fleet has no data plane yet. Add one under Fleet, then try again."),
    }
)
SHOWN = 3


@actions.register
@dataclass(frozen=True)
class TellRanges(PlaneCheck):
    """Ask one plane for its ranges and keep what it tells."""

    slug: ClassVar[str] = "tell-ranges"

    def label(self) -> Sentence:
        return say("addresses.ask", plane=self.plane)

    def commands(self) -> list[str]:
        return self.kubectl("get nodes,servicecidrs -o yaml")

    def look(self) -> Finding:
        plane = Plane.objects.get(name=self.plane)
        told = asked(self.client(), plane.uid)
        keep(plane, told)
        if told.found is None:
            raise told.error or ConsoleError("addresses.told_none", plane=self.plane)
        known = {what for what, _source in told.found.ranges}
        open_ = [say(f"addresses.what_{what.value}") for what in OF_PLANES if what not in known]
        fix = say("addresses.enter_rest", what=open_) if open_ else None
        return Finding(Verdict.PASS, told_sentence(self.plane, told.found), fix)


def told_sentence(plane: str, found: Discovered) -> Sentence:
    if not found.ranges:
        return say("addresses.told_none", plane=plane)
    parts = [
        say(
            "addresses.told_part",
            what=say(f"addresses.what_{what.value}"),
            ranges=_few([str(s) for s in spans]),
        )
        for (what, _source), spans in found.ranges.items()
    ]
    return say("addresses.told", plane=plane, found=parts)


def _few(texts: list[str]) -> list[str]:
    return texts if len(texts) <= SHOWN else [*texts[:SHOWN], "…"]


@register
@dataclass(frozen=True)
class ReadAddresses(FleetJob):
    """Ask data planes for their ranges, all at once, and change nothing there."""

    slug: ClassVar[str] = "read-addresses"
    label: ClassVar[Any] = _("Read the ranges of planes")
    planned: ClassVar[bool] = False
    planes: list[str]

    def subject(self) -> Subject:
        return Subject("address-book", "1", str(_("address book")))

    def lanes(self) -> list[str]:
        return list(self.planes)

    def steps(self) -> Iterator[Step]:
        for plane in self.planes:
            yield Step(on=plane, phase="addresses", check=TellRanges(plane), blocks=False)
