"""What a new plane holds before anybody uses it, whoever serves it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kbconsole.demo import rights, router
from kbconsole.demo.plane import Identity, Plane
from kbconsole.demo.rights import POD_ROLE, cluster_role, rule
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.kinds import kind_of

Object = dict[str, Any]
# Who writes an object (the manager of its fields), and the object with its status.
Seed = Iterator[tuple[str, Object]]
VERSIONS = {"0.9": "0.9.5", "1.0": "1.0.2"}
MERGE = "application/merge-patch+json"
_HELM = {"meta.helm.sh/release-name": "kubeblocks", "meta.helm.sh/release-namespace": "kb-system"}


def send(
    plane: Plane, method: str, path: str, body: Object, *, manager: str, kind: str = "application/json"
) -> Object:
    """Write as the plane's admin, through the same door as everybody. Raises ApiError."""
    headers = {"Content-Type": kind, "User-Agent": manager}
    ask = router.Ask(method, path, {"fieldManager": manager}, headers, json.dumps(body).encode())
    reply = router.answer(plane, rights.USERS["admin"], ask)
    assert isinstance(reply.body, dict), reply.body
    return reply.body


def fill(plane: Plane, seed: Iterable[tuple[str, Object]]) -> None:
    """Write into an embedded plane, before it is served."""
    for manager, body in seed:
        kind, name = kind_of(body), body["metadata"]["name"]
        space = body["metadata"].get("namespace", "")
        send(plane, "POST", kind.path(space), body, manager=manager)
        if "status" in body:
            patch = {"status": body["status"]}
            send(plane, "PATCH", kind.path(space, name, "status"), patch, manager=manager, kind=MERGE)


def write(clients: Mapping[str, PlaneClient], seed: Iterable[tuple[str, Object]]) -> None:
    """Write through the API of a plane, by a client of each manager. Raises KubeError."""
    for manager, body in seed:
        client, metadata = clients[manager], body["metadata"]
        client.create(body)
        if "status" in body:
            key = kind_of(body), metadata["name"], metadata.get("namespace", "")
            client.patch(*key, {"status": body["status"]}, subresource="status")


def _core(kind: str, name: str, **fields: Any) -> Object:
    metadata = {"name": name} | fields.pop("metadata", {})
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata} | fields


def by(manager: str, bodies: Iterable[Object]) -> Seed:
    return ((manager, body) for body in bodies)


def itself(plane: Identity) -> Seed:
    """Yield what a real API server makes when it starts for the first time."""
    spaces = ("default", "kube-system", "kube-public", "kube-node-lease")
    services: Object = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": "kubernetes"},
        "spec": {"cidrs": [f"{plane.service_range}.0.0/16"]},
    }
    made = [*(_core("Namespace", name) for name in spaces), *rights.bootstrap(), services]
    return by("kube-apiserver", made)


def _node(plane: Identity, number: int) -> Object:
    place = plane.number
    labels = {
        "kubernetes.io/hostname": f"{plane.name}-node-{number}",
        "topology.kubernetes.io/region": f"region-{place}",
        "topology.kubernetes.io/zone": f"region-{place}{'abc'[number % 3]}",
    }
    address = f"192.168.{place % 250}.{10 + number}"
    return _core(
        "Node",
        f"{plane.name}-node-{number}",
        metadata={"labels": labels},
        spec={"podCIDR": f"{plane.pod_range}.{number}.0/24"},
        status={
            "addresses": [{"type": "InternalIP", "address": address}],
            "allocatable": {"cpu": "16", "memory": "64Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
            "nodeInfo": {"kubeletVersion": "v1.36.3", "osImage": "embedded"},
        },
    )


def data_plane(plane: Identity, *, nodes: int = 2) -> Seed:
    """Yield what a data plane holds."""
    storage = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": "standard",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "embedded.kbconsole.io/disk",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
    }
    machines = [_node(plane, number) for number in range(1, nodes + 1)]
    return by("kubeadm", [*rights.of_data_plane(), storage, *machines])


def _deployment(name: str, component: str, version: str, contexts: list[str]) -> Object:
    labels = {
        "app.kubernetes.io/name": "kubeblocks",
        "app.kubernetes.io/instance": "kubeblocks",
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/version": version,
        "app.kubernetes.io/managed-by": "Helm",
        "helm.sh/chart": f"kubeblocks-{version}",
    }
    picked = {key: labels[key] for key in list(labels)[:3]}
    args = [
        "--health-probe-bind-address=:8081",
        "--multi-cluster-kubeconfig=/var/run/secrets/kubeblocks.io/multicluster/kubeconfig",
        f"--multi-cluster-contexts={','.join(contexts)}",
    ]
    container = {"name": "manager", "image": f"docker.io/apecloud/kubeblocks:{version}", "args": args}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "kb-system", "labels": labels, "annotations": dict(_HELM)},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": picked},
            "template": {"metadata": {"labels": picked}, "spec": {"containers": [container]}},
        },
        "status": {
            "observedGeneration": 1,
            "replicas": 1,
            "readyReplicas": 1,
            "availableReplicas": 1,
            "updatedReplicas": 1,
            "conditions": [{"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"}],
        },
    }


