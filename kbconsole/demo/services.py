"""What a server does with a Service: defaults, addresses, node ports, and what a change of type takes away."""

from __future__ import annotations

import ipaddress
import secrets
from typing import Any

from kbconsole.demo import service_checks
from kbconsole.demo.call import Call
from kbconsole.demo.checks import quoted
from kbconsole.demo.status import Cause, bad

Object = dict[str, Any]
NODE_PORTS = range(30000, 32768)


def has_address(spec: Object) -> bool:
    return bool(spec["type"] != "ExternalName")


def has_node_ports(spec: Object) -> bool:
    return spec["type"] in ("NodePort", "LoadBalancer")


def has_health_port(spec: Object) -> bool:
    return spec["type"] == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def prepare(call: Call, body: Object, before: Object | None) -> list[Cause]:
    """Complete the object in place; return what is wrong with it."""
    if call.subresource:
        return _status(body)
    spec = body.setdefault("spec", {})
    default(spec)
    body["status"] = (before or {}).get("status") or {"loadBalancer": {}}
    if before is not None:
        _keep(spec, before["spec"])
        _drop(spec, before["spec"])
    if causes := service_checks.addresses(spec, (before or {}).get("spec") or {}):
        return causes
    services = [
        one for one in call.plane.store.all("services") if one["metadata"]["uid"] != body["metadata"]["uid"]
    ]
    causes = _allocate(call, spec, (before or {}).get("spec") or {}, services)
    if causes:
        return causes
    call.warnings += service_checks.warnings(spec)
    if spec["type"] != "LoadBalancer":
        body["status"] = {**body["status"], "loadBalancer": {}}
    return service_checks.problems(spec, (before or {}).get("spec"))


def default(spec: Object) -> None:
    """Fill in what the writer left open, in place; doing it again changes nothing."""
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    if spec["sessionAffinity"] == "ClientIP":
        config = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        config.setdefault("timeoutSeconds", 10800)
    for port in spec.get("ports") or []:
        port.setdefault("protocol", "TCP")
        if not port.get("targetPort"):
            port["targetPort"] = port.setdefault("port", 0)
        if not port.get("nodePort"):
            port.pop("nodePort", None)
    if service_checks.is_open(spec):
        spec["externalTrafficPolicy"] = spec.get("externalTrafficPolicy") or "Cluster"
    if has_address(spec):
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    # Go leaves these out where they are empty.
    for key in ("ports", "publishNotReadyAddresses", "clusterIP", "clusterIPs", "externalIPs", "selector"):
        if not spec.get(key):
            spec.pop(key, None)


def _keep(spec: Object, old: Object) -> None:
    """What the writer does not mention keeps the value that it has."""
    if has_address(spec) and has_address(old):
        if not spec.get("clusterIP") and spec.get("clusterIPs") in (None, old.get("clusterIPs")):
            spec.pop("clusterIPs", None)
            spec["clusterIP"] = old["clusterIP"]
        if not spec.get("clusterIPs") and spec["clusterIP"] == old["clusterIP"]:
            spec["clusterIPs"] = old["clusterIPs"]
        elif spec["clusterIP"] != old["clusterIP"] and spec.get("clusterIPs") == old["clusterIPs"]:
            spec["clusterIPs"] = [spec["clusterIP"]]
    if has_node_ports(spec) and has_node_ports(old):
        new = {port.get("nodePort") for port in spec.get("ports", [])}
        used = {port.get("nodePort") for port in old.get("ports", [])} & new
        known = {port.get("name"): port.get("nodePort") for port in old.get("ports", [])}
        for port in spec.get("ports", []):
            number = known.get(port.get("name"))
            if "nodePort" not in port and number and number not in used:
                port["nodePort"] = number
                used.add(number)
    if has_health_port(spec) and has_health_port(old) and not spec.get("healthCheckNodePort"):
        spec["healthCheckNodePort"] = old.get("healthCheckNodePort")


