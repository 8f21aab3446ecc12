"""The addresses of databases as rows: what planes answered, what the owner was told, what a client is given."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from kbconsole.common.sentences import Json, say
from kbconsole.jobs import lanes
from networking.kinds.base import kind_named
from networking.kinds.nodes import NodeChoice
from networking.models import ProfileVersion
from placements.addresses import (
    client_service,
    host_port,
    hosts_of,
    node_of,
    pod_of,
    read_node,
    split_endpoint,
)
from placements.addresses_dns import configured_zone
from placements.connection import Bundle
from placements.engines.base import Endpoint
from placements.models import ClientAccess, ClientAddress, Placement
from placements.observation import client_endpoints, leader_of

SAME_FOR = timedelta(minutes=2)
"""What is as before is written again only after this time: an idle fleet costs reading, not writing."""


def choice_of(outside: str, config: Mapping[str, Json], plane: str) -> NodeChoice | None:
    """Return which addresses of nodes the kind gives to clients; None where it gives none."""
    part = kind_named(outside).client_service(config, plane) if outside else None
    return part.nodes if part else None


def nodes_of_pods(placement: Placement) -> dict[str, str]:
    """Return `namespace/pod` → node, as the planes answered last."""
    seen: Mapping[str, Any] = placement.observed or {}
    return {
        f"{placement.namespace}/{pod['name']}": pod.get("node", "")
        for there in seen.values()
        for pod in there.get("pods", [])
    }


@dataclass(frozen=True)
class Sight:
    """One address as a plane told it just now. `problem` is the stored sentence that says why there is none."""

    service: str
    ordinal: int
    uid: str
    node_port: bool
    endpoints: list[str]
    problem: Json


def sights_of(access: ClientAccess, plane: str, answer: Mapping[str, Json]) -> list[Sight]:
    """Return what a plane's answer says about one database's client services. `answer` is that of `read_clients`."""
    placement, found = access.placement, []
    choice = choice_of(access.outside, access.outside_config, plane)
    runs_on, nodes = nodes_of_pods(placement), [read_node(node) for node in answer["nodes"]]
    for service in answer["services"]:
        ordinal = _ordinal(placement, plane, service)
        if ordinal is None:
            continue
        hosts, port = hosts_of(service, plane, nodes, choice, runs_on=node_of(service, runs_on))
        endpoints = [host_port(host, port) for host in hosts]
        problem = None if endpoints else answer["why"].get(service["name"])
        by_nodes = service["type"] == "NodePort"
        found.append(Sight(service["name"], ordinal, service["uid"], by_nodes, endpoints, problem))
    return found


def _ordinal(placement: Placement, plane: str, service: Mapping[str, Any]) -> int | None:
    """Return the replica that a service is for; None for one that is not the console's for this database there."""
    number = str(service["pod"]).rpartition("-")[2]
    ours = (service["namespace"], service["database"]) == (placement.namespace, placement.name)
    if not ours or not number.isdecimal() or service["name"] != client_service(service["pod"]):
        return None
    planes = placement.planes
    return int(number) if planes[int(number) % len(planes)] == plane else None


def is_news(rows: Iterable[ClientAddress], sights: Iterable[Sight], at: datetime) -> bool:
    """Return whether the rows of a plane have to be written: something differs, or is old. Asks nothing."""
    known, seen = {row.service: row for row in rows}, {sight.service: sight for sight in sights}
    if any(row.endpoints for service, row in known.items() if service not in seen):
        return True
    return any(_differs(known.get(service), sight, at) for service, sight in seen.items())


def _differs(row: ClientAddress | None, sight: Sight, at: datetime) -> bool:
    if row is None or at - row.read_at >= SAME_FOR:
        return True
    there = (row.uid, row.node_port, row.endpoints, row.problem)
    return there != (sight.uid, sight.node_port, sight.endpoints, sight.problem)


