"""Giving every pod its client address, and taking it away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.policy import Policy, Rule
from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.jobs.definition import Ended, Mark, Step, register
from kbconsole.jobs.models import RunStatus, RunStep
from placements.checks import PlaneFits
from placements.jobs.base import DatabaseJob, known_definition
from placements.jobs.client_changes import clean_steps
from placements.jobs.for_clients import (
    ForClients,
    forget_clients,
    name_lane,
    name_steps,
)
from placements.jobs.names import name_stands
from placements.models import ClientAccess
from placements.names import DatabaseNames, names_of

declare(
    {
        "clients.what_give": _("Give clients addresses of %(subject)s"),
        "clients.what_give_by": _(
            "Give clients addresses of %(subject)s, as version %(version)s of its network profile says"
        ),
        "clients.newer": _(
            "Until now version %(before)s of the network profile counts for clients of %(name)s, from now on version "
            "%(version)s. Addresses that clients have may become other ones; tell whoever connects."
        ),
        "clients.undo_named": _(
            "The name of %(name)s in DNS leads to these addresses, and this run did not make it. Choose “Take the "
            "client addresses away” on the database's page, or give the addresses without the name first."
        ),
        "clients.what_take": _("Take the client addresses of %(subject)s away"),
        "clients.cut_off": _(
            "Clients outside lose their connection to %(name)s, and the addresses go back to their planes: later ones "
            "are other ones."
        ),
    }
)  # fmt: skip


@register
@dataclass(frozen=True)
class GiveAddresses(ForClients):
    """Make a service per pod for clients outside, and wait until each has its address."""

    slug: ClassVar[str] = "give-addresses"
    label: ClassVar[object] = _("Give clients addresses")
    approval: ClassVar[Policy] = Policy(
        owned=True,
        rules=(Rule(1), Rule(2, _("its addresses are public"), lambda job: job.publishes())),
    )
    words: ClassVar[Mapping[str, object]] = {
        "outside": _("Network for clients"), "outside_config": _("Network settings"), "zone": _("DNS zone"),
        "outside_version": _("Version of the network profile"),
    }  # fmt: skip
    instead_of: int = 0
    """The version that counted for its clients until now, if this takes another one; else 0."""

    def informed(self) -> GiveAddresses:
        return self.with_ports(self._names())

    def steps(self) -> Iterable[Step]:
        uids = self.uids()
        for plane in self.planes:
            yield Step(on=plane, phase="preflight", check=PlaneFits(plane, uids[plane]))
        names = self._names()
        yield from self.client_looks(names)
        yield from self.client_steps(names)

    def _names(self) -> DatabaseNames:
        return names_of(self.name, self.engine_(), known_definition(self.row()), self.replicas)

    def facts(self) -> dict[str, Json]:
        return {"planes": self.uids(), "cluster": self.row().cluster_uid}

    def what(self) -> Sentence:
        if not self.outside_version:
            return say("clients.what_give", subject=self.subject().label)
        return say("clients.what_give_by", subject=self.subject().label, version=self.outside_version)

    def marks(self) -> list[Mark]:
        return [Mark(say("placements.public"))] if self.publishes() else []

    def cautions(self) -> list[Sentence]:
        words = {"name": self.name, "before": self.instead_of, "version": self.outside_version}
        newer = [say("clients.newer", **words)] if self.instead_of else []
        return newer + self.client_cautions()

    def on_start(self, run_id: int) -> None:
        self.note_access()

    def on_end(self, ended: Ended) -> None:
        self.note_made(ended)

    def undone_by(self, run_id: int) -> Sentence | None:
        """A name that another run gave would lead on to addresses that are gone."""
        named = RunStep.objects.filter(run=run_id, phase="name").first()
        change = named.step().change if named else None
        withdrawn = named and change and change.inverse(named.made())
        row = ClientAccess.objects.filter(placement=self.placement).first()
        return say("clients.undo_named", name=self.name) if name_stands(row) and not withdrawn else None


@register
@dataclass(frozen=True)
class TakeAddresses(DatabaseJob):
    """Remove the services that the console made for clients, and prove on each plane that none is left."""

    slug: ClassVar[str] = "take-addresses"
    label: ClassVar[object] = _("Take client addresses away")
    approval: ClassVar[Policy] = Policy(owned=True, rules=(Rule(1),))

    def lanes(self) -> list[str]:
        return [*super().lanes(), *name_lane(self.placement)]

    def steps(self) -> Iterable[Step]:
        uids = self.uids()
        for plane in self.planes:
            yield Step(on=plane, phase="preflight", check=PlaneFits(plane, uids[plane]))
        named = list(name_steps(self.row(), gate=True))
        yield from named
        for plane in self.planes:  # no name leads to what is gone
            yield from clean_steps(plane, self.namespace, self.name, gate=bool(named))

    def facts(self) -> dict[str, Json]:
        return {"planes": self.uids(), "cluster": self.row().cluster_uid}

    def what(self) -> Sentence:
        return say("clients.what_take", subject=self.subject().label)

    def cautions(self) -> list[Sentence]:
        return [say("clients.cut_off", name=self.name)]

    def on_end(self, ended: Ended) -> None:
        if ended.status == RunStatus.SUCCEEDED:
            forget_clients(self.placement)
