"""What a server does with some kinds beyond their schemas: allocation, immutable fields, phases."""

from __future__ import annotations

import base64
import copy
from typing import Any

from kbconsole.demo import roles, services
from kbconsole.demo.call import Call
from kbconsole.demo.status import ApiError, Cause, bad, forbidden, invalid, required

Object = dict[str, Any]


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
    "Service": services.prepare,
    "Namespace": _namespace,
    "PersistentVolumeClaim": _claim,
    "Secret": _secret,
    "Pod": _pod,
    "RoleBinding": roles.binding,
    "ClusterRoleBinding": roles.binding,
    "Role": roles.role,
    "ClusterRole": roles.role,
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