@transaction.atomic
def keep(access_id: int, plane: str, answer: Mapping[str, Json], at: datetime) -> None:
    """Keep what a plane answered about one database's client services; nothing, if it has none any more."""
    locked = ClientAccess.objects.select_for_update(of=("self",)).select_related("placement")
    access = locked.filter(pk=access_id).first()
    if access is None:
        return
    placement = access.placement
    rows = {row.service: row for row in placement.addresses.filter(plane=plane)}
    for sight in sights_of(access, plane, answer):
        row = rows.pop(sight.service, None) or ClientAddress(
            placement=placement, plane=plane, service=sight.service, ordinal=sight.ordinal, read_at=at
        )
        if row.read_at <= at:  # a run tells at its end what it saw; somebody may have looked later
            row.uid, row.node_port = sight.uid, sight.node_port
            _note(row, sight.endpoints, at, sight.problem)
    for row in (row for row in rows.values() if row.read_at <= at):
        _note(row, [], at, say("clients.gone", plane=plane, service=row.service).to_json())


def _note(row: ClientAddress, endpoints: list[str], at: datetime, problem: Json) -> None:
    """Write what was seen of one address. What is seen first is what the owner is told."""
    before = list(row.endpoints)
    row.endpoints, row.read_at, row.problem = endpoints, at, problem
    row.told = row.told or endpoints
    if endpoints == row.told:
        row.changed_at = None
    elif endpoints != before or row.changed_at is None:
        row.changed_at = at
    row.save()


def note_made_by(placement: int, said: Mapping[str, Json]) -> None:
    """Keep by what all client services of a database are made now. `said`: parameters of the job that made them."""
    versions = ProfileVersion.objects.filter(profile=said["profile"], version=said.get("outside_version", 0))
    made = {"outside": said["outside"], "outside_config": said["outside_config"]}
    ClientAccess.objects.filter(placement=placement).update(**made, profile_version=versions.first())


def bundle_of(
    placement: Placement, rows: Iterable[ClientAddress], zone: str, silent: Collection[str]
) -> Bundle:
    """Return what clients need, from the rows and the roles that were seen last on planes that are not `silent`."""
    engine, seen = placement.kind_of_engine, placement.observed or {}
    ready = {pod["name"] for there in seen.values() for pod in there.get("pods", []) if pod.get("ready")}
    leader = leader_of(seen, engine.leader_role, silent)
    endpoints, hosts, missing = [], {}, []
    for row in rows:
        pod = pod_of(row.service)
        if not row.endpoints:
            missing.append(pod)
            continue
        host, port = split_endpoint(row.endpoints[0])
        hosts[row.ordinal] = tuple(split_endpoint(one)[0] for one in row.endpoints)
        leads = leader == (pod, row.plane) and pod in ready
        endpoints.append(Endpoint(row.ordinal, row.plane, pod, row.service, host, port, leads, row.node_port))
    return Bundle(
        placement.name, placement.namespace, engine, tuple(endpoints), tuple(missing), zone,
        settings.KBCONSOLE_DNS_TTL, hosts,
    )  # fmt: skip


def bundle_of_services(placement: Placement, found: Iterable[Mapping[str, Any]], zone: str) -> Bundle:
    """Return the same from services of the engine's own definition, as `observation.client_endpoints` found them."""
    endpoints = [
        Endpoint(ordinal, one["plane"], "", one["service"], one["address"], one["port"])
        for ordinal, one in enumerate(found)
    ]
    return Bundle(
        placement.name, placement.namespace, placement.kind_of_engine, tuple(endpoints), (), zone,
        settings.KBCONSOLE_DNS_TTL,
    )  # fmt: skip


def connection_of(
    placement: Placement,
    *,
    access: ClientAccess | None = None,
    rows: Sequence[ClientAddress] | None = None,
    observed: Mapping[str, Json] | None = None,
    silent: Collection[str] | None = None,
) -> Bundle:
    """Return what clients need now: of the console's own services or, where there are none, of the definition's.

    What the caller has read already, as which planes are `silent`, is not read again.
    """
    if rows is None:
        access = ClientAccess.objects.filter(placement=placement).select_related("profile_version").first()
        rows = list(placement.addresses.all()) if access else []
    zone = (access.zone if access else "") or configured_zone()
    said = (access.profile_version if access else None) or placement.made_by
    networks = tuple(said.client_networks)
    if rows:
        away = lanes.silent() if silent is None else silent
        return replace(bundle_of(placement, rows, zone, away), client_networks=networks)
    found = client_endpoints(placement.observed if observed is None else observed, placement.kind_of_engine)
    return replace(bundle_of_services(placement, found, zone), client_networks=networks)
