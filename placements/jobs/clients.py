"""Giving every pod its client address, and taking it away: services of the console's own, one per pod."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.policy import Policy, Rule
from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet import access
from kbconsole.fleet.changes import Apply, RemoveMatching, named
from kbconsole.fleet.checks import Absent
from kbconsole.jobs.definition import (
    CONSOLE,
    Diff,
    Ended,
    Mark,
    Outcome,
    Step,
    actions,
    declare_phases,
    register,
)
from kbconsole.jobs.models import RunStatus
from kbconsole.k8s.kinds import SERVICE, Object, kind_of
from networking.kinds.base import ClientPart
from networking.kinds.base import kind_named as network_kind
from networking.planes import plane_facts
from placements.addresses import client_labels, client_manifest, client_service, split_endpoint
from placements.addresses_kept import keep
from placements.checks import PlaneFits
from placements.checks.clients import ClientAddresses
from placements.jobs.base import DatabaseJob, known_definition
from placements.jobs.changes import applied_by_console
from placements.jobs.names import PublishName, WithdrawName
from placements.models import ClientAccess, ClientAddress, Placement
from placements.names import DatabaseNames, names_of

ASSIGN_SECONDS, PROOF_SECONDS = 600, 300
declare_phases(
    {
        "clients": _("Services for clients"),
        "assigned": _("Client addresses"),
        "name": _("Name in DNS"),
        "unname": _("Name in DNS"),
        "unserve": _("Services for clients"),
        "none_left": _("None left"),
    }
)
declare(
    {
        "clients.taken": _(
            "%(plane)s has a Service %(name)s that the console did not make for this database, so it is not touched. "
            "Have it renamed or removed there by its owner, then make the plan again."
        ),
        "clients.remove": _("Remove the services that the console made for clients in %(namespace)s"),
        "clients.what_give": _("Give clients addresses of %(subject)s"),
        "clients.what_take": _("Take the client addresses of %(subject)s away"),
        "clients.open": _(
            "%(name)s has no password and no TLS: whoever reaches these addresses reads and writes everything. Let "
            "only your clients' networks through the firewall."
        ),
        "clients.cut_off": _(
            "Clients outside lose their connection to %(name)s, and the addresses go back to their planes: later ones "
            "are other ones."
        ),
        "clients.no_ports": _(
            "No port of %(first)s to %(last)s is free on all planes of %(name)s. Remove services there that nobody "
            "needs, or let the network profile leave the port to Kubernetes."
        ),
    }
)  # fmt: skip


@actions.register
@dataclass(frozen=True)
class ApplyClient(Apply):
    """Apply a client service, unless one of its name is there that the console did not make for this database."""

    slug: ClassVar[str] = "apply-client"

    def diff(self) -> Diff:
        self._refuse_others()
        return super().diff()

    def carry_out(self) -> Outcome:
        self._refuse_others()
        return super().carry_out()

    def _refuse_others(self) -> None:
        ref = self.ref
        there = access.client(self.plane).get(kind_of(self.object), ref["name"], ref["namespace"])
        wanted = self.object["metadata"]["labels"].items()
        if there is not None and not (
            applied_by_console(there) and wanted <= (there["metadata"].get("labels") or {}).items()
        ):
            raise ConsoleError("clients.taken", plane=self.plane, name=named(ref)["name"])


@actions.register
@dataclass(frozen=True)
class RemoveClients(RemoveMatching):
    """Delete what the console applied with these labels, each by its UID. What only carries the labels stays."""

    slug: ClassVar[str] = "remove-clients"

    def label(self) -> Sentence:
        return say("clients.remove", namespace=self.namespace)

    def _found(self) -> list[Object]:
        return [item for item in super()._found() if applied_by_console(item)]


def removal(plane: str, namespace: str, name: str) -> RemoveClients:
    return RemoveClients(plane, SERVICE.api_version, SERVICE.kind, namespace, client_labels(name))


def none_left(plane: str, namespace: str, name: str) -> Absent:
    return Absent(plane, SERVICE.api_version, SERVICE.kind, namespace, labels=client_labels(name))


@dataclass(frozen=True, kw_only=True)
class ForClients(DatabaseJob):
    """The part of a job that makes client addresses: none of it, while `outside` is ""."""

    outside: str = ""
    """The north-south kind, and below its settings, as the profile had them when this was asked for."""
    outside_config: dict[str, Json] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    """By service the node port that it gets, chosen when the plan was made; none: Kubernetes chooses."""
    zone: str = ""
    """The DNS zone in which a name is to follow the leader; "" for none."""
    leaves: str = ""
    """The zone that a name is taken out of, since it is not wanted any more; "" for none."""

    def lanes(self) -> list[str]:
        return [*super().lanes(), *([CONSOLE] if self.zone or self.leaves else [])]

    def part(self, plane: str) -> ClientPart | None:
        kind = network_kind(self.outside) if self.outside else None
        return kind.client_service(self.outside_config, plane) if kind else None

    def publishes(self) -> bool:
        """Return whether clients reach the database from the internet."""
        return bool(self.outside) and network_kind(self.outside).public(self.outside_config)

    def with_ports(self, names: DatabaseNames) -> Self:
        """Return the job with a port for each service whose kind fixes it. Reads planes. Raises ConsoleError."""
        bands = {part.node_ports for plane in self.planes if (part := self.part(plane)) and part.node_ports}
        if not bands:
            return replace(self, ports={})
        first, last = min(band[0] for band in bands), max(band[1] for band in bands)
        ports = _kept_ports(self.placement)
        taken = {port for plane in self.planes for port in _taken(plane)} | set(ports.values())
        free = (port for port in range(first, last + 1) if port not in taken)
        for pod in names.pods:
            service = client_service(pod)
            if service not in ports:
                # No two replicas share one: where planes are meshed, a port is answered by the near plane alone.
                ports[service] = next(free, 0)
        if not all(ports.values()):
            raise ConsoleError("clients.no_ports", first=first, last=last, name=self.name)
        return replace(self, ports=ports)

    def client_looks(self, names: DatabaseNames) -> Iterator[Step]:
        """Yield what the kind looks at on each plane before anything is written: whether there are addresses left."""
        for number, plane in enumerate(self.planes if self.outside else []):
            pods = names.pods[number :: len(self.planes)]
            services = [f"{self.namespace}/{client_service(pod)}" for pod in pods]
            for check in network_kind(self.outside).client_checks(self.outside_config, plane, services):
                yield Step(on=plane, phase="preflight", check=check, deadline=0)

    def client_steps(self, names: DatabaseNames) -> Iterator[Step]:
        """Yield a service per pod in the plane that runs it, the wait for all addresses, and the name."""
        wanted: dict[str, list[str]] = {}
        for ordinal, pod in enumerate(names.pods):
            plane = self.planes[ordinal % len(self.planes)]
            part = self.part(plane)
            if part is None:
                continue
            service = client_service(pod)
            manifest = client_manifest(
                self.name, self.namespace, pod, self.engine_(), part, node_port=self.ports.get(service, 0)
            )
            wanted.setdefault(plane, []).append(service)
            yield Step(on=plane, phase="clients", change=ApplyClient(plane, manifest))
        if not wanted:
            return
        there = ClientAddresses(
            self.placement, self.name, self.namespace, self.outside, self.outside_config, wanted
        )
        yield Step(on=CONSOLE, phase="assigned", check=there, gate=True, deadline=ASSIGN_SECONDS)
        mine = (self.placement, self.name, self.namespace)
        if self.leaves:
            yield Step(on=CONSOLE, phase="unname", change=WithdrawName(*mine, self.leaves))
        if self.zone:
            yield Step(on=CONSOLE, phase="name", change=PublishName(*mine, self.zone))

    def client_cautions(self) -> list[Sentence]:
        if not self.outside:
            return []
        kind = network_kind(self.outside)
        found = kind.client_cautions(self.outside_config, plane_facts(self.planes))
        return [*found, say("clients.open", name=self.name)]

    def note_access(self) -> None:
        """Remember that there may be client services, before the first is made: retiring has to look for them."""
        if self.outside:
            made = {"outside": self.outside, "outside_config": self.outside_config, "zone": self.zone}
            ClientAccess.objects.update_or_create(placement_id=self.placement, defaults=made)

    def note_addresses(self, ended: Ended) -> None:
        """Keep what the run's last look saw of the client services."""
        row = ClientAccess.objects.filter(placement=self.placement).first()
        for _lane, phase, fact in ended.facts:
            if row is not None and phase == "assigned" and isinstance(fact, Mapping):
                at = parse_datetime(fact.get("seen_at") or "") or timezone.now()
                for plane, answer in fact.get("clients", {}).items():
                    keep(row.pk, plane, answer, at)


