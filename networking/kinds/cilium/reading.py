"""Reading Cilium through the Kubernetes API alone: what is where, and not one value of a Secret kept.

Sources: cilium/cilium-cli v0.19.7 `cilium-cli/clustermesh/clustermesh.go`, `defaults/defaults.go`; cilium/cilium
Documentation (cluster-pool.rst, setup.rst, troubleshooting_clustermesh.rst).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from cryptography import x509

from kbconsole.common.sentences import Json
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.errors import Forbidden, Rejected
from kbconsole.k8s.kinds import (
    CILIUM_NODE,
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    NAMESPACE,
    NODE,
    SECRET,
    SERVICE,
    Kind,
    Object,
)
from networking.kinds.cilium.facts import DEFAULT_MOST, MeshFacts
from networking.kinds.keeping import READERS, Reader

SYSTEM = "kube-system"
CONFIG, AGENTS, AUTHORITY, APISERVER = "cilium-config", "cilium", "cilium-ca", "clustermesh-apiserver"
REMOTES = ("cilium-clustermesh", "cilium-kvstoremesh")
"""Secrets with one key per remote cluster whose value names endpoints; the other keys are certificates."""
GLOBAL_NAMESPACE = "clustermesh.cilium.io/global"
OTHER_CNIS = (
    "calico-node", "kube-flannel", "aws-node", "terway", "weave-net", "antrea-agent", "ovnkube-node", "kube-router",
    "canal", "kindnet", "azure-cni", "cello",
)  # fmt: skip
"""How the DaemonSets of other networks begin."""

T = TypeVar("T")


class _Look:
    """One look at one plane: what the console may not read is noted instead of raised."""

    def __init__(self, plane: PlaneClient) -> None:
        self.plane = plane
        self.denied: list[str] = []

    def ask(self, what: str, question: Callable[[], T], otherwise: T) -> T:
        try:
            return question()
        except Forbidden:
            self.denied.append(what)
        except Rejected as rejected:
            if rejected.http_status != 404:  # the kind is not served there, so there is none
                raise
        return otherwise

    def listed(self, what: str, kind: Kind) -> list[Object]:
        none: list[Object] = []
        return self.ask(what, lambda: self.plane.list(kind), none)

    def secret(self, name: str) -> Object | None:
        return self.ask(f"secrets/{name}", lambda: self.plane.get(SECRET, name, SYSTEM), None)


def read(plane: PlaneClient) -> MeshFacts:
    """Return what the plane tells. One request where Cilium is not installed. Raises KubeError."""
    look = _Look(plane)
    config = look.ask(f"configmaps/{CONFIG}", lambda: plane.get(CONFIG_MAP, CONFIG, SYSTEM), None)
    sets = look.ask("daemonsets", lambda: plane.list(DAEMON_SET), None)
    if config is None:
        return MeshFacts(plane.plane, other_cni=_others(sets, look), denied=tuple(look.denied))
    facts: dict[str, Any] = {
        **_of_config(config), **_of_nodes(look), **_of_service(look), **_of_secrets(look), **_of_namespaces(look),
        "version": _version(sets), "other_cni": _others(sets, look),
    }  # fmt: skip
    facts["exec_allowed"] = plane.can_i("create", resource="pods", subresource="exec", namespace=SYSTEM)
    return MeshFacts(plane.plane, found=True, denied=tuple(look.denied), **facts)


@READERS.register
class Mesh(Reader):
    """Cilium and its mesh, as the API tells them."""

    slug = "mesh"

    def read(self, plane: PlaneClient) -> Json:
        return read(plane).to_json()

    def fact(self, facts: Json) -> Mapping[str, Any]:
        known = MeshFacts.from_json(facts)
        unread = not known.found and bool(known.denied)  # not the same as none
        return {
            "mesh": None if unread else known.in_mesh,
            "mesh_name": known.name,
            "mesh_id": known.id or None,
            "shared": known.shared,
        }


def _number(text: object, otherwise: int) -> int:
    return int(str(text)) if str(text or "").isdigit() else otherwise


def _of_config(config: Object) -> dict[str, Any]:
    data: Mapping[str, str] = config.get("data") or {}
    annotations = config["metadata"].get("annotations") or {}
    ipv4, ipv6 = data.get("cluster-pool-ipv4-cidr", ""), data.get("cluster-pool-ipv6-cidr", "")
    wired = "enable-wireguard" if data.get("enable-wireguard") == "true" else ""
    return {
        "name": data.get("cluster-name", ""),
        "id": _number(data.get("cluster-id"), 0),
        "most": _number(data.get("max-connected-clusters"), DEFAULT_MOST),
        "routing": data.get("routing-mode", ""),
        "tunnel": data.get("tunnel-protocol", ""),
        "encryption": "wireguard" if wired else "ipsec" if data.get("enable-ipsec") == "true" else "",
        "ipam": data.get("ipam", ""),
        "chaining": data.get("cni-chaining-mode", ""),
        "pool": tuple(part for text in (ipv4, ipv6) for part in re.split(r"[\s,]+", text) if part),
        "pool_mask": _number(data.get("cluster-pool-ipv4-mask-size"), 0),
        "native_range": data.get("ipv4-native-routing-cidr", ""),
        "kube_proxy_replacement": data.get("kube-proxy-replacement", "false")
        not in ("false", "disabled", ""),
        "local_policy": data.get("policy-default-local-cluster") == "true",
        "global_by_default": data.get("clustermesh-default-global-namespace", "true") != "false",
        "helm": "meta.helm.sh/release-name" in annotations,
    }


def _of_nodes(look: _Look) -> dict[str, Any]:
    """The ranges that were really given out (CiliumNode), else those of the Nodes; addresses and kernels."""
    nodes = look.listed("nodes", NODE)
    ciliums = look.listed("ciliumnodes", CILIUM_NODE)
    pods = [part for one in ciliums for part in _ranges(one)] or [
        part for one in nodes for part in _given(one.get("spec") or {})
    ]
    of_nodes = [_addresses(one) for one in nodes]
    infos = [(one.get("status") or {}).get("nodeInfo") or {} for one in nodes]
    return {
        "pods": tuple(sorted(set(pods))),
        "nodes": tuple(sorted({address for found in of_nodes for _kind, address in found})),
        "nodes_inside": sum(any(kind == "InternalIP" for kind, _ in found) for found in of_nodes),
        "nodes_all": len(nodes),
        "kernels": tuple(sorted({str(info["kernelVersion"]) for info in infos if info.get("kernelVersion")})),
    }


def _given(spec: Object) -> list[str]:
    return _texts(spec.get("podCIDRs")) or _texts([spec.get("podCIDR")])


def _addresses(node: Object) -> list[tuple[str, str]]:
    found = _dicts((node.get("status") or {}).get("addresses"))
    pairs = [(str(entry.get("type")), str(entry.get("address"))) for entry in found]
    return [pair for pair in pairs if pair[0] in ("InternalIP", "ExternalIP")]


def _ranges(node: Object) -> list[str]:
    ipam = (node.get("spec") or {}).get("ipam") or {}
    pools = _dicts((ipam.get("pools") or {}).get("allocated"))
    return _texts(ipam.get("podCIDRs")) + [text for pool in pools for text in _texts(pool.get("cidrs"))]


def _of_service(look: _Look) -> dict[str, Any]:
    deployment = look.ask(
        f"deployments/{APISERVER}", lambda: look.plane.get(DEPLOYMENT, APISERVER, SYSTEM), None
    )
    service = look.ask(f"services/{APISERVER}", lambda: look.plane.get(SERVICE, APISERVER, SYSTEM), None)
    if deployment is None and service is None:
        return {}
    template = ((deployment or {}).get("spec") or {}).get("template") or {}
    containers = _dicts((template.get("spec") or {}).get("containers"))
    status = (deployment or {}).get("status") or {}
    return {
        "enabled": True,
        "ready": bool(status.get("availableReplicas")),
        "kvstoremesh": any(one.get("name") == "kvstoremesh" for one in containers),
        **(_exposed(service) if service else {}),
    }


def _exposed(service: Object) -> dict[str, Any]:
    spec = service.get("spec") or {}
    ports = _dicts(spec.get("ports"))
    ingress = _dicts(((service.get("status") or {}).get("loadBalancer") or {}).get("ingress"))
    kind = str(spec.get("type", "ClusterIP"))
    port = ports[0] if ports else {}
    return {
        "service_type": kind,
        "service_port": int(port.get("nodePort" if kind == "NodePort" else "port") or 0),
        "service_addresses": tuple(str(one.get("ip") or one.get("hostname")) for one in ingress),
    }


def _of_secrets(look: _Look) -> dict[str, Any]:
    """The names of the remotes and the SubjectKeyId of the authority. The values are dropped here."""
    names: set[str] = set()
    read_one = False
    for name in REMOTES:
        secret = look.secret(name)
        read_one = read_one or f"secrets/{name}" not in look.denied
        names.update(remotes_in(secret))
    authority = look.secret(AUTHORITY)
    denied = f"secrets/{AUTHORITY}" in look.denied
    return {
        "remotes": tuple(sorted(names)) if read_one else None,
        "authority": None if denied else key_id(authority),
    }


def remotes_in(secret: Object | None) -> list[str]:
    """Return the keys that stand for remote clusters: their values name endpoints."""
    data = (secret or {}).get("data") or {}
    return [str(key) for key, value in data.items() if b"endpoints:" in _decoded(value)]


def key_id(secret: Object | None) -> str:
    """Return the SubjectKeyId of the authority's certificate (`ca.crt`, else `tls.crt`), in hex; "" for none.

    That is what `cilium clustermesh connect` compares (clustermesh.go, validateCAMatch). The key is not looked at.
    """
    data = (secret or {}).get("data") or {}
    for key in ("ca.crt", "tls.crt"):
        try:
            certificate = x509.load_pem_x509_certificate(_decoded(data.get(key)))
            extension = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        except (ValueError, x509.ExtensionNotFound):
            continue
        return extension.value.digest.hex()
    return ""


def _of_namespaces(look: _Look) -> dict[str, Any]:
    spaces = look.listed("namespaces", NAMESPACE)
    marked = [
        str(one["metadata"]["name"])
        for one in spaces
        if (one["metadata"].get("annotations") or {}).get(GLOBAL_NAMESPACE) == "true"
    ]
    return {"global_namespaces": tuple(sorted(marked))}


def _version(sets: list[Object] | None) -> str:
    """The tag of the agents' image, such as `v1.18.2`; "" where the DaemonSet is not there or not to be read."""
    for one in sets or []:
        meta = one["metadata"]
        if meta["name"] == AGENTS and meta.get("namespace") == SYSTEM:
            spec = ((one.get("spec") or {}).get("template") or {}).get("spec") or {}
            agents = [c for c in _dicts(spec.get("containers")) if c.get("name") == "cilium-agent"]
            image = str(agents[0].get("image", "")) if agents else ""
            return image.partition("@")[0].rpartition(":")[2][:40]
    return ""


def _others(sets: list[Object] | None, look: _Look) -> tuple[str, ...] | None:
    if sets is None:
        return None if "daemonsets" in look.denied else ()
    names = {str(one["metadata"]["name"]) for one in sets}
    return tuple(sorted(name for name in names if name.startswith(OTHER_CNIS)))


def _decoded(value: object) -> bytes:
    try:
        return base64.b64decode(str(value or ""), validate=True)
    except (ValueError, binascii.Error):
        return b""


def _texts(value: Any) -> list[str]:
    return [str(item) for item in value if item] if isinstance(value, list) else []


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
