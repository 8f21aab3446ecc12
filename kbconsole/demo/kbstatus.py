"""Status of a Cluster, roles of its pods, and the addresses that peers are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kbconsole.demo.authz import Question, allows
from kbconsole.demo.kbobjects import POD_ROLE, ROLE, Component, PlannedService, ordinal_of
from kbconsole.demo.looking import View
from kbconsole.demo.ownership import now
from kbconsole.k8s.kinds import CLUSTER_ROLE, POD, ROLE_BINDING, SERVICE, kind_of

if TYPE_CHECKING:
    from kbconsole.demo.kbcluster import ClusterPass

Object = dict[str, Any]
# The etcd chart 0.9.5: its scripts look for endpoints under names that do not exist.
BROKEN_CHART = "etcd-0.9.5"


def is_ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def condition(kind: str, status: bool, reason: str, message: str = "") -> Object:
    return {"type": kind, "status": str(status), "reason": reason, "message": message}


def write(one: ClusterPass, status: Object) -> None:
    """Write the status where something differs; times of unchanged conditions stay."""
    old = one.cluster.get("status") or {}
    before = {c["type"]: c for c in old.get("conditions") or []}
    for entry in status.get("conditions") or []:
        known = before.get(entry["type"], {})
        entry["lastTransitionTime"] = (
            known.get("lastTransitionTime") if known.get("status") == entry["status"] else now()
        )
    if any(old.get(key) != value for key, value in status.items()):
        one.patch_cluster({"status": status}, "status")


def no_definition(one: ClusterPass) -> None:
    text = "no matched component definition found"
    write(one, {"conditions": [condition("ProvisioningStarted", False, "PreCheckFailed", text)]})


def _begun() -> list[Object]:
    return [
        condition(
            "ProvisioningStarted", True, "PreCheckSucceed", "The operator has started the provisioning"
        ),
        condition("ApplyResources", True, "ApplyResourcesSucceed", "Successfully applied for resources"),
    ]


def started(one: ClusterPass) -> None:
    """Say Creating once, before any plane is looked at; and Updating when the Cluster has changed."""
    status = one.cluster.get("status") or {}
    generation = one.cluster["metadata"]["generation"]
    if not status.get("phase"):
        write(one, {"phase": "Creating", "observedGeneration": generation, "conditions": _begun()})
    elif status.get("observedGeneration") != generation:
        phase = "Creating" if status["phase"] == "Creating" else "Updating"
        write(one, {"phase": phase, "observedGeneration": generation})


def report(one: ClusterPass, components: list[Component]) -> None:
    """Give roles and write phase, components and conditions as the release line words them."""
    done = {component.spec["name"]: _settled(one, component) for component in components}
    old = one.cluster.get("status", {}).get("phase")
    complete = all(done.values())
    stopped = all(component.spec.get("stop") for component in components)
    unfinished = "Updating" if old in ("Running", "Updating", "Stopped") else "Creating"
    phase = ("Stopped" if stopped else "Running") if complete else unfinished
    parts = {name: _component_status(one, phase if ok else unfinished, ok) for name, ok in done.items()}
    conditions = [*_begun(), *_readiness(one.line, old, sorted(name for name, ok in done.items() if not ok))]
    write(one, {"phase": phase, "components": parts, "conditions": conditions})


def _component_status(one: ClusterPass, phase: str, ok: bool) -> Object:
    if one.line == "0.9":
        return {"phase": phase, "podsReady": ok}
    return {"phase": phase, "observedGeneration": one.cluster["metadata"]["generation"], "upToDate": True}


def _readiness(line: str, phase: str | None, waiting: list[str]) -> list[Object]:
    """0.9 says that it waits; 1.0 says nothing at all until it is there."""
    if line != "0.9":
        if waiting and phase == "Creating":
            return []
        return [condition("Ready", True, "ClusterReady"), condition("Available", not waiting, "Available")]
    ready, names = not waiting, ", ".join(waiting)
    text = "" if ready else f"pods are not ready in Components: [{names}], refer to related component message"
    return [
        condition("ReplicasReady", ready, "AllReplicasReady" if ready else "ReplicasNotReady", text),
        condition("Ready", ready, "ClusterReady" if ready else "ComponentsNotReady", text),
    ]


def _settled(one: ClusterPass, component: Component) -> bool:
    """Give roles; return whether every replica is there, ready and, where roles exist, has one."""
    rows = one.pods(component)
    if component.has_roles:
        _give_roles(component, rows)
        _members(one, component, rows)
    ready = [pod for _, pod in rows if is_ready(pod)]
    with_role = [pod for pod in ready if ROLE in pod["metadata"]["labels"] or not component.has_roles]
    return len(with_role) == len(rows) == component.replicas


def _give_roles(component: Component, rows: list[tuple[View, Object]]) -> None:
    """A pod reports its role by an event, so it needs the right to create one. No quorum, no leader."""
    ready = [(view, pod) for view, pod in rows if is_ready(pod)]
    if len(ready) <= component.replicas // 2:
        return
    leader = next((pod for _, pod in ready if pod["metadata"]["labels"].get(ROLE) == "leader"), ready[0][1])
    for view, pod in ready:
        role = "leader" if pod is leader else "follower"
        labels = pod["metadata"]["labels"]
        if labels.get(ROLE) != role and _may_report(view, pod):
            name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
            view.client.patch(POD, name, namespace, {"metadata": {"labels": {ROLE: role}}})
            labels[ROLE] = role


def _may_report(view: View, pod: Object) -> bool:
    """Return whether the plane's RBAC lets the pod's account create events."""
    namespace, account = pod["metadata"]["namespace"], pod["spec"]["serviceAccountName"]
    question = Question("create", "", "events", namespace=namespace)
    for binding in view.all(ROLE_BINDING, namespace):
        subjects = [(s["kind"], s["name"]) for s in binding.get("subjects") or []]
        if ("ServiceAccount", account) in subjects and binding["roleRef"]["name"] == POD_ROLE:
            role = view.client.get(CLUSTER_ROLE, POD_ROLE)
            if any(allows(rule, question) for rule in (role or {}).get("rules") or []):
                return True
    return False


def _members(one: ClusterPass, component: Component, rows: list[tuple[View, Object]]) -> None:
    members = [
        {"podName": pod["metadata"]["name"], "role": {"name": pod["metadata"]["labels"][ROLE]}}
        for _, pod in rows
        if ROLE in pod["metadata"]["labels"]
    ]
    owner = component.owners["InstanceSet"]
    ready = sum(is_ready(pod) for _, pod in rows)
    status = {"membersStatus": members, "replicas": len(rows), "readyReplicas": ready}
    if owner.get("status") != status:
        name = owner["metadata"]["name"]
        one.control.patch(kind_of(owner), name, one.namespace, {"status": status}, subresource="status")


def peer_endpoints(one: ClusterPass, component: Component, planned: list[PlannedService]) -> str | None:
    """Return PEER_ENDPOINT; None while a load balancer has no address."""
    peers = [service for service in planned if service.ordinal is not None]
    broken = component.definition["metadata"].get("labels", {}).get("helm.sh/chart") == BROKEN_CHART
    balanced = [service for service in peers if service.type == "LoadBalancer"]
    if balanced and broken:
        text = "the required var is not found in Service object: PEER_ENDPOINT"
        one.event(component.owners["Component"], "Warning", text)
        return None
    if broken:
        return f"{component.full_name}-client"
    if not balanced:
        ordered = sorted(peers, key=lambda service: ordinal_of(service.name))
        return ",".join(service.name for service in ordered)
    found = [f"{service.name}:{address}" for service in balanced if (address := _address(one, service))]
    return ",".join(found) if len(found) == len(balanced) else None


def _address(one: ClusterPass, service: PlannedService) -> str:
    for view in one.planes().values():
        body = view.get(SERVICE, one.namespace, service.name) or {}
        for ingress in body.get("status", {}).get("loadBalancer", {}).get("ingress") or []:
            return str(ingress.get("ip") or ingress.get("hostname"))
    return ""