def _definition(name: str, chart: str, line: str, *, peer_name: str, service_version: str) -> Object:
    """A ComponentDefinition of the etcd chart: the parts that the stand-in operator and the console read."""
    peer: Object = {"name": "peer", "podService": True, "disableAutoProvision": line == "0.9"}
    if peer_name:
        peer["serviceName"] = peer_name
    services = [{**peer, "spec": {"ports": [{"name": "peer", "port": 2380}]}}]
    if line == "1.0":
        client = {"ports": [{"name": "client", "port": 2379}]}
        services.append({"name": "client", "serviceName": "client", "roleSelector": "leader", "spec": client})
    labels = {
        "app.kubernetes.io/name": "etcd",
        "app.kubernetes.io/instance": "kb-addon-etcd",
        "helm.sh/chart": chart,
    }
    roles = [{"name": "leader"}, {"name": "follower"}]
    return {
        "apiVersion": "apps.kubeblocks.io/" + ("v1alpha1" if line == "0.9" else "v1"),
        "kind": "ComponentDefinition",
        "metadata": {"name": name, "labels": labels | {"app.kubernetes.io/managed-by": "Helm"}},
        "spec": {
            "serviceKind": "etcd",
            "serviceVersion": service_version,
            "services": services,
            "roles": roles,
            "runtime": {
                "containers": [{"name": "etcd", "ports": [{"containerPort": 2379}, {"containerPort": 2380}]}]
            },
            "volumes": [{"name": "data"}],
            "lifecycleActions": {"roleProbe": {"periodSeconds": 1}},
        },
        "status": {"phase": "Available", "observedGeneration": 1},
    }


def engine_definitions(line: str) -> list[Object]:
    if line == "1.0":
        return [_definition("etcd-3-1.0.2", "etcd-1.0.2", line, peer_name="", service_version="3.6.1")]
    return [
        _definition("etcd-0.9.0", "etcd-0.9.4", line, peer_name="peer", service_version="3.5.6"),
        _definition("etcd", "etcd-0.9.5", line, peer_name="peer", service_version="3.5.15"),
    ]


def _member_rules(line: str) -> dict[str, list[Object]]:
    """Return the roles that the pod role is gathered from."""
    maps = "create get list patch update delete"
    if line == "1.0":
        return {"kubeblocks-kbagent-pod-role": [rule("", "events", "create get update")]}
    kept = "create delete get list patch update watch"
    return {
        "kubeblocks-lorry-pod-role": [
            rule("", "events", "create"),
            rule("", "configmaps", maps),
            rule("apps.kubeblocks.io", "clusters", "get list"),
            rule("apps.kubeblocks.io", "clusters/status", "get"),
            rule("", "pods", "get list"),
            rule("apps.kubeblocks.io", "opsrequests/status", "get patch"),
        ],
        "kubeblocks-patroni-pod-role": [
            rule("", "configmaps", "create get list patch update watch delete"),
            rule("", "endpoints", "get patch update create list watch delete"),
            rule("", "pods", kept),
        ],
        "kubeblocks-backup-pod-role": [
            rule("dataprotection.kubeblocks.io", "backups/status", "get update patch"),
            rule("dataprotection.kubeblocks.io", "backups", "create get"),
        ],
        "kubeblocks-volume-protection-pod-role": [rule("", "nodes nodes/stats", "get list")],
    }


def pod_roles(line: str) -> list[Object]:
    """Return the aggregated role, its rules filled, and its members."""
    labels = {"app.kubernetes.io/name": "kubeblocks", "app.kubernetes.io/instance": "kubeblocks"}
    helm = labels | {"app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": f"kubeblocks-{VERSIONS[line]}"}
    members = _member_rules(line)
    wanted = labels | {"app.kubernetes.io/required-by": "pod"}
    total = [found for name in sorted(members) for found in members[name]]
    made = [cluster_role(name, rules, labels=helm | wanted) for name, rules in members.items()]
    aggregation = {"clusterRoleSelectors": [{"matchLabels": wanted}]}
    metadata = {"annotations": dict(_HELM)}
    return [*made, cluster_role(POD_ROLE, total, labels=helm, metadata=metadata, aggregationRule=aggregation)]


def control_plane(plane: Identity, *, line: str, contexts: list[str]) -> Seed:
    """Yield KubeBlocks of a release line that knows these contexts; its kinds are there already."""
    version = VERSIONS[line]
    yield from by("kubeadm", [_core("Namespace", "kb-system"), *rights.of_control_plane(), _node(plane, 1)])
    deployments = [
        _deployment("kubeblocks", "apps", version, contexts),
        _deployment("kubeblocks-dataprotection", "dataprotection", version, contexts),
    ]
    yield from by("helm", [*pod_roles(line), *engine_definitions(line), *deployments])
