"""Create, change, list and delete on an embedded server."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.demo.conftest import Raw, wait_for

Object = dict[str, Any]
MAPS = "/api/v1/namespaces/default/configmaps"
SERVICES = "/api/v1/namespaces/default/services"
CLUSTERS = "/apis/apps.kubeblocks.io/v1alpha1/namespaces/default/clusters"


@pytest.fixture
def name() -> str:
    return f"o-{uuid.uuid4().hex[:8]}"


def config_map(name: str, **metadata: Any) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name} | metadata}


def service(name: str, kind: str = "ClusterIP", **port: Any) -> Object:
    spec = {"type": kind, "ports": [{"port": 80} | port]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def cluster(name: str, /, *, policy: str | None = "Delete", **component: Any) -> Object:
    spec: Object = {
        "componentSpecs": [{"name": "etcd", "componentDef": "etcd-0.9.0", "replicas": 3} | component]
    }
    if policy:
        spec["terminationPolicy"] = policy
    return {
        "apiVersion": "apps.kubeblocks.io/v1alpha1",
        "kind": "Cluster",
        "metadata": {"name": name},
        "spec": spec,
    }


def test_a_name_is_taken_once(raw: Raw, name: str) -> None:
    assert raw.create(MAPS, config_map(name)).code == 201
    again = raw.create(MAPS, config_map(name))
    assert (again.code, again.body["reason"]) == (409, "AlreadyExists")


def test_a_generated_name_is_new_each_time(raw: Raw) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "g-"}}
    names = {raw.create(MAPS, body).body["metadata"]["name"] for _ in range(2)}
    assert len(names) == 2


def test_unknown_fields_are_dropped_with_a_warning_or_refused(raw: Raw, name: str) -> None:
    body = config_map(name) | {"datum": "x"}
    strict = raw.create(MAPS, body, fieldValidation="Strict")
    assert (strict.code, strict.body["reason"]) == (400, "BadRequest")
    assert 'strict decoding error: unknown field "datum"' in strict.body["message"]
    lax = raw.create(MAPS, body)
    assert lax.code == 201
    assert lax.headers["Warning"] == '299 - "unknown field \\"datum\\""'
    assert "datum" not in lax.body


def test_the_guides_misplaced_peer_is_refused_strictly_and_pruned_otherwise(control: Raw, name: str) -> None:
    peer = {"name": "peer", "serviceType": "LoadBalancer", "podService": True}
    body = cluster(name, volumeClaimTemplates=[peer])
    strict = control.create(CLUSTERS, body, fieldValidation="Strict")
    assert strict.code == 400
    assert "spec.componentSpecs[0].volumeClaimTemplates[0].podService" in strict.body["message"]
    stored = control.create(CLUSTERS, body).body
    assert stored["spec"]["componentSpecs"][0]["volumeClaimTemplates"] == [{"name": "peer"}]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (cluster("c", policy=None), "spec.terminationPolicy: Required value"),
        (cluster("c", policy="Never"), 'spec.terminationPolicy: Unsupported value: "Never"'),
        (cluster("c", name="Etcd_1"), "spec.componentSpecs[0].name: Invalid value"),
        (cluster("c", name="a" * 23), "Too long: may not be more than 22 bytes"),
        (cluster("c", replicas=-1), "should be greater than or equal to 0"),
        (cluster("c", replicas=10**10), "int32"),
        (cluster("c", replicas="three"), "must be of type integer"),
        (cluster("c", services=[{"name": "peer", "serviceType": "ExternalName"}]), "Unsupported value"),
        (cluster("c", resources={"limits": {"cpu": "1Gib"}}), "resources.limits.cpu: Invalid value"),
        (cluster("Upper"), "metadata.name: Invalid value"),
    ],
)
def test_a_wrong_cluster_is_refused_with_its_cause(control: Raw, body: Object, said: str) -> None:
    answer = control.create(CLUSTERS, body)
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert said in answer.body["message"]
    assert answer.body["details"]["causes"]


def test_replicas_default_to_one_and_a_wrong_placement_is_taken(control: Raw, name: str) -> None:
    body = cluster(name)
    del body["spec"]["componentSpecs"][0]["replicas"]
    body["metadata"]["annotations"] = {"apps.kubeblocks.io/multi-cluster-placement": "nope, k8s-2,,"}
    answer = control.create(CLUSTERS, body)
    assert answer.code == 201
    assert answer.body["spec"]["componentSpecs"][0]["replicas"] == 1
    assert control.ask("DELETE", f"{CLUSTERS}/{name}").code == 200


def test_generation_counts_changes_of_the_spec_only(control: Raw, name: str) -> None:
    control.create(CLUSTERS, cluster(name))
    path = f"{CLUSTERS}/{name}"
    assert control.merge(path, {"metadata": {"labels": {"a": "b"}}}).body["metadata"]["generation"] == 1
    assert control.merge(path, {"spec": {"terminationPolicy": "WipeOut"}}).body["metadata"]["generation"] == 2


def test_an_update_on_an_old_version_is_refused(raw: Raw, name: str) -> None:
    old = raw.create(MAPS, config_map(name)).body
    raw.merge(f"{MAPS}/{name}", {"data": {"a": "1"}})
    answer = raw.ask("PUT", f"{MAPS}/{name}", old)
    assert (answer.code, answer.body["reason"]) == (409, "Conflict")


def test_node_ports_are_given_kept_and_not_given_twice(raw: Raw, name: str) -> None:
    first = raw.create(SERVICES, service(name, "NodePort")).body
    port = first["spec"]["ports"][0]["nodePort"]
    assert 30000 <= port <= 32767
    taken = raw.create(SERVICES, service(f"{name}-b", "NodePort", nodePort=port))
    assert taken.code == 422
    assert (
        f"spec.ports[0].nodePort: Invalid value: {port}: provided port is already allocated"
        in taken.body["message"]
    )
    outside = raw.create(SERVICES, service(f"{name}-b", "NodePort", nodePort=80))
    assert "The range of valid ports is 30000-32767" in outside.body["message"]
    kept = raw.merge(f"{SERVICES}/{name}", {"metadata": {"labels": {"a": "b"}}}).body
    assert kept["spec"]["ports"][0]["nodePort"] == port
    assert first["spec"]["clusterIP"].startswith("10.101.")


def test_a_load_balancer_has_no_address_until_somebody_writes_one(raw: Raw, name: str) -> None:
    body = raw.create(
        SERVICES,
        service(name, "LoadBalancer") | {"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}},
    )
    assert body.body["status"] == {"loadBalancer": {}}
    ingress = {"status": {"loadBalancer": {"ingress": [{"ip": "10.4.0.1"}]}}}
    written = {"loadBalancer": {"ingress": [{"ip": "10.4.0.1", "ipMode": "VIP"}]}}
    assert raw.merge(f"{SERVICES}/{name}/status", ingress).body["status"] == written


def test_lists_are_selected_and_paged(raw: Raw, name: str) -> None:
    for i in range(5):
        raw.create(MAPS, config_map(f"{name}-{i}", labels={"set": name, "odd": str(i % 2)}))
    first = raw.get(MAPS, labelSelector=f"set={name}", limit="2").body
    assert "remainingItemCount" not in first["metadata"]  # a server does not count what a selector leaves
    rest = raw.get(MAPS, labelSelector=f"set={name}", **{"continue": first["metadata"]["continue"]}).body
    assert [item["metadata"]["name"] for item in first["items"] + rest["items"]] == [
        f"{name}-{i}" for i in range(5)
    ]
    assert "kind" not in first["items"][0]
    odd = raw.get(MAPS, labelSelector=f"set in ({name}),odd!=0,!other").body["items"]
    assert len(odd) == 2
    one = raw.get(MAPS, fieldSelector=f"metadata.name={name}-3").body["items"]
    assert [item["metadata"]["name"] for item in one] == [f"{name}-3"]
    assert raw.get(MAPS, **{"continue": "expired"}).code == 410
    assert raw.get(MAPS, **{"continue": "nonsense"}).code == 400
    assert raw.get(MAPS, fieldSelector="spec.foo=1").code == 400


def test_deletion_obeys_preconditions(raw: Raw, name: str) -> None:
    body = raw.create(MAPS, config_map(name)).body
    wrong = raw.ask("DELETE", f"{MAPS}/{name}", {"preconditions": {"uid": "other"}})
    assert (wrong.code, wrong.body["reason"]) == (409, "Conflict")
    assert "the UID in the precondition (other) does not match" in wrong.body["message"]
    stale = raw.ask("DELETE", f"{MAPS}/{name}", {"preconditions": {"resourceVersion": "1"}})
    assert stale.code == 409
    right = raw.ask("DELETE", f"{MAPS}/{name}", {"preconditions": {"uid": body["metadata"]["uid"]}})
    assert (right.code, right.body["status"]) == (200, "Success")
    assert raw.ask("DELETE", f"{MAPS}/{name}").code == 404


def test_an_object_with_a_finalizer_waits_for_it(raw: Raw, name: str) -> None:
    raw.create(MAPS, config_map(name, finalizers=["component.kubeblocks.io/finalizer"]))
    assert "deletionTimestamp" in raw.ask("DELETE", f"{MAPS}/{name}").body["metadata"]
    assert raw.get(f"{MAPS}/{name}").code == 200
    raw.merge(f"{MAPS}/{name}", {"metadata": {"finalizers": None}})
    assert raw.get(f"{MAPS}/{name}").code == 404


def test_a_namespace_goes_with_its_content_and_takes_nothing_new(raw: Raw, name: str) -> None:
    raw.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    path = f"/api/v1/namespaces/{name}/configmaps"
    raw.create(path, config_map("held", finalizers=["example.org/hold"]))
    raw.create(path, config_map("free"))
    assert raw.ask("DELETE", f"/api/v1/namespaces/{name}").body["status"]["phase"] == "Terminating"
    refused = raw.create(path, config_map("late"))
    assert refused.code == 403
    assert refused.body["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    wait_for(lambda: raw.get(f"{path}/free").code == 404)
    assert raw.get(f"/api/v1/namespaces/{name}").code == 200
    raw.merge(f"{path}/held", {"metadata": {"finalizers": None}})
    wait_for(lambda: raw.get(f"/api/v1/namespaces/{name}").code == 404)


def test_a_claim_needs_a_size_and_gets_the_default_class(raw: Raw, name: str) -> None:
    claims = "/api/v1/namespaces/default/persistentvolumeclaims"
    body: Object = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {},
    }
    refused = raw.create(claims, body)
    assert "at least 1 access mode is required" in refused.body["message"]
    assert "spec.resources[storage]: Required value" in refused.body["message"]
    body["spec"] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    made = raw.create(claims, body).body
    assert made["spec"]["storageClassName"] == "standard"
    assert made["status"]["phase"] == "Pending"


def test_a_pod_needs_its_service_account(raw: Raw, name: str) -> None:
    spec = {"serviceAccountName": "missing", "containers": [{"name": "c", "image": "i"}]}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    answer = raw.create("/api/v1/namespaces/default/pods", body)
    assert answer.code == 403
    assert 'serviceaccount "missing" not found' in answer.body["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "code"),
    [
        ("POST", MAPS, b"k8s\x00", "application/vnd.kubernetes.protobuf", 415),
        ("PATCH", f"{MAPS}/x", b"[]", "application/json-patch+json", 415),
        ("POST", MAPS, b"{", "application/json", 400),
        ("POST", MAPS, b'{"data":"' + b"x" * (3 << 20) + b'"}', "application/json", 413),
        ("DELETE", MAPS, b"", "application/json", 405),
    ],
)
def test_what_a_server_cannot_read_it_says(
    raw: Raw, method: str, path: str, body: bytes, kind: str, code: int
) -> None:
    assert raw.ask(method, path, body, kind=kind).code == code


def test_discovery_lists_kubeblocks_on_the_control_plane_only(raw: Raw, control: Raw) -> None:
    served = control.get("/apis/apps.kubeblocks.io/v1alpha1").body["resources"]
    assert "clusters/status" in {entry["name"] for entry in served}
    assert control.get("/apis/apps.kubeblocks.io/v1").code == 404
    assert raw.get("/apis/apps.kubeblocks.io/v1alpha1").body == "404 page not found\n"
    assert "apps.kubeblocks.io" not in {group["name"] for group in raw.get("/apis").body["groups"]}