def _kept_ports(placement: int) -> dict[str, int]:
    """Return the ports that services of the database have: one that is made again keeps its port."""
    rows = ClientAddress.objects.filter(placement=placement, node_port=True)
    return {row.service: split_endpoint(one)[1] for row in rows for one in (row.endpoints or row.told)[:1]}


def _taken(plane: str) -> Iterator[int]:
    """Yield every node port of a plane. Raises KubeError."""
    for service in access.client(plane).list(SERVICE):
        spec = service.get("spec") or {}
        yield from (port["nodePort"] for port in spec.get("ports") or [] if port.get("nodePort"))
        if spec.get("healthCheckNodePort"):
            yield spec["healthCheckNodePort"]


def forget_clients(placement: int) -> None:
    """Drop the rows: it was proven that no plane has anything of them."""
    ClientAddress.objects.filter(placement=placement).delete()
    ClientAccess.objects.filter(placement=placement).delete()


def name_lane(placement: int) -> list[str]:
    """Return the lane in which the name in DNS is removed; empty for a database without one."""
    return [CONSOLE] if ClientAccess.objects.filter(placement=placement).exclude(zone="").exists() else []


def name_steps(placement: Placement) -> Iterator[Step]:
    """Yield the removal of the name in DNS, if the database has one."""
    access_row = ClientAccess.objects.filter(placement=placement).exclude(zone="").first()
    if access_row is not None:
        change = WithdrawName(placement.pk, placement.name, placement.namespace, access_row.zone)
        yield Step(on=CONSOLE, phase="unname", change=change)


