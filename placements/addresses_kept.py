"""The addresses of databases as rows: what planes answered, what the owner was told, what a client is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from kbconsole.common.sentences import Json, say
from networking.kinds.base import kind_named
from networking.kinds.nodes import NodeChoice
from placements.addresses import host_port, hosts_of, pod_of, read_node, split_endpoint
from placements.addresses_dns import configured_zone
from placements.connection import Bundle
from placements.engines.base import Endpoint
from placements.models import ClientAccess, ClientAddress, Placement
from placements.observation import client_endpoints


def choice_of(outside: str, config: Mapping[str, Json], plane: str) -> NodeChoice | None:
    """Return which addresses of nodes the kind gives to clients; None where it gives none."""
    part = kind_named(outside).client_service(config, plane) if outside else None
    return part.nodes if part else None


def nodes_of_pods(placement: Placement) -> dict[str, str]:
    """Return pod → node, as the planes answered last."""
    seen: Mapping[str, Any] = placement.observed or {}
    return {pod["name"]: pod.get("node", "") for there in seen.values() for pod in there.get("pods", [])}


@transaction.atomic
def keep(access_id: int, plane: str, answer: Mapping[str, Json], at: datetime) -> bool:
    """Keep what a plane answered about one database's client services. Returns whether an address changed.

    `answer` is that of `read_clients`.
    """
    access = (
        ClientAccess.objects.select_for_update(of=("self",)).select_related("placement").get(pk=access_id)
    )
    placement, changed = access.placement, False
    rows = {row.service: row for row in placement.addresses.filter(plane=plane)}
    choice, runs_on = choice_of(access.outside, access.outside_config, plane), nodes_of_pods(placement)
    nodes = [read_node(node) for node in answer["nodes"]]
    for service in _of(placement, answer["services"]):
        hosts, port = hosts_of(service, plane, nodes, choice, runs_on=runs_on.get(service["pod"], ""))
        row = rows.pop(service["name"], None) or ClientAddress(
            placement=placement, plane=plane, service=service["name"],
            ordinal=int(service["pod"].rpartition("-")[2]),
        )  # fmt: skip
        row.uid, row.node_port = service["uid"], service["type"] == "NodePort"
        changed |= _note(
            row, [host_port(host, port) for host in hosts], at, answer["why"].get(service["name"])
        )
    for row in rows.values():
        gone = say("clients.gone", plane=plane, service=row.service)
        changed |= _note(row, [], at, gone.to_json())
    return changed


def _of(placement: Placement, services: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the placement's own of the services that a plane listed."""
    mine = (placement.namespace, placement.name)
    return [one for one in services if (one["namespace"], one["database"]) == mine and one["pod"]]


def _note(row: ClientAddress, endpoints: list[str], at: datetime, problem: Json) -> bool:
    """Write what was seen of one address. What is seen first is what the owner is told."""
    before = list(row.endpoints)
    row.endpoints, row.read_at = endpoints, at
    row.problem = None if endpoints else problem
    row.told = row.told or endpoints
    if endpoints == row.told:
        row.changed_at = None
    elif endpoints != before or row.changed_at is None:
        row.changed_at = at
    row.save()
    return endpoints != before


def bundle_of(placement: Placement, rows: Iterable[ClientAddress], zone: str) -> Bundle:
    """Return what clients need, from the rows and the roles that were seen last."""
    engine, seen = placement.kind_of_engine, placement.observed or {}
    pods = {pod["name"]: pod for there in seen.values() for pod in there.get("pods", [])}
    endpoints, hosts, missing = [], {}, []
    for row in rows:
        pod = pod_of(row.service)
        if not row.endpoints:
            missing.append(pod)
            continue
        host, port = split_endpoint(row.endpoints[0])
        hosts[row.ordinal] = tuple(split_endpoint(one)[0] for one in row.endpoints)
        leads = pods.get(pod, {}).get("role") == engine.leader_role and pods[pod].get("ready")
        endpoints.append(
            Endpoint(row.ordinal, row.plane, pod, row.service, host, port, bool(leads), row.node_port)
        )
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
) -> Bundle:
    """Return what clients need now: of the console's own services or, where there are none, of the definition's.

    What the caller has read already is not read again.
    """
    if rows is None:
        access = ClientAccess.objects.filter(placement=placement).first()
        rows = list(placement.addresses.all()) if access else []
    zone = (access.zone if access else "") or configured_zone()
    if rows:
        return bundle_of(placement, rows, zone)
    seen = placement.observed if observed is None else observed
    return bundle_of_services(placement, client_endpoints(seen, placement.kind_of_engine), zone)
