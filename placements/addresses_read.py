"""Asking one plane for the client services of databases, and why one of them has no address."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.kinds import EVENT, NODE, SERVICE, selector_of
from networking.kinds.nodes import NodeChoice, NodeFact
from placements.addresses import (
    DATABASE,
    answering,
    client_fact,
    client_labels,
    hosts_of,
    node_fact,
    node_of,
    read_node,
)

declare(
    {
        "clients.not_yet": _("%(plane)s: no address for %(service)s yet"),
        "clients.because": _("%(plane)s: %(reason)s"),
        "clients.gone": _("%(plane)s: the service %(service)s is not there"),
    }
)
MOST = 300
"""How much of a plane's own words is kept."""


Choice = Callable[[Mapping[str, Any]], NodeChoice | None]
"""Which nodes' addresses count for a service."""


def always(choice: NodeChoice | None) -> Choice:
    """Return the same for every service: those of one database."""
    return lambda _service: choice


def read_clients(
    client: PlaneClient,
    plane: str,
    choice: Choice,
    runs_on: Mapping[str, str],
    *,
    database: str = "",
    namespace: str = "",
) -> dict[str, Json]:
    """Return `{services, nodes, why}` of one database on a plane, or of all databases. Raises KubeError.

    `runs_on` has `namespace/pod` → node. Nodes are read only where a
    service is reached by them; `why` has, for each service without an address, the stored sentence that says why.
    """
    labels = selector_of(client_labels(database)) if database else DATABASE
    services = [client_fact(item) for item in client.list(SERVICE, namespace, labels=labels)]
    by_nodes = any(service["type"] == "NodePort" for service in services)
    stored = [node_fact(item) for item in client.list(NODE)] if by_nodes else []
    nodes, why = [read_node(node) for node in stored], {}
    for service in services:
        chosen, node = choice(service), node_of(service, runs_on)
        if not hosts_of(service, plane, nodes, chosen, runs_on=node)[0]:
            why[service["name"]] = why_none(client, plane, service, nodes, chosen, node).to_json()
    return {"services": services, "nodes": stored, "why": why}


def why_none(
    client: PlaneClient,
    plane: str,
    service: Mapping[str, Any],
    nodes: Sequence[NodeFact],
    choice: NodeChoice | None,
    runs_on: str,
) -> Sentence:
    """Return why a service has no address, in the plane's own words where it has some. Raises KubeError."""
    if service["type"] == "NodePort" and choice is not None and service["node_port"]:
        problem = choice.problem(plane, answering(service, nodes, runs_on))
        if problem is not None:
            return problem
    reason = _last_warning(client, service)
    if reason:
        return say("clients.because", plane=plane, reason=reason)
    return say("clients.not_yet", plane=plane, service=service["name"])


def _last_warning(client: PlaneClient, service: Mapping[str, Any]) -> str:
    """Return what the newest warning about the service says; "" for none."""
    fields = f"involvedObject.kind=Service,involvedObject.name={service['name']},type=Warning"
    events = client.list(EVENT, str(service["namespace"]), fields=fields)
    ours = [one for one in events if (one.get("involvedObject") or {}).get("uid", "") in ("", service["uid"])]
    newest = max(ours, key=_moment, default=None)
    return str((newest or {}).get("message") or "").strip()[:MOST]


def _moment(event: Mapping[str, Any]) -> str:
    """Return when an event was seen last: older and newer controllers write different fields."""
    meta = event.get("metadata") or {}
    return str(event.get("lastTimestamp") or event.get("eventTime") or meta.get("creationTimestamp") or "")
