"""What a server does with volumes, claims and storage classes."""

from __future__ import annotations

import copy
from typing import Any

from kbconsole.demo import checks
from kbconsole.demo.call import Call
from kbconsole.demo.checks import quoted, refused, unsupported
from kbconsole.demo.ownership import now
from kbconsole.demo.quantities import amount, tidy
from kbconsole.demo.status import Cause, bad, forbidden, required

Object = dict[str, Any]
CLASSES = "storageclasses.storage.k8s.io"
_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_FROZEN = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"


def claim(call: Call, body: Object, before: Object | None) -> list[Cause]:
    """Complete a PersistentVolumeClaim in place; return what is wrong with it."""
    spec = body.setdefault("spec", {})
    tidy(spec.get("resources"), "requests", "limits")
    tidy(body.get("status"), "capacity")
    if call.subresource:
        return []
    if before is None:
        spec.setdefault("volumeMode", "Filesystem")
        _default_class(call, spec)
        finalizers = body["metadata"].setdefault("finalizers", [])
        if "kubernetes.io/pvc-protection" not in finalizers:
            finalizers.append("kubernetes.io/pvc-protection")
        body["status"] = {"phase": "Pending"}
        return _claim_problems(spec)
    causes = _claim_problems(spec) + _claim_changes(body, before)
    if not causes and amount(_size(spec)) > amount(_size(before["spec"])):
        _may_grow(call, spec)
    return causes


def _size(spec: Object) -> str:
    return str(spec.get("resources", {}).get("requests", {}).get("storage", ""))


def _claim_problems(spec: Object) -> list[Cause]:
    modes, causes = spec.get("accessModes") or [], []
    if not modes:
        causes.append(required("spec.accessModes", "at least 1 access mode is required"))
    causes += [unsupported("spec.accessModes", mode, _MODES) for mode in modes if mode not in _MODES]
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        text = "may not use ReadWriteOncePod with other access modes"
        causes.append(refused("spec.accessModes", text))
    size = _size(spec)
    if not size:
        causes.append(required("spec.resources[storage]"))
    elif amount(size) <= 0:
        causes.append(bad("spec.resources[storage]", quoted(size), "must be greater than zero"))
    name = spec.get("storageClassName")
    causes += checks.dns("subdomain", "spec.storageClassName", name) if name else []
    if spec.get("volumeMode") not in (None, "Block", "Filesystem"):
        causes.append(unsupported("spec.volumeMode", spec["volumeMode"], ("Block", "Filesystem")))
    return causes


def _claim_changes(body: Object, before: Object) -> list[Cause]:
    """A claim may be bound once and may grow once it is bound. Nothing else."""
    spec, old = copy.deepcopy(body["spec"]), copy.deepcopy(before["spec"])
    old["volumeName"] = old.get("volumeName") or spec.get("volumeName")
    status = before.get("status") or {}
    if status.get("phase") == "Bound" and spec.get("resources", {}).get("requests"):
        spec["resources"]["requests"]["storage"] = _size(old)
    kept = [{key: value for key, value in one.items() if value} for one in (spec, old)]
    if kept[0] != kept[1]:
        return [refused("spec", _FROZEN)]
    new, held = amount(_size(body["spec"])), amount((status.get("capacity") or {}).get("storage", "0"))
    if new < amount(_size(before["spec"])) and new <= held:
        text = "field can not be less than status.capacity"
        return [refused("spec.resources.requests.storage", text)]
    return []


def _may_grow(call: Call, spec: Object) -> None:
    found = call.plane.store.get(CLASSES, "", spec.get("storageClassName") or "")
    if found is None or not found.get("allowVolumeExpansion"):
        text = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must "
        raise forbidden("persistentvolumeclaims", "", call.name, text + "support resize")


def _default_class(call: Call, spec: Object) -> None:
    for storage in call.plane.store.all(CLASSES):
        annotations = storage["metadata"].get("annotations") or {}
        if annotations.get("storageclass.kubernetes.io/is-default-class") == "true":
            spec.setdefault("storageClassName", storage["metadata"]["name"])


def volume(call: Call, body: Object, before: Object | None) -> list[Cause]:
    """Complete a PersistentVolume in place; return what is wrong with it."""
    spec = body.setdefault("spec", {})
    tidy(spec, "capacity")
    old = (before or {}).get("status") or {}
    status = body.setdefault("status", {})
    if before is None:
        body["metadata"].setdefault("finalizers", []).append("kubernetes.io/pv-protection")
        status["phase"] = "Pending"
    if status.get("phase") != old.get("phase"):
        status["lastPhaseTransitionTime"] = now()
    spec.setdefault("volumeMode", "Filesystem")
    spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
    if "hostPath" in spec:
        spec["hostPath"].setdefault("type", "")
    if before is not None and before["spec"].get("hostPath") != spec.get("hostPath"):
        return [
            refused("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation")
        ]
    causes = checks.present("spec.accessModes", spec.get("accessModes"))
    if not spec.get("capacity"):
        causes += [required("spec.capacity"), unsupported("spec.capacity", None, ("storage",))]
    sources = {"hostPath", "local", "csi", "nfs", "iscsi", "fc"} & set(spec)
    return causes + checks.present("spec", sources, "must specify a volume type")


def storage_class(call: Call, body: Object, before: Object | None) -> list[Cause]:
    """Complete a StorageClass in place; return what is wrong with it."""
    causes = checks.present("provisioner", body.get("provisioner"))
    policies = ("Delete", "Retain")
    if body["reclaimPolicy"] not in policies:
        causes.append(unsupported("reclaimPolicy", body["reclaimPolicy"], policies))
    modes = ("Immediate", "WaitForFirstConsumer")
    if body["volumeBindingMode"] not in modes:
        causes.append(unsupported("volumeBindingMode", body["volumeBindingMode"], modes))
    if before is None:
        return causes
    frozen = ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode")
    changed = [key for key in frozen if before.get(key) != body.get(key)]
    return causes + [bad(key, quoted(body.get(key)), "field is immutable") for key in changed]
