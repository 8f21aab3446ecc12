"""Where clients outside reach each replica: one Service per pod, and what its plane made of it. Pure.

KubeBlocks' Cluster names no ports and no service beyond the definition's own, so these services are the console's:
named after the pod, in the plane that runs it alone, selected by the pod's name label.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kbconsole.common.sentences import Json
from kbconsole.k8s.kinds import Object
from networking.kinds.base import ClientPart
from networking.kinds.nodes import NodeChoice, NodeFact
from placements.engines.base import Engine

DATABASE = "kbconsole.io/database"
POD_NAME = "apps.kubeblocks.io/pod-name"
"""KubeBlocks' pods have this; its InstanceSet writes no `statefulset.kubernetes.io/pod-name`."""
LOCAL = "Local"
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII | re.IGNORECASE)


def client_labels(name: str) -> dict[str, str]:
    """Return what the console writes on a database's client services, and nobody else writes."""
    return {"app.kubernetes.io/managed-by": "kbconsole", DATABASE: name}


def client_service(pod: str) -> str:
    """Return the name: shorter than that of the headless service, so that a name that fits there fits here."""
    base, _dash, ordinal = pod.rpartition("-")
    return f"{base}-out-{ordinal}"


def pod_of(service: str) -> str:
    """Return the pod that a client service is for."""
    base, _dash, ordinal = service.rpartition("-")
    return f"{base.removesuffix('-out')}-{ordinal}"


def client_manifest(
    database: str, namespace: str, pod: str, engine: Engine, part: ClientPart, *, node_port: int = 0
) -> Object:
    """Return the Service that gives one pod its client address.

    `node_port` is fixed, so that a service that is made again keeps it; 0: Kubernetes chooses.
    """
    port: dict[str, Any] = {"name": "client", "port": engine.client_port, "targetPort": engine.client_port}
    port |= {"protocol": "TCP"} | ({"nodePort": node_port} if node_port else {})
    spec: dict[str, Any] = {
        "type": part.service_type,
        "selector": {
            "app.kubernetes.io/managed-by": "kubeblocks", "app.kubernetes.io/instance": database, POD_NAME: pod,
        },
        "ports": [port],
    }  # fmt: skip
    if part.traffic_policy:
        spec["externalTrafficPolicy"] = part.traffic_policy
    if part.load_balancer_class:
        spec["loadBalancerClass"] = part.load_balancer_class
    metadata: dict[str, Any] = {
        "name": client_service(pod), "namespace": namespace, "labels": client_labels(database),
    }  # fmt: skip
    if part.annotations:
        metadata["annotations"] = dict(part.annotations)
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def is_host(text: object) -> bool:
    """Return whether a plane's words are an IP address or a DNS name: they go into zone files and shell lines."""
    if not isinstance(text, str) or not text:
        return False
    if is_ip(text):
        return True
    labels = text.rstrip(".").split(".")
    return len(text) <= 253 and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()


def client_fact(service: Mapping[str, Any]) -> dict[str, Json]:
    """Return `{name, namespace, database, uid, type, policy, pod, port, node_port, ingress}` of a client service."""
    meta, spec = service["metadata"], service.get("spec") or {}
    ports = spec.get("ports") or [{}]
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    return {
        "name": meta["name"],
        "namespace": meta.get("namespace", ""),
        "database": (meta.get("labels") or {}).get(DATABASE, ""),
        "uid": meta.get("uid", ""),
        "type": spec.get("type", ""),
        "policy": spec.get("externalTrafficPolicy", ""),
        "pod": (spec.get("selector") or {}).get(POD_NAME, ""),
        "port": ports[0].get("port") or 0,
        "node_port": ports[0].get("nodePort") or 0,
        # As KubeBlocks reads it: an IP before a host name.
        "ingress": [host for entry in ingress if is_host(host := entry.get("ip") or entry.get("hostname"))],
    }


def node_fact(node: Mapping[str, Any]) -> dict[str, Json]:
    """Return `{name, ready, addresses: {type: [address]}}` of a Node."""
    status = node.get("status") or {}
    conditions = {c.get("type"): c.get("status") for c in status.get("conditions") or []}
    found: dict[str, Json] = {}
    for one in status.get("addresses") or []:
        if is_host(one.get("address")):
            found.setdefault(str(one.get("type")), []).append(one["address"])
    return {"name": node["metadata"]["name"], "ready": conditions.get("Ready") == "True", "addresses": found}


def hosts_of(
    service: Mapping[str, Json],
    plane: str,
    nodes: Sequence[NodeFact],
    choice: NodeChoice | None,
    *,
    runs_on: str = "",
) -> tuple[list[str], int]:
    """Return the hosts and the port at which clients reach one service; no hosts while there is no address yet.

    A load balancer's own address and port; else addresses of ready nodes and the node port. With the policy Local
    only the node `runs_on` answers.
    """
    if service["type"] == "LoadBalancer":
        return [str(host) for host in service["ingress"] if host], int(service["port"])
    if not service["node_port"] or choice is None:
        return [], 0
    return choice.hosts(plane, answering(service, nodes, runs_on)), int(service["node_port"])


def answering(service: Mapping[str, Json], nodes: Iterable[NodeFact], runs_on: str) -> list[NodeFact]:
    """Return the nodes whose port leads to the pod."""
    return [node for node in nodes if service["policy"] != LOCAL or node.name == runs_on]


def node_of(service: Mapping[str, Json], runs_on: Mapping[str, str]) -> str:
    """Return the node that a service's pod runs on, "" while nobody knows. `runs_on` has `namespace/pod` → node."""
    return runs_on.get(f"{service['namespace']}/{service['pod']}", "")


def read_node(stored: Mapping[str, Json]) -> NodeFact:
    return NodeFact(stored["name"], stored["ready"], stored["addresses"])


def host_port(host: str, port: int) -> str:
    """Return `host:port`, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split_endpoint(endpoint: str) -> tuple[str, int]:
    """Return host and port of what `host_port` made."""
    host, _colon, port = endpoint.rpartition(":")
    return host.strip("[]"), int(port)
