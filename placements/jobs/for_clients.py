"""What jobs that make client addresses have in common: the services, the wait for all addresses, the name in DNS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet import access
from kbconsole.jobs.definition import CONSOLE, Ended, Step, declare_phases
from kbconsole.k8s.kinds import SERVICE
from networking.kinds.base import ClientPart
from networking.kinds.base import kind_named as network_kind
from networking.planes import plane_facts
from placements.addresses import client_manifest, client_service, split_endpoint
from placements.addresses_kept import keep
from placements.checks.clients import ClientAddresses
from placements.jobs.base import DatabaseJob
from placements.jobs.client_changes import ApplyClient
from placements.jobs.names import PublishName, WithdrawName
from placements.models import ClientAccess, ClientAddress, Placement
from placements.names import DatabaseNames

ASSIGN_SECONDS = 600
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
        "clients.open": _(
            "%(name)s has no password and no TLS: whoever reaches these addresses reads and writes everything. Let "
            "only your clients' networks through the firewall."
        ),
        "clients.no_ports": _(
            "No port of %(first)s to %(last)s is free on all planes of %(name)s. Remove services there that nobody "
            "needs, or let the network profile leave the port to Kubernetes."
        ),
    }
)  # fmt: skip


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


def outside_of(placement: Placement) -> dict[str, Any]:
    """Return the fields of a job that say how clients reach a database of this profile."""
    profile = placement.profile
    return {"outside": profile.outside, "outside_config": dict(profile.outside_config)}
