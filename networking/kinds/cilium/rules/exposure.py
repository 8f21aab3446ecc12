"""R12 to R14, R19, R20: how planes are reached, whom they trust, and who installed what."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import declare, say
from networking.kinds.cilium.rules.base import Fleet, Found, Severity, grouped, rule

declare(
    {
        "mesh.r12": _(
            "%(planes)s offer their mesh API at the same NodePort %(port)s, and replace kube-proxy. Before Cilium "
            "1.18.2 agents then reach their own plane instead of the other one, without an error. It is older, or its "
            "version is not known, on %(older)s. Give each plane another port "
            "(clustermesh.apiserver.service.nodePort), take load balancers, or upgrade Cilium."
        ),
        "mesh.r13": _(
            "%(planes)s offer their mesh API by NodePort, and others know the address of one node only. When "
            "that node is replaced, connect again. A load balancer is the recommended way."
        ),
        "mesh.r14": _(
            "The planes do not trust each other: their certificate authorities differ (%(values)s). Share the "
            "authority of one plane with the others before connecting; connect refuses otherwise."
        ),
        "mesh.r14_none": _(
            "%(planes)s: there is no certificate authority of Cilium (Secret cilium-ca). Share that of another plane "
            "first."
        ),
        "mesh.r14_unread": _(
            "Whether %(planes)s have the authority of the others is not known, since the console may not read Secret "
            "cilium-ca there. Grant that, or compare the SubjectKeyId of ca.crt yourself."
        ),
        "mesh.r19": _(
            "%(planes)s: Cilium was not installed by Helm there (no release is named on its objects), and the cilium "
            "command connects Helm releases only. Connect these planes with the tool that installed Cilium."
        ),
        "mesh.r20": _(
            "%(plane)s runs another network: %(names)s. Installing Cilium there would replace it and cut every "
            "pod off. The console never does that; leave the plane out, or move it by hand."
        ),
        "mesh.r20_unread": _(
            "Whether %(plane)s runs another network is not known, since the console may not list its DaemonSets. "
            "Grant that before Cilium is installed there."
        ),
    }
)  # fmt: skip

OWN_PORT_UNTIL = (1, 18, 2)
"""The first release of 1.18 with the mend of R12; no release of 1.17 is known to have it."""


@rule("R12", "cilium/cilium issues #24692, #30297; PR #41337, in 1.18 by PR #41591: release notes of v1.18.2")
def own_node_ports(fleet: Fleet) -> Found:
    exposed = [p for p in fleet.meshed if p.service_type == "NodePort" and p.kube_proxy_replacement]
    for port, planes in grouped(exposed, lambda plane: plane.service_port).items():
        older = [p.plane for p in exposed if p.plane in planes and (p.release or (0,)) < OWN_PORT_UNTIL]
        if len(planes) > 1 and older:
            yield Severity.ERROR, say("mesh.r12", planes=planes, port=port, older=older)


@rule("R13", "cilium-cli clustermesh.go extractAccessInformation; network/clustermesh/setup.rst")
def one_node(fleet: Fleet) -> Found:
    planes = [plane.plane for plane in fleet.meshed if plane.service_type == "NodePort"]
    if planes:
        yield Severity.WARN, say("mesh.r13", planes=planes)


@rule("R14", "cilium-cli clustermesh.go validateCAMatch (fails since v0.19.1)")
def one_authority(fleet: Fleet) -> Found:
    known = [plane for plane in fleet.meshed if plane.authority]
    found = grouped(known, lambda plane: plane.authority)
    if len(found) > 1:
        values = [say("mesh.value_of", value=str(key)[:12], planes=planes) for key, planes in found.items()]
        yield Severity.ERROR, say("mesh.r14", values=values)
    none = [plane.plane for plane in fleet.meshed if plane.authority == ""]
    if none:
        yield Severity.ERROR, say("mesh.r14_none", planes=none)
    unread = [plane.plane for plane in fleet.meshed if plane.authority is None]
    if unread:
        yield Severity.UNPROVEN, say("mesh.r14_unread", planes=unread)


@rule("R19", "cilium-cli clustermesh.go getRelease; cilium/cilium issue #32076")
def by_helm(fleet: Fleet) -> Found:
    planes = [plane.plane for plane in fleet.meshed if not plane.helm]
    if planes:
        yield Severity.WARN, say("mesh.r19", planes=planes)


@rule("R20", "policy of this console: installing a CNI replaces the one that is there")
def no_other_network(fleet: Fleet) -> Found:
    for plane in fleet.planes:
        if plane.found:
            continue
        if plane.other_cni is None:
            yield Severity.ERROR, say("mesh.r20_unread", plane=plane.plane)
        elif plane.other_cni:
            yield Severity.ERROR, say("mesh.r20", plane=plane.plane, names=list(plane.other_cni))
