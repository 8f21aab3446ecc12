"""Taking MetalLB itself off planes, as it was installed: by Helm. Nothing is taken away that is still in use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.policy import Policy
from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet.access import client
from kbconsole.fleet.commands import command_step
from kbconsole.fleet.jobs import CHANGES_FLEET, FleetJob, identities
from kbconsole.jobs.definition import (
    Ended,
    Job,
    Step,
    Subject,
    declare_phases,
    register,
)
from networking.kinds import metallb_objects as objects
from networking.kinds.acting import ACTS, ActForm, NetworkAct, known_planes
from networking.kinds.keeping import keeper
from networking.kinds.metallb_changes import Gone, NothingLeft, installed, uninstall
from networking.kinds.metallb_objects import HOME
from networking.kinds.metallb_reading import READS

declare_phases({"unused": _("Unused"), "uninstall": _("Uninstall")})
declare(
    {
        "metallb.not_there": _("MetalLB is not installed on %(plane)s. Leave that plane out."),
        "metallb.what_uninstall": _("Remove MetalLB from %(planes)s"),
        "metallb.uninstalls": _(
            "The chart's own kinds go with it. The namespace %(namespace)s stays, empty, until somebody deletes it."
        ),
    }
)


@register
@dataclass(frozen=True)
class UninstallMetalLb(FleetJob):
    """Take MetalLB away from planes on which nobody needs it."""

    slug: ClassVar[str] = "metallb-uninstall"
    label: ClassVar[Any] = _("Remove MetalLB")
    approval: ClassVar[Policy] = CHANGES_FLEET
    words: ClassVar[Mapping[str, Any]] = {"planes": _("Planes")}
    planes: list[str]

    def subject(self) -> Subject:
        return Subject("fleet", "metallb", "MetalLB")

    def lanes(self) -> list[str]:
        return list(self.planes)

    def steps(self) -> Iterator[Step]:
        for plane in self.planes:
            if not installed(client(plane)):
                raise ConsoleError("metallb.not_there", plane=plane)
            yield Step(on=plane, phase="unused", check=NothingLeft(plane), deadline=0)
            yield command_step(uninstall(plane), phase="uninstall", verify=Gone(plane))

    def facts(self) -> dict[str, Json]:
        return {**identities(self.planes), "version": objects.VERSION}

    def cautions(self) -> list[Sentence]:
        return [say("metallb.uninstalls", namespace=HOME)]

    def what(self) -> Sentence:
        return say("metallb.what_uninstall", planes=list(self.planes))

    def on_end(self, ended: Ended) -> None:
        """The page shows at once what the run has seen."""
        for plane, phase, facts in ended.facts:
            if phase == "uninstall" and facts:
                keeper().keep(READS, plane, {"installed": False, "pools": []})


def with_it() -> list[str]:
    """Return the planes on which MetalLB was last seen."""
    return [row.plane for row in keeper().readings(READS) if (row.facts or {}).get("installed")]


class UninstallForm(ActForm):
    """From which planes it goes."""

    planes = forms.MultipleChoiceField(
        label=_("Planes"),
        widget=forms.CheckboxSelectMultiple,
        choices=lambda: [(one, one) for one in with_it()],
        error_messages={"required": _("Choose at least one plane on which MetalLB was seen.")},
    )
    field_order = ["planes", "reason"]


@ACTS.register
class Uninstall(NetworkAct):
    """What installing did, taken back."""

    slug, label, job, Form = "pools-uninstall", _("Remove MetalLB"), UninstallMetalLb, UninstallForm
    note = _(
        "Takes MetalLB itself off planes that have no pool left and on which no service has an address of it. It has "
        "to have been installed by Helm, as the console does; otherwise the command changes nothing and the "
        "run says so."
    )

    def made(self, given: dict[str, Any]) -> Job:
        return UninstallMetalLb(given["planes"])

    def lines(self) -> list[tuple[Any, str]]:
        plane = next(iter(known_planes()), "k8s-1")
        return [(_("The chart"), uninstall(plane).commands()[0])]
