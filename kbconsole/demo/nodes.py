"""What a server does with Nodes and Events."""

from __future__ import annotations

from typing import Any

from kbconsole.demo import checks
from kbconsole.demo.call import Call
from kbconsole.demo.checks import quoted, refused
from kbconsole.demo.status import Cause, bad, required

Object = dict[str, Any]
_INFO = (
    "machineID systemUUID bootID kernelVersion osImage containerRuntimeVersion kubeletVersion kubeProxyVersion "
    "operatingSystem architecture"
)
_NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


def node(call: Call, body: Object, before: Object | None) -> list[Cause]:
    """Complete a Node in place: its parts that Go always shows, and the taint of a new one."""
    spec, status = body.setdefault("spec", {}), body.setdefault("status", {})
    status.setdefault("daemonEndpoints", {"kubeletEndpoint": {"Port": 0}})
    status["nodeInfo"] = dict.fromkeys(_INFO.split(), "") | (status.get("nodeInfo") or {})
    for condition in status.get("conditions") or []:
        for key in ("lastHeartbeatTime", "lastTransitionTime"):
            condition.setdefault(key, None)
    if before is None:
        taints = spec.setdefault("taints", [])
        if not any(taint.get("key") == _NOT_READY["key"] for taint in taints):
            taints.append(dict(_NOT_READY))
    old, causes = (before or {}).get("spec") or {}, []
    if spec.get("podCIDR") and (before is None or spec["podCIDR"] != old.get("podCIDR")):
        spec["podCIDRs"] = [spec["podCIDR"]]
        causes = checks.network("spec.podCIDRs[0]", spec["podCIDR"])
    if old.get("podCIDR") and old["podCIDR"] != spec.get("podCIDR"):
        text = 'node updates may not change podCIDR except from "" to valid'
        causes.append(refused("spec.podCIDRs", text))
    return causes


def event(call: Call, body: Object, before: Object | None) -> list[Cause]:
    """Complete an Event in place; return what is wrong with it."""
    for key in ("firstTimestamp", "lastTimestamp", "eventTime"):
        body.setdefault(key, None)
    body.setdefault("source", {})
    for key in ("reportingComponent", "reportingInstance"):
        body.setdefault(key, "")
    space = (body.setdefault("involvedObject", {})).get("namespace", "")
    if space != body["metadata"]["namespace"] and (space or body["metadata"]["namespace"] != "default"):
        return [bad("involvedObject.namespace", quoted(space), "does not match event.namespace")]
    if body["eventTime"] is None or before is not None:
        return []
    causes = checks.present("reportingComponent", body["reportingComponent"])
    causes += checks.qualified("reportingComponent", body["reportingComponent"])
    return causes + [required(key) for key in ("reportingInstance", "action", "reason") if not body.get(key)]
