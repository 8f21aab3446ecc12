"""How to tell that clients outside have their addresses: asked of every plane, said in one sentence for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet import access
from kbconsole.jobs.definition import Check, Finding, Verdict, actions
from kbconsole.k8s.commands import kubectl_get
from kbconsole.k8s.errors import KubeError
from kbconsole.k8s.kinds import SERVICE, selector_of
from placements.addresses import client_labels
from placements.addresses_kept import choice_of, nodes_of_pods
from placements.addresses_read import always, read_clients
from placements.checks.running import seen
from placements.models import Placement

declare(
    {
        "clients.check": _("Clients have their addresses"),
        "clients.assigned": _("%(all)s of %(all)s assigned: %(addresses)s."),
        "clients.lacking": _("%(have)s of %(all)s assigned; %(what)s"),
        "clients.fix": _(
            "What is assigned can be used already. Mend what the plane names: a pool that is exhausted, a quota, a "
            "subnet, or nodes without the wanted address. A run that waits goes on by itself; else choose Retry, or "
            "Check again on the database."
        ),
        "clients.fix_gone": _(
            "Plan the addresses under Changes on the database: services that are not there are made again."
        ),
    }
)


@actions.register
@dataclass(frozen=True)
class ClientAddresses(Check):
    """`wanted`: by plane the services that have to have an address. A silent plane is one reason among others."""

    slug: ClassVar[str] = "client-addresses"
    placement: int
    name: str
    namespace: str
    outside: str
    outside_config: dict[str, Json] = field(default_factory=dict)
    wanted: dict[str, list[str]] = field(default_factory=dict)

    def label(self) -> Sentence:
        return say("clients.check")

    def commands(self) -> list[str]:
        labels = selector_of(client_labels(self.name))
        return [
            kubectl_get(SERVICE, "", self.namespace, context=plane, labels=labels) for plane in self.wanted
        ]

    def look(self) -> Finding:
        found, lacking = {}, []
        for plane in self.wanted:
            try:
                found[plane] = self._read(plane)
            except KubeError as error:
                lacking.append(error.sentence)
        every = sum(map(len, self.wanted.values()))
        have = [address for plane in found for address in self._have(plane, found[plane])]
        lacking += [why for plane in found for why in self._lacking(plane, found[plane])]
        facts = seen(clients=found)
        if len(have) < every:
            said = say("clients.lacking", have=len(have), all=every, what=lacking)
            gone = any(why.code == "clients.gone" for why in lacking)
            return Finding(Verdict.WAIT, said, say("clients.fix_gone" if gone else "clients.fix"), facts)
        return Finding(Verdict.PASS, say("clients.assigned", all=every, addresses=have), facts=facts)

    def _read(self, plane: str) -> dict[str, Json]:
        choice = choice_of(self.outside, self.outside_config, plane)
        runs_on = nodes_of_pods(Placement.objects.get(pk=self.placement))
        return read_clients(
            access.client(plane), plane, always(choice), runs_on,
            database=self.name, namespace=self.namespace,
        )  # fmt: skip

    def _have(self, plane: str, answer: Mapping[str, Json]) -> list[str]:
        there = [service["name"] for service in answer["services"]]
        return [name for name in self.wanted[plane] if name in there and name not in answer["why"]]

    def _lacking(self, plane: str, answer: Mapping[str, Json]) -> Iterator[Sentence]:
        there = [service["name"] for service in answer["services"]]
        for name in self.wanted[plane]:
            if name not in there:
                yield say("clients.gone", plane=plane, service=name)
            elif name in answer["why"]:
                yield Sentence.from_json(answer["why"][name])
