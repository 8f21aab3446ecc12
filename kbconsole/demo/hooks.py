"""What a server does with some kinds beyond their schemas: allocation, immutable fields, phases."""

from __future__ import annotations

import base64
import copy
from collections.abc import Iterable
from typing import Any

from kbconsole.demo.call import Call
from kbconsole.demo.resources import RBAC
from kbconsole.demo.status import ApiError, Cause, bad, forbidden, invalid, required

Object = dict[str, Any]
NODE_PORTS = range(30000, 32768)


def _ports_taken(services: Iterable[Object], uid: str) -> set[int]:
    return {
        port["nodePort"]
        for service in services
        if service["metadata"].get("uid") != uid
        for port in service["spec"].get("ports", [])
        if "nodePort" in port
    }


def _node_ports(spec: Object, taken: set[int]) -> list[Cause]:
    causes: list[Cause] = []
    for i, port in enumerate(spec.get("ports", [])):
        where, wanted = f"spec.ports[{i}].nodePort", port.get("nodePort")
        if wanted is None:
            continue
        if wanted not in NODE_PORTS:
            text = "provided port is not in the valid range. The range of valid ports is 30000-32767"
            causes.append(bad(where, str(wanted), text))
        elif wanted in taken:
            causes.append(bad(where, str(wanted), "provided port is already allocated"))
        taken.add(wanted)
    for port in spec.get("ports", []):
        if "nodePort" not in port:
            port["nodePort"] = next(number for number in NODE_PORTS if number not in taken)
            taken.add(port["nodePort"])
    return causes


def _cluster_address(call: Call, spec: Object, before: Object | None, services: list[Object]) -> list[Cause]:
    old = (before or {}).get("spec", {})
    had, wanted = old.get("clusterIP"), spec.get("clusterIP")
    if wanted is None and had:
        wanted = had
    if had and wanted != had and old.get("type") != "ExternalName":
        return [bad("spec.clusterIPs[0]", f'["{wanted}"]', "may not change once set")]
    taken = {service["spec"].get("clusterIP") for service in services} - {had}
    if wanted in taken and wanted != "None":
        text = f"failed to allocate IP {wanted}: provided IP is already allocated"
        return [bad("spec.clusterIPs", f'["{wanted}"]', text)]
    if not wanted:
        pool = (f"{call.plane.identity.service_range}.{i // 250}.{i % 250 + 1}" for i in range(10, 60000))
        wanted = next(address for address in pool if address not in taken)
    spec["clusterIP"], spec["clusterIPs"] = wanted, [wanted]
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    return []


def _service(call: Call, body: Object, before: Object | None) -> list[Cause]:
    spec, services = body.setdefault("spec", {}), call.plane.store.all("services")
    kind = spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("internalTrafficPolicy", "Cluster")
    causes: list[Cause] = []
    if kind == "ExternalName":
        return causes if spec.get("externalName") else [required("spec.externalName")]
    if not spec.get("ports") and spec.get("clusterIP") != "None":
        causes.append(required("spec.ports"))
    for i, port in enumerate(spec.get("ports", [])):
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port["port"])
        if not 0 < port["port"] < 65536:
            causes.append(
                bad(f"spec.ports[{i}].port", str(port["port"]), "must be between 1 and 65535, inclusive")
            )
        if len(spec["ports"]) > 1 and not port.get("name"):
            causes.append(required(f"spec.ports[{i}].name"))
    causes += _cluster_address(call, spec, before, services)
    if kind in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
        if kind == "LoadBalancer":
            spec.setdefault("allocateLoadBalancerNodePorts", True)
        if kind == "NodePort" or spec["allocateLoadBalancerNodePorts"]:
            _keep_ports(spec, before)
            causes += _node_ports(spec, _ports_taken(services, body["metadata"].get("uid", "")))
    else:
        for port in spec.get("ports", []):
            port.pop("nodePort", None)
        spec.pop("allocateLoadBalancerNodePorts", None)
        spec.pop("externalTrafficPolicy", None)
    body.setdefault("status", {"loadBalancer": {}})
    return causes


def _keep_ports(spec: Object, before: Object | None) -> None:
    """A port that the writer did not mention keeps the number that it has."""
    old = {(p["port"], p.get("protocol")): p for p in (before or {}).get("spec", {}).get("ports", [])}
    for port in spec.get("ports", []):
        known = old.get((port["port"], port["protocol"]), {}).get("nodePort")
        if "nodePort" not in port and known:
            port["nodePort"] = known


