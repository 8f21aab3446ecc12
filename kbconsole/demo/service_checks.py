"""What a server refuses in a Service, in the order in which it says so."""

from __future__ import annotations

from typing import Any

from kbconsole.demo import checks
from kbconsole.demo.checks import duplicate, quoted, refused, unsupported
from kbconsole.demo.status import Cause, bad, required

Object = dict[str, Any]
_FAMILIES = ("IPv4",)


def is_open(spec: Object) -> bool:
    """Return whether somebody outside the cluster reaches it."""
    return spec["type"] in ("NodePort", "LoadBalancer") or (
        spec["type"] == "ClusterIP" and bool(spec.get("externalIPs"))
    )


def warnings(spec: Object) -> list[str]:
    found = []
    if spec["type"] != "ExternalName" and spec.get("externalName"):
        found.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("externalIPs"):
        found.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    if spec.get("trafficDistribution") == "PreferClose":
        found.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return found


def addresses(spec: Object, old: Object) -> list[Cause]:
    """Return what is wrong before an address is looked for."""
    one, many = spec.get("clusterIP"), spec.get("clusterIPs")
    if spec["type"] == "ExternalName":
        return [refused("spec.clusterIPs", "may not be set for ExternalName services")] if one or many else []
    if many and not one:
        return [bad("spec.clusterIPs", quoted(many), "must be empty when `clusterIP` is not specified")]
    if many and many[0] != one:
        return [bad("spec.clusterIPs", quoted(many), "first value must match `clusterIP`")]
    if one == "None" and spec["type"] != "ClusterIP":
        text = f"may not be set to 'None' for {spec['type']} services"
        return [bad("spec.clusterIPs[0]", '"None"', text)]
    if one and one != "None" and (causes := checks.address("spec.clusterIPs[0]", one)):
        return causes
    had = old.get("clusterIP")
    if had and old["type"] != "ExternalName" and one != had:
        return [bad("spec.clusterIPs[0]", quoted([one]), "may not change once set")]
    return _families(spec, one)


def _families(spec: Object, address: str | None) -> list[Cause]:
    headless = address == "None" and not spec.get("selector")
    for i, family in enumerate(spec.get("ipFamilies") or []):
        if family not in _FAMILIES and not headless:
            if address and address != "None":
                text = f"expected an {family} value as indicated by `ipFamilies[{i}]`"
                return [bad(f"spec.clusterIPs[{i}]", quoted(address), text)]
            return [bad(f"spec.ipFamilies[{i}]", quoted(family), "not configured on this cluster")]
    if spec.get("ipFamilyPolicy") == "RequireDualStack" and not headless:
        text = "this cluster is not configured for dual-stack services"
        return [bad("spec.ipFamilyPolicy", '"RequireDualStack"', text)]
    return []


def problems(spec: Object, old: Object | None) -> list[Cause]:
    """Return everything else that is wrong."""
    causes: list[Cause] = []
    kind, ports = spec["type"], spec.get("ports") or []
    if old is not None and old["type"] == kind == "LoadBalancer":
        was, wanted = old.get("loadBalancerClass"), spec.get("loadBalancerClass")
        if was != wanted:
            causes.append(bad("spec.loadBalancerClass", quoted(wanted), "may not change once set"))
    if not ports and kind != "ExternalName" and spec.get("clusterIP") != "None":
        causes.append(required("spec.ports"))
    if kind == "ExternalName":
        name = (spec.get("externalName") or "").removesuffix(".")
        causes += (
            checks.dns("subdomain", "spec.externalName", name) if name else [required("spec.externalName")]
        )
    causes += _ports(ports)
    causes += checks.labels("spec.selector", spec.get("selector") or {})
    for i, text in enumerate(spec.get("externalIPs") or []):
        causes += checks.address(f"spec.externalIPs[{i}]", text)
    causes += _port_uses(kind, ports)
    return causes + _of_balancers(spec) + _policies(spec)


def _ports(ports: list[Object]) -> list[Cause]:
    causes: list[Cause] = []
    names: set[str] = set()
    for i, port in enumerate(ports):
        where, name = f"spec.ports[{i}]", port.get("name")
        if name:
            causes += checks.dns("label", f"{where}.name", name)
            causes += [duplicate(f"{where}.name", name)] if name in names else []
            names.add(name)
        elif len(ports) > 1:
            causes.append(required(f"{where}.name"))
        causes += checks.port_number(f"{where}.port", port["port"])
        causes += checks.port_or_name(f"{where}.targetPort", port["targetPort"])
    return causes


def _port_uses(kind: str, ports: list[Object]) -> list[Cause]:
    causes: list[Cause] = []
    seen: set[tuple[str, int]] = set()
    for i, port in enumerate(ports):
        if kind == "ClusterIP" and port.get("nodePort"):
            text = "may not be used when `type` is 'ClusterIP'"
            causes.append(refused(f"spec.ports[{i}].nodePort", text))
    for i, port in enumerate(ports):
        key = port["protocol"], port["port"]
        if key in seen:
            shown = {"Name": "", "Protocol": key[0], "AppProtocol": None, "Port": key[1]}
            causes.append(duplicate(f"spec.ports[{i}]", shown | {"TargetPort": 0, "NodePort": 0}))
        seen.add(key)
    return causes


def _of_balancers(spec: Object) -> list[Cause]:
    """Check the fields that only a LoadBalancer may have."""
    causes: list[Cause] = []
    balanced, only = spec["type"] == "LoadBalancer", "may only be used when `type` is 'LoadBalancer'"
    ranges = spec.get("loadBalancerSourceRanges") or []
    if ranges and not balanced:
        causes.append(refused("spec.LoadBalancerSourceRanges", only))
    for i, text in enumerate(ranges if balanced else []):
        causes += checks.network(f"spec.LoadBalancerSourceRanges[{i}]", text)
    if "allocateLoadBalancerNodePorts" in spec and not balanced:
        causes.append(refused("spec.allocateLoadBalancerNodePorts", only))
    name = spec.get("loadBalancerClass")
    if name is not None:
        field = "spec.loadBalancerClass"
        causes += checks.qualified(field, name) if balanced else [refused(field, only)]
    return causes


def _policies(spec: Object) -> list[Cause]:
    causes: list[Cause] = []
    policy, where = spec.get("externalTrafficPolicy"), "spec.externalTrafficPolicy"
    if policy and not is_open(spec):
        causes.append(bad(where, quoted(policy), "may only be set for externally-accessible services"))
    elif policy and policy not in ("Cluster", "Local"):
        causes.append(unsupported(where, policy, ("Cluster", "Local")))
    number = spec.get("healthCheckNodePort")
    if number and not (spec["type"] == "LoadBalancer" and policy == "Local"):
        text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        causes.append(bad("spec.healthCheckNodePort", str(number), text))
    return causes


def ingress(kind: str, balancer: Object) -> list[Cause]:
    """Check the status."""
    found, where = balancer.get("ingress") or [], "status.loadBalancer.ingress"
    if found and kind != "LoadBalancer":
        return [refused(where, "may only be used when `spec.type` is 'LoadBalancer'")]
    causes: list[Cause] = []
    for i, entry in enumerate(found):
        if entry.get("ip"):
            causes += checks.address(f"{where}[{i}].ip", entry["ip"])
        if entry.get("hostname"):
            causes += checks.dns("subdomain", f"{where}[{i}].hostname", entry["hostname"])
    return causes
