"""What a server does with a Pod: everything that it fills in, and what may not change."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from kbconsole.demo import names, pod_checks
from kbconsole.demo.call import Call
from kbconsole.demo.checks import refused
from kbconsole.demo.ownership import now
from kbconsole.demo.quantities import amount, tidy
from kbconsole.demo.status import Cause, conflict, forbidden, not_found

Object = dict[str, Any]
_MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_FROZEN = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def prepare(call: Call, body: Object, before: Object | None) -> list[Cause]:
    """Complete the object in place; return what is wrong with it."""
    if call.subresource:
        return _status(body)
    spec = body.setdefault("spec", {})
    default_template(spec)
    spec.setdefault("enableServiceLinks", True)
    if before is not None:
        return _changes(spec, before["spec"])
    _admit(call, body, spec)
    body["status"] = {"phase": "Pending", "qosClass": _quality(spec)}
    return pod_checks.problems(spec)


def complete(body: Object) -> None:
    """Fill in what the writer left open, in place; doing it again changes nothing."""
    if isinstance(body.get("spec"), dict) and body["spec"].get("containers"):
        default_template(body["spec"])
        body["spec"].setdefault("enableServiceLinks", True)
    status = body.get("status") or {}
    for condition in status.get("conditions") or []:
        for key in ("lastProbeTime", "lastTransitionTime"):
            condition.setdefault(key, None)
    for key in ("containerStatuses", "initContainerStatuses"):
        for container in status.get(key) or []:
            container.setdefault("lastState", {})


def default_template(spec: Object) -> None:
    """Fill in what every pod specification gets, also that of a Deployment."""
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    if spec["terminationGracePeriodSeconds"] < 0:
        spec["terminationGracePeriodSeconds"] = 1
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("securityContext", {})
    if "serviceAccountName" in spec:
        spec["serviceAccount"] = spec["serviceAccountName"]
    for key in (
        "priorityClassName",
        "volumes",
        "hostname",
        "subdomain",
        "nodeName",
        "initContainers",
        "tolerations",
    ):
        if not spec.get(key):
            spec.pop(key, None)
    for container in _containers(spec):
        _default_container(container)
    for volume in spec.get("volumes") or []:
        if set(volume) == {"name"}:
            volume["emptyDir"] = {}
        for key in ("configMap", "secret"):
            if isinstance(volume.get(key), dict):
                volume[key].setdefault("defaultMode", 420)


def _containers(spec: Object) -> Iterator[Object]:
    yield from spec.get("initContainers") or []
    yield from spec.get("containers") or []


def _default_container(container: Object) -> None:
    image = str(container.get("image", ""))
    latest = ":" not in image.rpartition("/")[2] or image.endswith(":latest")
    container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    resources = container.setdefault("resources", {})
    tidy(resources, "limits", "requests")
    if limits := resources.get("limits"):
        resources["requests"] = {**limits, **(resources.get("requests") or {})}
    for key in ("limits", "requests"):
        if not resources.get(key):
            resources.pop(key, None)
    for key in ("volumeMounts", "ports", "env", "envFrom", "command", "args"):
        if not container.get(key):
            container.pop(key, None)
    for port in container.get("ports") or []:
        port.setdefault("protocol", "TCP")
    for variable in container.get("env") or []:
        if not variable.get("value"):
            variable.pop("value", None)
        if reference := (variable.get("valueFrom") or {}).get("fieldRef"):
            reference.setdefault("apiVersion", "v1")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if probe := container.get(name):
            for key, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1)):
                probe.setdefault(key, value)
            probe.setdefault("failureThreshold", 3)


def _admit(call: Call, body: Object, spec: Object) -> None:
    """Do what the admission of a new pod does: account, priority, tolerations. Raises ApiError."""
    account = spec["serviceAccountName"] = spec.get("serviceAccountName") or "default"
    spec["serviceAccount"] = account
    space = body["metadata"]["namespace"]
    found = call.plane.store.get("serviceaccounts", space, account)
    if found is None and account != "default":
        text = f'error looking up service account {space}/{account}: serviceaccount "{account}" not found'
        raise forbidden("pods", "", body["metadata"]["name"], text)
    if spec.get("priorityClassName") not in (None, "system-node-critical", "system-cluster-critical"):
        text = f"no PriorityClass with name {spec['priorityClassName']} was found"
        raise forbidden("pods", "", body["metadata"]["name"], text)
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    tolerations = spec.setdefault("tolerations", [])
    for key in ("not-ready", "unreachable"):
        one = {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute"}
        tolerations.append(one | {"tolerationSeconds": 300})
    if spec.get("automountServiceAccountToken", (found or {}).get("automountServiceAccountToken", True)):
        _mount_token(spec)


def _mount_token(spec: Object) -> None:
    if not spec.get("containers"):
        return
    name = f"kube-api-access-{names.suffix()}"
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {
            "downwardAPI": {
                "items": [
                    {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
                ]
            }
        },
    ]
    spec.setdefault("volumes", []).append(
        {"name": name, "projected": {"sources": sources, "defaultMode": 420}}
    )
    for container in _containers(spec):
        mounts = container.setdefault("volumeMounts", [])
        if all(mount.get("mountPath") != _MOUNT for mount in mounts):
            mounts.append({"name": name, "readOnly": True, "mountPath": _MOUNT})


def _quality(spec: Object) -> str:
    """Return the quality of service class."""

    def amounts(kind: str) -> list[dict[str, Any]]:
        given = [container.get("resources", {}).get(kind) or {} for container in _containers(spec)]
        return [{key: amount(value) for key, value in one.items()} for one in given]

    limits, requests = amounts("limits"), amounts("requests")
    if not any(limits) and not any(requests):
        return "BestEffort"
    full = all({"cpu", "memory"} <= set(one) for one in limits)
    return "Guaranteed" if full and limits == requests else "Burstable"


def _changes(spec: Object, old: Object) -> list[Cause]:
    """Only images, a deadline and more tolerations may change."""
    mine, theirs = copy.deepcopy(spec), copy.deepcopy(old)
    for one in (mine, theirs):
        one.pop("activeDeadlineSeconds", None)
        for container in _containers(one):
            container.pop("image", None)
    kept = theirs.pop("tolerations", [])
    more = mine.pop("tolerations", [])
    if mine != theirs or any(toleration not in more for toleration in kept):
        return [refused("spec", _FROZEN)]
    return pod_checks.problems(spec)


def _status(body: Object) -> list[Cause]:
    status = body.setdefault("status", {})
    complete(body)
    status.setdefault("qosClass", _quality(body["spec"]))
    if status.get("podIP") and not status.get("podIPs"):
        status["podIPs"] = [{"ip": status["podIP"]}]
    return pod_checks.status_problems(status)


def bind(call: Call, body: Object) -> Object:
    """Name the pod's node, as schedulers do: a Binding is created, none is stored. Raises ApiError."""
    name = str((body.get("metadata") or {}).get("name", ""))
    pod = call.plane.store.get("pods", call.namespace, name)
    if pod is None:
        raise not_found("pods", "", name)
    if node := pod["spec"].get("nodeName"):
        raise conflict("pods/binding", "", name, f'pod {name} is already assigned to node "{node}"')
    pod = copy.deepcopy(pod)
    pod["spec"]["nodeName"] = (body.get("target") or {}).get("name", "")
    conditions = pod.setdefault("status", {}).setdefault("conditions", [])
    kept = [condition for condition in conditions if condition["type"] != "PodScheduled"]
    known = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": now()}
    pod["status"]["conditions"] = [*kept, known]
    if not call.dry_run:
        call.plane.store.put("pods", pod)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