def _namespace(call: Call, body: Object, before: Object | None) -> list[Cause]:
    name = body["metadata"]["name"]
    body["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name
    body.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    body.setdefault("status", {}).setdefault("phase", "Active")
    return []


def _claim(call: Call, body: Object, before: Object | None) -> list[Cause]:
    spec, causes = body.setdefault("spec", {}), []
    if before is None:
        if not spec.get("accessModes"):
            causes.append(required("spec.accessModes", "at least 1 access mode is required"))
        size = str(spec.get("resources", {}).get("requests", {}).get("storage", ""))
        if not size:
            causes.append(required("spec.resources[storage]"))
        elif size.startswith("-") or not size.strip("0KMGTPEinumk."):
            causes.append(bad("spec.resources[storage]", f'"{size}"', "must be greater than zero"))
        spec.setdefault("volumeMode", "Filesystem")
        _default_class(call, spec)
        body["metadata"].setdefault("finalizers", []).append("kubernetes.io/pvc-protection")
        body.setdefault("status", {"phase": "Pending"})
        return causes
    old = copy.deepcopy(before["spec"])
    old["volumeName"] = spec.get("volumeName", old.get("volumeName"))
    old["resources"] = spec.get("resources")
    if {key: value for key, value in old.items() if value is not None} != spec:
        text = "Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName"
        causes.append(Cause("spec", "FieldValueForbidden", f"{text} for bound claims"))
    return causes


def _default_class(call: Call, spec: Object) -> None:
    for storage in call.plane.store.all("storageclasses.storage.k8s.io"):
        annotations = storage["metadata"].get("annotations") or {}
        if annotations.get("storageclass.kubernetes.io/is-default-class") == "true":
            spec.setdefault("storageClassName", storage["metadata"]["name"])


def _secret(call: Call, body: Object, before: Object | None) -> list[Cause]:
    plain = body.pop("stringData", None) or {}
    if plain:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
        body["data"] = {**(body.get("data") or {}), **encoded}
    return []


def _pod(call: Call, body: Object, before: Object | None) -> list[Cause]:
    spec = body["spec"]
    if before is None:
        account = spec.setdefault("serviceAccountName", "default")
        space = body["metadata"]["namespace"]
        if account != "default" and call.plane.store.get("serviceaccounts", space, account) is None:
            text = f'error looking up service account {space}/{account}: serviceaccount "{account}" not found'
            raise forbidden("pods", "", body["metadata"]["name"], text)
        body.setdefault("status", {"phase": "Pending", "qosClass": "Burstable"})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    causes = [] if spec.get("containers") else [required("spec.containers")]
    for i, container in enumerate(spec.get("containers", [])):
        if not container.get("image"):
            causes.append(required(f"spec.containers[{i}].image"))
    return causes


def _binding(call: Call, body: Object, before: Object | None) -> list[Cause]:
    if before is not None and before["roleRef"] != body["roleRef"]:
        return [bad("roleRef", str(body["roleRef"]), "cannot change roleRef")]
    for subject in body.get("subjects") or []:
        if subject["kind"] in ("User", "Group"):
            subject.setdefault("apiGroup", RBAC)
    return []


def _role(call: Call, body: Object, before: Object | None) -> list[Cause]:
    causes = []
    for i, rule in enumerate(body.get("rules") or []):
        if not rule.get("nonResourceURLs"):
            for part in ("apiGroups", "resources"):
                if not rule.get(part):
                    text = "resource rules must supply at least one " + {"apiGroups": "api group"}.get(
                        part, "resource"
                    )
                    causes.append(required(f"rules[{i}].{part}", text))
        if not rule.get("verbs"):
            causes.append(required(f"rules[{i}].verbs", "verbs must contain at least one value"))
    body["rules"] = body.get("rules") or None
    return causes


def _definition(call: Call, body: Object, before: Object | None) -> list[Cause]:
    spec = body.get("spec", {})
    if not spec.get("group") or not spec.get("names") or not spec.get("versions"):
        return [required("spec")]
    name = body["metadata"]["name"]
    wanted = f"{spec['names']['plural']}.{spec['group']}"
    if name != wanted:
        return [bad("metadata.name", f'"{name}"', 'must be spec.names.plural+"."+spec.group')]
    spec.setdefault("conversion", {"strategy": "None"})
    good = [{"type": kind, "status": "True"} for kind in ("NamesAccepted", "Established")]
    body["status"] = {
        "conditions": good,
        "acceptedNames": spec["names"],
        "storedVersions": [version["name"] for version in spec["versions"] if version.get("storage")],
    }
    return []


_HOOKS = {
    "Service": _service,
    "Namespace": _namespace,
    "PersistentVolumeClaim": _claim,
    "Secret": _secret,
    "Pod": _pod,
    "RoleBinding": _binding,
    "ClusterRoleBinding": _binding,
    "Role": _role,
    "ClusterRole": _role,
    "CustomResourceDefinition": _definition,
}


def prepare(call: Call, body: Object, before: Object | None) -> None:
    """Complete the object in place. Raises ApiError 422 with every cause."""
    hook = None if call.resource.custom else _HOOKS.get(call.resource.kind)
    causes = hook(call, body, before) if hook else []
    if causes:
        raise invalid(call.resource.kind, call.resource.group, body["metadata"]["name"], causes)


def check_namespace(call: Call) -> None:
    """Refuse to create in a namespace that is absent or going away."""
    if not call.resource.namespaced:
        return
    space = call.plane.store.get("namespaces", "", call.namespace)
    if space is None:
        details = {"name": call.namespace, "kind": "namespaces"}
        raise ApiError(404, f'namespaces "{call.namespace}" not found', details=details)
    if "deletionTimestamp" in space["metadata"]:
        text = f"unable to create new content in namespace {call.namespace} because it is being terminated"
        error = forbidden(call.resource.plural, call.resource.group, call.name, text)
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {call.namespace} is being terminated",
        }
        error.details["causes"] = [{**cause, "field": "metadata.namespace"}]
        raise error