def _drop(spec: Object, old: Object) -> None:
    """A new type takes away what it has no use for, as long as the writer left it as it was."""
    gone: list[str] = []
    if has_address(old) and not has_address(spec):
        gone += ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"]
    if has_health_port(old) and not has_health_port(spec):
        gone.append("healthCheckNodePort")
    if old["type"] == "LoadBalancer" != spec["type"]:
        gone += ["allocateLoadBalancerNodePorts", "loadBalancerClass"]
    if service_checks.is_open(old) and not service_checks.is_open(spec):
        gone.append("externalTrafficPolicy")
    for key in gone:
        if key in spec and spec[key] == old.get(key):
            del spec[key]
    if has_node_ports(old) and not has_node_ports(spec) and _numbers(old) == _numbers(spec):
        for port in spec.get("ports", []):
            port.pop("nodePort", None)


def _numbers(spec: Object) -> list[int]:
    return sorted(port.get("nodePort", 0) for port in spec.get("ports", []))


def _allocate(call: Call, spec: Object, old: Object, services: list[Object]) -> list[Cause]:
    if not has_address(spec):
        return []
    if causes := _address(call, spec, old, services):
        return causes
    taken = {
        number
        for service in services
        for port in [
            *service["spec"].get("ports", []),
            {"nodePort": service["spec"].get("healthCheckNodePort")},
        ]
        if (number := port.get("nodePort"))
    }
    causes = _node_ports(spec, taken) if has_node_ports(spec) else []
    if has_health_port(spec) and not spec.get("healthCheckNodePort"):
        mine = {port.get("nodePort") for port in spec.get("ports", [])}
        spec["healthCheckNodePort"] = _free(taken | mine)
    return causes


def _free(taken: set[Any]) -> int:
    """Return a number that nobody has; not the next one, so that one that was given back is not given at once."""
    return secrets.choice([number for number in NODE_PORTS if number not in taken])


def _address(call: Call, spec: Object, old: Object, services: list[Object]) -> list[Cause]:
    had, wanted = old.get("clusterIP"), spec.get("clusterIP", "")
    taken = {service["spec"].get("clusterIP") for service in services}
    base = f"{call.plane.identity.service_range}.0.0/16"
    if wanted not in ("", "None", had):
        if ipaddress.ip_address(wanted) not in ipaddress.ip_network(base):
            text = f"failed to allocate IP {wanted}: the provided network does not match the current range"
            return [bad("spec.clusterIPs", quoted([wanted]), text)]
        if wanted in taken:
            text = f"failed to allocate IP {wanted}: provided IP is already allocated"
            return [bad("spec.clusterIPs", quoted([wanted]), text)]
    if not wanted:
        network = ipaddress.ip_network(base)
        while not wanted or wanted in taken:
            wanted = str(network[256 + secrets.randbelow(network.num_addresses - 512)])
    spec["clusterIP"], spec["clusterIPs"] = wanted, [wanted]
    # Without a selector nobody says of which family the endpoints will be.
    both = wanted == "None" and not spec.get("selector")
    spec.setdefault("ipFamilies", ["IPv4", "IPv6"] if both else ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "RequireDualStack" if both else "SingleStack")
    return []


def _node_ports(spec: Object, taken: set[int]) -> list[Cause]:
    """Give numbers where none is wanted; stops at the first that cannot be had."""
    mine: dict[int, set[str]] = {}
    for i, port in enumerate(spec.get("ports", [])):
        where, wanted = f"spec.ports[{i}].nodePort", port.get("nodePort")
        if wanted is None:
            continue
        if wanted not in NODE_PORTS:
            text = "provided port is not in the valid range. The range of valid ports is 30000-32767"
            return [bad(where, str(wanted), text)]
        if wanted in taken or port["protocol"] in mine.get(wanted, ()):
            return [bad(where, str(wanted), "provided port is already allocated")]
        mine.setdefault(wanted, set()).add(port["protocol"])
    for port in spec.get("ports", []) if spec.get("allocateLoadBalancerNodePorts", True) else []:
        if "nodePort" not in port:
            port["nodePort"] = _free(taken | set(mine))
            mine[port["nodePort"]] = {port["protocol"]}
    return []


def _status(body: Object) -> list[Cause]:
    balancer = body.setdefault("status", {}).setdefault("loadBalancer", {})
    if not balancer.get("ingress"):
        balancer.pop("ingress", None)
    for entry in balancer.get("ingress") or []:
        if entry.get("ip") and body["spec"]["type"] == "LoadBalancer":
            entry.setdefault("ipMode", "VIP")
    return service_checks.ingress(body["spec"]["type"], balancer)
