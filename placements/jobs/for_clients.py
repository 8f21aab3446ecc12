"""What jobs that make client addresses have in common: the services, the wait for all addresses, the name in DNS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet import access
from kbconsole.jobs.definition import CONSOLE, Ended, Step, declare_phases
from kbconsole.jobs.models import ACTIVE, Plan, PlanStatus, RunStatus
from kbconsole.k8s.kinds import SERVICE
from networking.kinds.base import ClientPart
from networking.kinds.base import kind_named as network_kind
from networking.models import Profile, ProfileVersion
from networking.planes import plane_facts
from placements.addresses import client_manifest, client_service, split_endpoint
from placements.addresses_kept import keep, note_made_by
from placements.checks.clients import ClientAddresses
from placements.jobs.base import DatabaseJob
from placements.jobs.client_changes import ApplyClient
from placements.jobs.names import PublishName, WithdrawName, name_stands
from placements.models import SUBJECT, ClientAccess, ClientAddress, Placement
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
    """The north-south kind, and below its settings, as a version of the profile has them."""
    outside_config: dict[str, Json] = field(default_factory=dict)
    outside_version: int = 0
    """The number of that version; 0 where nobody kept it."""
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
        taken = {plane: _taken(plane) for plane in self.planes}
        ports = _kept_ports(self.placement, self.namespace, taken)
        used = {port for there in taken.values() for port in there} | set(ports.values())
        used |= _promised(self.placement, self.planes)
        free = (port for port in range(first, last + 1) if port not in used)
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
        for ordinal, pod in enumerate(names.pods):
            plane = self.planes[ordinal % len(self.planes)]
            part = self.part(plane)
            if part is None:
                continue
            port = self.ports.get(client_service(pod), 0)
            manifest = client_manifest(self.name, self.namespace, pod, self.engine_(), part, node_port=port)
            yield Step(on=plane, phase="clients", change=ApplyClient(plane, manifest))
        there = addresses_check(self, names, self.outside, self.outside_config)
        if there is None:
            return
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
        """Remember that there may be client services and a name, before the first is made.

        Services that are there count as before until all of them are made anew; a zone until the name is out of it.
        """
        if not self.outside:
            return
        _row, fresh = ClientAccess.objects.get_or_create(placement_id=self.placement)
        if fresh or not ClientAddress.objects.filter(placement=self.placement).exists():
            note_made_by(self.placement, self.params())
        if self.zone:
            ClientAccess.objects.filter(placement=self.placement).update(zone=self.zone)

    def note_made(self, ended: Ended) -> None:
        """Keep by what the services are made, once all of them are, and what the run's last look saw of them."""
        made = sum(phase == "clients" and bool(outcome) for _lane, phase, outcome in ended.outcomes)
        planes = [self.planes[number % len(self.planes)] for number in range(self.replicas)]
        if self.outside and made == sum(self.part(plane) is not None for plane in planes):
            note_made_by(self.placement, self.params())
        note_addresses(self.placement, ended)

    def on_undo_end(self, ended: Ended) -> None:
        forget_removed(self.placement, ended)


def note_addresses(placement: int, ended: Ended) -> None:
    """Keep what the run's last look saw of the client services."""
    row = ClientAccess.objects.filter(placement=placement).first()
    for _lane, phase, fact in ended.facts:
        if row is not None and phase == "assigned" and isinstance(fact, Mapping):
            at = parse_datetime(fact.get("seen_at") or "") or timezone.now()
            for plane, answer in fact.get("clients", {}).items():
                keep(row.pk, plane, answer, at)


def addresses_check(
    job: DatabaseJob, names: DatabaseNames, outside: str, config: Mapping[str, Json]
) -> ClientAddresses | None:
    """Return the look at all client addresses of a database; None where its kind makes none."""
    wanted: dict[str, list[str]] = {}
    for ordinal, pod in enumerate(names.pods if outside else ()):
        plane = job.planes[ordinal % len(job.planes)]
        if network_kind(outside).client_service(config, plane) is not None:
            wanted.setdefault(plane, []).append(client_service(pod))
    if not wanted:
        return None
    return ClientAddresses(job.placement, job.name, job.namespace, outside, dict(config), wanted)


