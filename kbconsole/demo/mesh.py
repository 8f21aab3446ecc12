"""A stand-in for Cilium and its mesh: the objects that a real one leaves in a plane, written through the API.

Nothing here routes a packet. Whether one plane reaches another is whether its API server answers on loopback: that is
what the stand-in for the command (`kbconsole.demo.cilium`) tells, in the shape of the real one.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kbconsole.demo import ca
from kbconsole.demo.resources import RBAC
from kbconsole.demo.rights import binding, cluster_role, rule
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.kinds import CILIUM_NODE, CONFIG_MAP, DEPLOYMENT, NODE, SECRET, SERVICE

Object = dict[str, Any]
Ranges = Mapping[str, str]
"""Addresses of nodes, by the pod range that each was given."""
SYSTEM, APISERVER, AUTHORITY = "kube-system", "clustermesh-apiserver", "cilium-ca"
REMOTES = ("cilium-clustermesh", "cilium-kvstoremesh")
VERSION = "v1.18.2"
FIRST_PORT = 32379
_HELM = {"meta.helm.sh/release-name": "cilium", "meta.helm.sh/release-namespace": SYSTEM}
_LABELS = {"app.kubernetes.io/managed-by": "Helm"}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def make_authority() -> dict[str, str]:
    """Return `ca.crt` and `ca.key`, encoded. The key signs nothing: no certificate of the stand-in is checked."""
    made = ca.issue("Cilium")
    return {"ca.crt": encoded(made.ca_pem), "ca.key": encoded(made.key_pem)}


def _named(kind: str, name: str, api: str = "v1", **fields: Any) -> Object:
    metadata = {"name": name, "namespace": SYSTEM, "labels": dict(_LABELS), "annotations": dict(_HELM)}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **fields}


def node_definition() -> Object:
    """Return the CustomResourceDefinition of CiliumNode, without its schema."""
    names = {
        "plural": "ciliumnodes",
        "singular": "ciliumnode",
        "kind": "CiliumNode",
        "listKind": "CiliumNodeList",
    }
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v2", "served": True, "storage": True, "schema": schema}
    spec = {"group": "cilium.io", "names": names, "scope": "Cluster", "versions": [version]}
    api = "apiextensions.k8s.io/v1"
    metadata = {"name": "ciliumnodes.cilium.io"}
    return {"apiVersion": api, "kind": "CustomResourceDefinition", "metadata": metadata, "spec": spec}


def rights() -> list[Object]:
    """Return what the console may read of a mesh here, which a real plane's administrator grants apart."""
    metadata = {"name": "kbconsole-mesh", "namespace": SYSTEM}
    rules = [
        rule("", "secrets", "get", *REMOTES, AUTHORITY),
        rule("apps", "deployments", "get", APISERVER),
        rule("", "pods/exec", "create"),
    ]
    bound = binding("kbconsole-mesh", "kbconsole-mesh", "kbconsole")
    ref = {"apiGroup": RBAC, "kind": "Role", "name": "kbconsole-mesh"}
    return [
        {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": rules},
        {**bound, "kind": "RoleBinding", "metadata": metadata, "roleRef": ref},
        cluster_role("kbconsole-mesh", [rule("apps", "daemonsets", "get list")]),
        bound,
    ]


def config(name: str, number: int, pods: str) -> Object:
    data = {
        "cluster-name": name, "cluster-id": str(number), "max-connected-clusters": "255", "routing-mode": "tunnel",
        "tunnel-protocol": "vxlan", "ipam": "cluster-pool", "cluster-pool-ipv4-cidr": pods,
        "cluster-pool-ipv4-mask-size": "24", "kube-proxy-replacement": "true", "identity-allocation-mode": "crd",
    }  # fmt: skip
    return _named("ConfigMap", "cilium-config", data=data)


def agents() -> Object:
    labels = {"k8s-app": "cilium"}
    containers = [{"name": "cilium-agent", "image": f"quay.io/cilium/cilium:{VERSION}"}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    return _named("DaemonSet", "cilium", "apps/v1", spec=spec)


def nodes(client: PlaneClient) -> Iterator[Object]:
    """Yield a CiliumNode for each Node, with the range that the Node was given."""
    for node in client.list(NODE):
        found = (node.get("status") or {}).get("addresses") or []
        addresses = [{"type": entry["type"], "ip": entry["address"]} for entry in found]
        spec = {"ipam": {"podCIDRs": [node["spec"]["podCIDR"]]}, "addresses": addresses}
        yield {
            "apiVersion": "cilium.io/v2", "kind": "CiliumNode", "metadata": {"name": node["metadata"]["name"]},
            "spec": spec,
        }  # fmt: skip


def apiserver(number: int, service_type: str = "NodePort") -> list[Object]:
    """Return what `clustermesh enable` makes; its port is one that no other plane has."""
    labels = {"k8s-app": APISERVER}
    containers = [{"name": "apiserver", "image": f"quay.io/cilium/{APISERVER}:{VERSION}"},
                  {"name": "kvstoremesh", "image": f"quay.io/cilium/{APISERVER}:{VERSION}"}]  # fmt: skip
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    port = {"name": "apiserver", "port": 2379, "protocol": "TCP"}
    ports = [port | ({"nodePort": FIRST_PORT + number} if service_type == "NodePort" else {})]
    service = {"type": service_type, "selector": labels, "ports": ports}
    return [_named("Deployment", APISERVER, "apps/v1", spec=spec), _named("Service", APISERVER, spec=service)]


def install(
    client: PlaneClient, *, name: str, number: int, pods: str, authority: Mapping[str, str] | None = None
) -> None:
    """Make what `cilium install` leaves. An authority that is there stays. Raises KubeError."""
    client.apply(node_definition())
    client.apply(config(name, number, pods))
    client.apply(agents())
    for node in nodes(client):
        client.apply(node)
    if client.get(SECRET, AUTHORITY, SYSTEM) is None:
        client.create(_named("Secret", AUTHORITY, type="Opaque", data=dict(authority or make_authority())))


def enable(client: PlaneClient, *, service_type: str) -> None:
    """Make what `cilium clustermesh enable` leaves, ready at once. Raises KubeError."""
    found = client.get(CONFIG_MAP, "cilium-config", SYSTEM)
    number = int((found or {}).get("data", {}).get("cluster-id", 0))
    for made in apiserver(number, service_type):
        client.apply(made)
    status = {"status": {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1}}
    client.patch(DEPLOYMENT, APISERVER, SYSTEM, status, subresource="status")
    for name in REMOTES:
        if client.get(SECRET, name, SYSTEM) is None:
            client.create(_named("Secret", name, type="Opaque", data={}))


def disable(client: PlaneClient) -> None:
    """Take away what `enable` made: the mesh API and what KVStoreMesh knows. Raises KubeError."""
    for kind, name in ((DEPLOYMENT, APISERVER), (SERVICE, APISERVER), *((SECRET, name) for name in REMOTES)):
        client.delete(kind, name, SYSTEM)


def called(client: PlaneClient) -> str:
    """Return the plane's name in the mesh. Raises KubeError."""
    found = client.get(CONFIG_MAP, "cilium-config", SYSTEM)
    return str((found or {}).get("data", {}).get("cluster-name", ""))


def point(
    client: PlaneClient, remotes: Mapping[str, str | None], learned: Mapping[str, Ranges] | None = None
) -> None:
    """Let a plane's agents know remotes, by their name and server; None takes one away. Raises KubeError.

    `learned`: what agents get from a remote they are connected to; they keep it when it is lost, as real ones do.
    """
    data = {
        name: encoded(_known(server, (learned or {}).get(name, {}))) if server else None
        for name, server in remotes.items()
    }
    for name in REMOTES:
        client.patch(SECRET, name, SYSTEM, {"data": data})


def _known(server: str, ranges: Ranges) -> str:
    lines = [f"# {pods} {node}" for pods, node in ranges.items()]
    return "\n".join(["endpoints:", f"- {server}", *lines, ""])


def ranges_of(client: PlaneClient) -> dict[str, str]:
    """Return the address of each node by its pod range. Raises KubeError."""
    found: dict[str, str] = {}
    for node in client.list(CILIUM_NODE):
        inside = [one["ip"] for one in node["spec"]["addresses"] if one["type"] == "InternalIP"]
        found |= {pods: inside[0] for pods in node["spec"]["ipam"]["podCIDRs"] if inside}
    return found


def build(clients: Mapping[str, PlaneClient], servers: Mapping[str, str], numbers: Mapping[str, int]) -> None:
    """Make a mesh of planes that have none, all pairs connected. Raises KubeError."""
    authority, made = make_authority(), list[str]()
    for plane, client in clients.items():
        if client.get(CONFIG_MAP, "cilium-config", SYSTEM) is None:
            for right in rights():
                client.apply(right)
            number = numbers[plane]
            install(client, name=plane, number=number, pods=f"10.{number}.0.0/16", authority=authority)
            enable(client, service_type="NodePort")
            made.append(plane)
    learned = {plane: ranges_of(client) for plane, client in clients.items()} if made else {}
    for plane in made:
        point(clients[plane], {other: servers[other] for other in clients if other != plane}, learned)


def agents_of(client: PlaneClient) -> int:
    """Return how many agents a plane has: one per node. Raises KubeError."""
    return len(client.list(CILIUM_NODE))


def remotes_of(client: PlaneClient) -> dict[str, str]:
    """Return name and server of what a plane's agents know. Raises KubeError."""
    return {name: lines[1].removeprefix("- ") for name, lines in _pointed(client).items()}


def learned_of(client: PlaneClient) -> dict[str, str]:
    """Return the nodes of other planes that a plane's agents have learned, by pod range. Raises KubeError."""
    pairs = [line.removeprefix("# ").split() for lines in _pointed(client).values() for line in lines[2:]]
    return {pair[0]: pair[1] for pair in pairs}


def learned_from(client: PlaneClient) -> set[str]:
    """Return the remotes of which a plane's agents have learned anything, and keep it. Raises KubeError."""
    return {name for name, lines in _pointed(client).items() if lines[2:]}


def _pointed(client: PlaneClient) -> dict[str, list[str]]:
    data: Mapping[str, str] = (client.get(SECRET, REMOTES[0], SYSTEM) or {}).get("data") or {}
    plain = {name: base64.b64decode(value).decode() for name, value in data.items()}
    return {name: text.splitlines() for name, text in plain.items() if "endpoints:" in text}


def same_authority(planes: Sequence[PlaneClient]) -> bool:
    """Return whether all have the same certificate: `connect` refuses others. Raises KubeError."""
    found = {
        (client.get(SECRET, AUTHORITY, SYSTEM) or {}).get("data", {}).get("ca.crt", "") for client in planes
    }
    return len(found) == 1
