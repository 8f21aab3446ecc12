"""A copy of a mirrored object holds what the operator would have made on that plane, and nothing of the other one."""

from __future__ import annotations

from typing import Any

import pytest

from placements.copies import mirrored_copy
from placements.rendering import PLACEMENT

OWNER = {
    "apiVersion": "apps.kubeblocks.io/v1",
    "kind": "Component",
    "name": "etcd-demo-etcd",
    "uid": "u",
    "controller": True,
}


def found(kind: str, **body: Any) -> dict[str, Any]:
    metadata = {
        "name": "etcd-demo", "namespace": "db", "uid": "1", "resourceVersion": "7", "generation": 2, "selfLink": "/x",
        "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": [{"manager": "operator"}],
        "labels": {"app.kubernetes.io/instance": "etcd-demo", "argocd.argoproj.io/instance": "x"},
        "annotations": {PLACEMENT: "k8s-1", "kubectl.kubernetes.io/last-applied-configuration": "{}", "keep": "me"},
        "finalizers": ["component.kubeblocks.io/finalizer"], "ownerReferences": [OWNER],
    }  # fmt: skip
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **body}


def test_the_copy_is_marked_for_its_own_plane_and_carries_no_trace_of_the_other_server() -> None:
    copy = mirrored_copy(
        found("ConfigMap", data={"a": "b"}, binaryData={"c": "ZA=="}, status={"x": 1}), "k8s-3"
    )
    assert copy == {
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}, "binaryData": {"c": "ZA=="},
        "metadata": {
            "name": "etcd-demo", "namespace": "db", "labels": {"app.kubernetes.io/instance": "etcd-demo"},
            "annotations": {PLACEMENT: "k8s-3", "keep": "me"}, "ownerReferences": [OWNER],
        },
    }  # fmt: skip


def test_a_service_gets_addresses_and_node_ports_of_its_own_plane() -> None:
    port = {"name": "peer", "port": 2380, "targetPort": "peer", "protocol": "TCP"}
    spec = {
        "type": "LoadBalancer", "clusterIP": "10.0.0.9", "clusterIPs": ["10.0.0.9"], "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack", "loadBalancerIP": "192.0.2.1", "healthCheckNodePort": 31000,
        "selector": {"a": "b"}, "ports": [{**port, "nodePort": 30080}], "publishNotReadyAddresses": True,
        "externalTrafficPolicy": "Local", "sessionAffinity": "None",
    }  # fmt: skip
    status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    copy = mirrored_copy(found("Service", spec=spec, status=status), "k8s-3")
    assert copy["spec"] == {
        "type": "LoadBalancer", "selector": {"a": "b"}, "ports": [port], "publishNotReadyAddresses": True,
        "externalTrafficPolicy": "Local", "sessionAffinity": "None",
    }  # fmt: skip
    assert "status" not in copy


def test_a_headless_service_stays_headless() -> None:
    spec = {"clusterIP": "None", "clusterIPs": ["None"], "selector": {"a": "b"}, "ports": []}
    assert mirrored_copy(found("Service", spec=spec), "k8s-3")["spec"]["clusterIP"] == "None"


@pytest.mark.parametrize(
    ("kind", "body", "kept"),
    [
        ("ServiceAccount", {"secrets": [{"name": "token"}], "automountServiceAccountToken": False},
         {"automountServiceAccountToken": False}),
        ("RoleBinding", {"roleRef": {"kind": "ClusterRole", "name": "r"}, "subjects": [{"name": "s"}]},
         {"roleRef": {"kind": "ClusterRole", "name": "r"}, "subjects": [{"name": "s"}]}),
    ],
)  # fmt: skip
def test_of_accounts_and_bindings_only_what_they_say_is_copied(
    kind: str, body: dict[str, Any], kept: dict[str, Any]
) -> None:
    copy = mirrored_copy(found(kind, **body), "k8s-3")
    assert {
        key: value for key, value in copy.items() if key not in ("apiVersion", "kind", "metadata")
    } == kept