def _kept_ports(placement: int, namespace: str, taken: Mapping[str, Mapping[int, str]]) -> dict[str, int]:
    """Return the ports that services of the database have: one that is made again keeps its port.

    Unless another replica has the same one, or somebody else took it on the plane meanwhile.
    """
    kept: dict[str, int] = {}
    for row in ClientAddress.objects.filter(placement=placement, node_port=True).order_by("ordinal"):
        mine = f"{namespace}/{row.service}"
        for one in (row.endpoints or row.told)[:1]:
            port = split_endpoint(one)[1]
            if port not in kept.values() and taken.get(row.plane, {}).get(port, mine) == mine:
                kept[row.service] = port
    return kept


def _taken(plane: str) -> dict[int, str]:
    """Return every node port of a plane with the service that has it, as `namespace/name`. Raises KubeError."""
    found: dict[int, str] = {}
    for service in access.client(plane).list(SERVICE):
        meta, spec = service["metadata"], service.get("spec") or {}
        ports = [port.get("nodePort") for port in spec.get("ports") or []]
        for port in (*ports, spec.get("healthCheckNodePort")):
            if port:
                found[port] = f"{meta.get('namespace', '')}/{meta['name']}"
    return found


def _promised(placement: int, planes: Iterable[str]) -> set[int]:
    """Return the ports that plans of other databases chose on these planes, and that no service may have yet."""
    lasting = Q(valid_until__isnull=True) | Q(valid_until__gt=timezone.now())
    waits = lasting & Q(status__in=(PlanStatus.MAKING, PlanStatus.READY))
    plans = Plan.objects.filter(waits | Q(runs__status__in=ACTIVE), subject_kind=SUBJECT)
    found: set[int] = set()
    for params in plans.exclude(subject_id=str(placement)).values_list("params", flat=True):
        if set(params.get("planes") or ()) & set(planes):
            found |= set((params.get("ports") or {}).values())
    return found


def forget_clients(placement: int) -> None:
    """Drop the rows: it was proven that no plane has anything of them."""
    ClientAddress.objects.filter(placement=placement).delete()
    ClientAccess.objects.filter(placement=placement).delete()


def forget_removed(placement: int, ended: Ended) -> None:
    """Drop the rows of services that an undo took away; nothing is kept of clients once none, and no name, is left."""
    removed = [one["uid"] for _lane, _phase, outcome in ended.outcomes for one in outcome or () if one["uid"]]
    ClientAddress.objects.filter(placement=placement, uid__in=removed).delete()
    named = name_stands(ClientAccess.objects.filter(placement=placement).first())
    left = named or ClientAddress.objects.filter(placement=placement).exists()
    if ended.status == RunStatus.SUCCEEDED and not left:
        forget_clients(placement)


def name_lane(placement: int) -> list[str]:
    """Return the lane in which the name in DNS is removed; empty for a database without one."""
    return [CONSOLE] if ClientAccess.objects.filter(placement=placement).exclude(zone="").exists() else []


def name_steps(placement: Placement, *, gate: bool = False) -> Iterator[Step]:
    """Yield the removal of the name in DNS, if the database has one."""
    access_row = ClientAccess.objects.filter(placement=placement).exclude(zone="").first()
    if access_row is not None:
        change = WithdrawName(placement.pk, placement.name, placement.namespace, access_row.zone)
        yield Step(on=CONSOLE, phase="unname", change=change, gate=gate)


def access_of(placement: Placement) -> ClientAccess | None:
    """Return how clients reach the database, with the version that said so. One query."""
    return ClientAccess.objects.filter(placement=placement).select_related("profile_version").first()


def clients_by(placement: Placement, made: ClientAccess | None) -> Profile | ProfileVersion:
    """Return what counts for a database's clients: the version that their services were made by, else its own."""
    return (made.profile_version if made else None) or placement.made_by


def given_by(placement: Placement, *, newest: bool) -> dict[str, Any]:
    """Return the fields of a job that gives addresses: by what counts until now, or by the profile as it is now."""
    now = clients_by(placement, access_of(placement))
    said = placement.profile if newest else now
    return {**outside_of(said), "instead_of": 0 if said.version == now.version else now.version}


def outside_of(said: Profile | ProfileVersion) -> dict[str, Any]:
    """Return the fields of a job that say how clients reach a database, as this version of a profile has them."""
    return {
        "outside": said.outside, "outside_config": dict(said.outside_config), "outside_version": said.version,
    }  # fmt: skip
