"""R8, R11, R15 to R18: how packets go, which versions, what policies let through."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import declare, say
from networking.kinds.cilium.facts import MeshFacts
from networking.kinds.cilium.rules.base import Fleet, Found, Severity, grouped, rule

declare(
    {
        "mesh.r8": _(
            "The planes send packets in different ways: %(values)s. All planes of a mesh need the same "
            "routing-mode and tunnel-protocol. Install Cilium anew where it differs."
        ),
        "mesh.r11_ports": _(
            "Between the nodes of %(planes)s these have to be open: %(ports)s. Check the firewalls and security "
            "groups, then choose “Test the mesh” after connecting: agents that are connected prove none of it but TCP "
            "to the mesh API."
        ),
        "mesh.r11_api": _(
            "%(one)s gets no TCP connection to the mesh API of %(other)s (%(address)s). Open that way in the firewalls "
            "and security groups of both, then look again."
        ),
        "mesh.r15": _(
            "The versions are more than one minor version apart: %(values)s. Only neighbouring versions are tested "
            "together. Upgrade the older ones first."
        ),
        "mesh.r16": _(
            "%(planes)s: network policies select pods of their own plane only (policy-default-local-cluster), so a "
            "policy that lets replicas talk by labels blocks those on other planes. See which policies that "
            "concerns: %(command)s"
        ),
        "mesh.r17": _(
            "%(plane)s shares only namespaces that are marked (clustermesh-default-global-namespace is false), and "
            "%(namespaces)s is not marked: replicas there are reached from no other plane. Annotate it there with "
            "clustermesh.cilium.io/global=true; make it first where it is missing."
        ),
        "mesh.r17_unread": _(
            "%(plane)s shares only namespaces that are marked (clustermesh-default-global-namespace is false). Whether "
            "%(namespaces)s is marked is not known, since the console may not list namespaces there. Grant that, or "
            "see that it is annotated with clustermesh.cilium.io/global=true."
        ),
        "mesh.r18": _(
            "%(plane)s: nodes run the kernel %(kernels)s. Cilium wants 5.10 or later, or 4.18 of RHEL 8.10. "
            "Upgrade the nodes."
        ),
    }
)  # fmt: skip

INSPECT = "cilium clustermesh inspect-policy-default-local-cluster -A -o json"
OLDEST_KERNEL = (5, 10)
MOST_ADDRESSES = 4


@rule(
    "R8",
    "network/clustermesh/setup.rst; the CLI reads the tunnel mode and never compares it (clustermesh.go)",
)
def same_mode(fleet: Fleet) -> Found:
    modes = grouped(fleet.meshed, lambda plane: plane.mode)
    if len(modes) > 1:
        values = [say("mesh.value_of", value=mode, planes=planes) for mode, planes in modes.items()]
        yield Severity.ERROR, say("mesh.r8", values=values)


def ports(planes: tuple[MeshFacts, ...]) -> list[str]:
    """Return what has to be open between nodes of these planes, each once."""
    found = []
    for plane in planes:
        if plane.tunnelled:
            found.append("UDP 6081 (Geneve)" if plane.tunnel == "geneve" else "UDP 8472 (VXLAN)")
        if plane.encryption:
            found.append("UDP 51871 (WireGuard)" if plane.encryption == "wireguard" else "ESP (IPsec)")
        found.append(f"TCP {plane.service_port or 2379} (clustermesh-apiserver, {plane.plane})")
    return [*dict.fromkeys(found), "TCP 4240, ICMP (health)"]


def mesh_api(plane: MeshFacts) -> str:
    """Return where other planes reach the mesh API of a plane: `address:port`, a few of them, or the port alone."""
    known = plane.nodes if plane.service_type == "NodePort" else plane.service_addresses
    port = plane.service_port or 2379
    hosts = [f"[{one}]" if ":" in one else one for one in known[:MOST_ADDRESSES]]
    return ", ".join(f"{host}:{port}" for host in hosts) or f"TCP {port}"


@rule("R11", "operations/system_requirements.rst; operations/troubleshooting_clustermesh.rst")
def open_ports(fleet: Fleet) -> Found:
    facts = {plane.plane: plane for plane in fleet.meshed}
    for one, other in sorted(fleet.cut):
        if other in facts:
            yield Severity.WARN, say("mesh.r11_api", one=one, other=other, address=mesh_api(facts[other]))
    if unproven := {plane.plane for pair in fleet.unproven() for plane in pair}:
        planes = tuple(plane for plane in fleet.meshed if plane.plane in unproven)
        names = [plane.plane for plane in planes]
        yield Severity.UNPROVEN, say("mesh.r11_ports", planes=names, ports=ports(planes))


@rule("R15", "cilium/cilium PR #28355, PR #41934")
def versions(fleet: Fleet) -> Found:
    known = [plane for plane in fleet.meshed if plane.minor]
    minors = [plane.minor for plane in known if plane.minor]
    majors = {major for major, _minor in minors}
    apart = max((minor for _m, minor in minors), default=0) - min((minor for _m, minor in minors), default=0)
    if len(majors) > 1 or apart > 1:
        found = grouped(known, lambda plane: plane.version)
        values = [say("mesh.value_of", value=version, planes=planes) for version, planes in found.items()]
        yield Severity.WARN, say("mesh.r15", values=values)


@rule("R16", "cilium/cilium PR #40609; cilium-cli cli/clustermesh.go")
def policies(fleet: Fleet) -> Found:
    local = [plane.plane for plane in fleet.meshed if plane.local_policy]
    if local:
        yield Severity.WARN, say("mesh.r16", planes=local, command=f"{INSPECT} --context {local[0]}")


@rule("R17", "pkg/annotation/k8s.go; cilium-cli connectivity/check/deployment.go")
def shared_namespaces(fleet: Fleet) -> Found:
    for plane in fleet.meshed:
        needed = fleet.namespaces.get(plane.plane, ())
        if "namespaces" in plane.denied and needed and not plane.global_by_default:
            yield Severity.UNPROVEN, say("mesh.r17_unread", plane=plane.plane, namespaces=list(needed))
        missing = unshared(plane.shared, needed)
        if missing:
            yield Severity.ERROR, say("mesh.r17", plane=plane.plane, namespaces=missing)


def unshared(shared: frozenset[str] | None, needed: Iterable[str]) -> list[str]:
    """Return the namespaces that a plane keeps to itself; `shared` None: it shares all, or nobody knows."""
    return [] if shared is None else [name for name in needed if name not in shared]


def _too_old(kernel: str) -> bool:
    match = re.match(r"(\d+)\.(\d+)", kernel)
    if match is None or (int(match[1]), int(match[2])) >= OLDEST_KERNEL:
        return False
    return not re.match(r"4\.18\..*\.el8_(1\d)", kernel)


@rule("R18", "operations/system_requirements.rst")
def kernels(fleet: Fleet) -> Found:
    for plane in fleet.meshed:
        old = [kernel for kernel in plane.kernels if _too_old(kernel)]
        if old:
            yield Severity.WARN, say("mesh.r18", plane=plane.plane, kernels=old)