def clean_steps(plane: str, namespace: str, name: str, *, repeats: str = "") -> Iterator[Step]:
    """Yield the removal of a database's client services on a plane, and the proof that none is left."""
    yield Step(on=plane, phase="unserve", change=removal(plane, namespace, name), repeats=repeats)
    yield Step(
        on=plane, phase="none_left", check=none_left(plane, namespace, name), deadline=PROOF_SECONDS,
        repeats="unserve",
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
    }  # fmt: skip

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
        return say("clients.what_give", subject=self.subject().label)

    def marks(self) -> list[Mark]:
        return [Mark(say("placements.public"))] if self.publishes() else []

    def cautions(self) -> list[Sentence]:
        return self.client_cautions()

    def on_start(self, run_id: int) -> None:
        self.note_access()

    def on_end(self, ended: Ended) -> None:
        self.note_addresses(ended)


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
        yield from name_steps(self.row())
        for plane in self.planes:
            yield from clean_steps(plane, self.namespace, self.name)

    def facts(self) -> dict[str, Json]:
        return {"planes": self.uids(), "cluster": self.row().cluster_uid}

    def what(self) -> Sentence:
        return say("clients.what_take", subject=self.subject().label)

    def cautions(self) -> list[Sentence]:
        return [say("clients.cut_off", name=self.name)]

    def on_end(self, ended: Ended) -> None:
        if ended.status == RunStatus.SUCCEEDED:
            forget_clients(self.placement)


def outside_of(placement: Placement) -> dict[str, Any]:
    """Return the fields of a job that say how clients reach a database of this profile."""
    profile = placement.profile
    return {"outside": profile.outside, "outside_config": dict(profile.outside_config)}
