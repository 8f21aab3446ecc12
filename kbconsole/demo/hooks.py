"""What a server does with some kinds beyond their schemas: allocation, immutable fields, phases."""

from __future__ import annotations

from typing import Any

from kbconsole.demo import configs, definitions, nodes, pods, roles, services, volumes
from kbconsole.demo.call import Call
from kbconsole.demo.status import ApiError, Cause, forbidden, invalid

Object = dict[str, Any]


def _namespace(call: Call, body: Object, before: Object | None) -> list[Cause]:
    name = body["metadata"]["name"]
    body["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name
    body.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    body.setdefault("status", {}).setdefault("phase", "Active")
    return []


def _workload(call: Call, body: Object, before: Object | None) -> list[Cause]:
    pods.default_template(body["spec"]["template"].setdefault("spec", {}))
    return []


_HOOKS = {
    "Service": services.prepare,
    "Namespace": _namespace,
    "PersistentVolumeClaim": volumes.claim,
    "PersistentVolume": volumes.volume,
    "StorageClass": volumes.storage_class,
    "ConfigMap": configs.config_map,
    "Node": nodes.node,
    "Event": nodes.event,
    "Secret": configs.secret,
    "Pod": pods.prepare,
    "DaemonSet": _workload,
    "Deployment": _workload,
    "Job": _workload,
    "RoleBinding": roles.binding,
    "ClusterRoleBinding": roles.binding,
    "Role": roles.role,
    "ClusterRole": roles.role,
    "CustomResourceDefinition": definitions.prepare,
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
