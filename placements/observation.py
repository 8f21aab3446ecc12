"""Reading a database's objects on one plane, as facts: pods with role and node, services with addresses. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from kbconsole.common.sentences import Json
from kbconsole.k8s.kinds import Object
from networking.kinds.base import spans_planes
from placements.addresses import is_host
from placements.engines.base import Engine

ROLE_LABEL = "kubeblocks.io/role"


def pod_fact(pod: Object) -> dict[str, Json]:
    """Return `{name, node, ip, host_ip, phase, ready, role, reason}` of a pod."""
    meta, status = pod["metadata"], pod.get("status") or {}
    conditions = {c["type"]: c for c in status.get("conditions") or []}
    return {
        "name": meta["name"],
        "node": (pod.get("spec") or {}).get("nodeName", ""),
        "ip": status.get("podIP", ""),
        "host_ip": status.get("hostIP", ""),
        "phase": status.get("phase", "Unknown"),
        "ready": conditions.get("Ready", {}).get("status") == "True",
        "role": (meta.get("labels") or {}).get(ROLE_LABEL, ""),
        "reason": _why_not_ready(status, conditions),
    }


def _why_not_ready(status: Mapping[str, Any], conditions: Mapping[str, Any]) -> str:
    """Return Kubernetes' own words for what holds a pod back; "" if it says nothing."""
    for container in status.get("containerStatuses") or []:
        waiting = (container.get("state") or {}).get("waiting")
        if waiting:
            return ": ".join(part for part in (waiting.get("reason"), waiting.get("message")) if part)[:300]
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return str(scheduled.get("message") or scheduled.get("reason") or "")[:300]
    return str(status.get("message") or status.get("reason") or "")[:300]


def service_fact(service: Object) -> dict[str, Json]:
    """Return `{name, type, cluster_ip, addresses, ports: [{name, port, node_port}]}` of a Service."""
    spec, status = service.get("spec") or {}, service.get("status") or {}
    ingress = (status.get("loadBalancer") or {}).get("ingress") or []
    return {
        "name": service["metadata"]["name"],
        "type": spec.get("type", "ClusterIP"),
        "cluster_ip": spec.get("clusterIP", ""),
        "global": spans_planes(service["metadata"].get("annotations") or {}),
        "addresses": [entry.get("ip") or entry.get("hostname") for entry in ingress],
        "ports": [
            {"name": port.get("name", ""), "port": port.get("port"), "node_port": port.get("nodePort")}
            for port in spec.get("ports") or []
        ],
    }


def merged(facts: Iterable[tuple[str, str, Json]]) -> dict[str, Json]:
    """Return `{plane: {pods, services, seen_at}}` of what a run's checks saw, the newest of each (ISO time)."""
    found: dict[str, Json] = {}
    for plane, _phase, fact in facts:
        saw = (
            {key: fact[key] for key in ("pods", "services") if key in fact}
            if isinstance(fact, Mapping)
            else {}
        )
        if saw:
            there = found.setdefault(plane, {})
            there |= {**saw, "seen_at": max(fact.get("seen_at", ""), there.get("seen_at", ""))}
    return found


def with_run(stored: Mapping[str, Json] | None, facts: Iterable[tuple[str, str, Json]]) -> dict[str, Json]:
    """Return what is kept of a database together with what a run has seen, unless a plane was seen later since."""
    seen: dict[str, Json] = dict(stored or {})
    for plane, fresh in merged(facts).items():
        there = seen.get(plane, {})
        if fresh["seen_at"] >= (there.get("seen_at") or ""):
            seen[plane] = {**there, **fresh}
    return seen


def leader_of(
    observed: Mapping[str, Json] | None, role: str, silent: Collection[str] = ()
) -> tuple[str, str] | None:
    """Return (pod, plane) of the replica that leads; of several that say so, that of the plane which answered last.

    A plane that is lost goes on saying what it said last, though another replica leads by now: `silent` ones do not
    count.
    """
    found = [
        (there.get("seen_at") or "", pod["name"], plane)
        for plane, there in (observed or {}).items() if plane not in silent
        for pod in there.get("pods", []) if pod.get("role") == role
    ]  # fmt: skip
    newest = max(found, key=lambda one: one[0], default=None)
    return (newest[1], newest[2]) if newest else None


def replica_rows(observed: Mapping[str, Json] | None, pods: Sequence[str], planes: Sequence[str],
                 peer_services: Sequence[str]) -> list[dict[str, Json]]:  # fmt: skip
    """Return a row per replica, planned beside actual: where it should run, and what was seen there."""
    seen = observed or {}
    rows = []
    for ordinal, pod in enumerate(pods):
        plane = planes[ordinal % len(planes)]
        there = seen.get(plane, {})
        fact = next((p for p in there.get("pods", []) if p["name"] == pod), None)
        service = next((s for s in there.get("services", []) if s["name"] == peer_services[ordinal]), None)
        rows.append({"ordinal": ordinal, "plane": plane, "name": pod, "pod": fact, "service": service})
    return rows


def client_endpoints(observed: Mapping[str, Json] | None, engine: Engine) -> list[dict[str, Json]]:
    """Return `{plane, service, address, port}` of each address that clients outside can use.

    Only services that were seen and that serve the engine's client port count; nothing is guessed from names.
    """
    found: list[dict[str, Json]] = []
    for plane, there in sorted((observed or {}).items()):
        for service in there.get("services", []):
            if any(port["port"] == engine.client_port for port in service["ports"]):
                found += [
                    {
                        "plane": plane,
                        "service": service["name"],
                        "address": address,
                        "port": engine.client_port,
                    }
                    for address in service["addresses"]
                    if is_host(address)
                ]
    return found
