"""Pods: what they get, what may change, and what the stand-in kubelet writes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.conftest import Case, Object, Raw

THEN = "2026-01-01T00:00:00Z"
CLAIM = [{"name": "data", "persistentVolumeClaim": {"claimName": "x"}}]


def pod(container: Object | None = None, **spec: Any) -> Object:
    one = {"name": "c", "image": "i:1"} | (container or {})
    made = {"containers": [one], "automountServiceAccountToken": False} | spec
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": made}


def pods(case: Case) -> tuple[Raw, str]:
    """Return an administrator and where pods are, in a namespace that has its account."""
    raw, space = case.raw(), case.namespace()
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    raw.quiet.create(f"/api/v1/namespaces/{space}/serviceaccounts", account)
    return raw, f"/api/v1/namespaces/{space}/pods"


@pytest.mark.parametrize(
    "made",
    [
        pod(),
        pod({"image": "i"}),
        pod({"image": "i:latest"}),
        pod({"ports": [{"name": "client", "containerPort": 2379}, {"containerPort": 80, "protocol": "UDP"}]}),
        pod(
            {"envFrom": [{"configMapRef": {"name": "e"}}], "env": [{"name": "A"}, {"name": "B", "value": ""}]}
        ),
        pod({"env": [{"name": "P", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}),
        pod({"resources": {"limits": {"cpu": "0.5", "memory": "1024Mi"}}}),
        pod({"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "0.5"}}}),
        pod({"volumeMounts": [{"name": "data", "mountPath": "/data"}]}, volumes=CLAIM),
        pod(terminationGracePeriodSeconds=0, hostname="h", subdomain="s", restartPolicy="Never"),
        pod(terminationGracePeriodSeconds=-1, tolerations=[{"key": "a", "operator": "Exists"}]),
        pod(nodeName="n1", dnsPolicy="Default", securityContext={"runAsUser": 1}),
        pod(
            volumes=[{"name": "e", "emptyDir": {}}, {"name": "c", "configMap": {"name": "x"}}, {"name": "n"}]
        ),
        pod(initContainers=[{"name": "i", "image": "j"}]),
    ],
)
def test_what_a_new_pod_gets(case: Case, made: Object) -> None:
    raw, path = pods(case)
    assert raw.create(path, made).code == 201
    assert raw.get(f"{path}/p").body["status"]["phase"] == "Pending"


@pytest.mark.parametrize(
    ("made", "field"),
    [
        (pod(containers=[]), "spec.containers"),
        (pod({"image": ""}), "spec.containers[0].image"),
        (pod({"name": ""}), "spec.containers[0].name"),
        (pod({"name": "Up_"}), "spec.containers[0].name"),
        (pod({"ports": [{"containerPort": 0}]}), "spec.containers[0].ports[0].containerPort"),
        (pod({"ports": [{"containerPort": 80, "name": "Bad_Name"}]}), "spec.containers[0].ports[0].name"),
        (
            pod({"volumeMounts": [{"name": "no", "mountPath": "/x"}]}),
            "spec.containers[0].volumeMounts[0].name",
        ),
        (
            pod({"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}}),
            "spec.containers[0].resources.requests",
        ),
        (pod({"env": [{"name": "a=b"}]}), "spec.containers[0].env[0].name"),
        (pod({"envFrom": [{"configMapRef": {}}]}), "spec.containers[0].envFrom[0].configMapRef.name"),
        (pod({"imagePullPolicy": "X"}), "spec.containers[0].imagePullPolicy"),
        (pod(volumes=CLAIM + CLAIM), "spec.volumes[1].name"),
        (
            pod(volumes=[{"name": "v", "persistentVolumeClaim": {}}]),
            "spec.volumes[0].persistentVolumeClaim.claimName",
        ),
        (
            pod(containers=[{"name": "a", "image": "i"}, {"name": "a", "image": "i"}]),
            "spec.containers[1].name",
        ),
        (pod(hostname="Bad_"), "spec.hostname"),
        (pod(subdomain="Bad_"), "spec.subdomain"),
        (pod(nodeName="Bad_"), "spec.nodeName"),
        (pod(dnsPolicy="X"), "spec.dnsPolicy"),
        (pod(nodeSelector={"a": "_"}), "spec.nodeSelector"),
    ],
)
def test_what_is_refused_with_its_cause(case: Case, made: Object, field: str) -> None:
    raw, path = pods(case)
    answer = raw.create(path, made, dryRun="All")
    assert (answer.code, answer.reason) == (422, "Invalid")
    assert [cause["field"] for cause in answer.causes] == [field]


@pytest.mark.parametrize("spec", [{"serviceAccountName": "missing"}, {"priorityClassName": "missing"}])
def test_what_is_not_there_is_forbidden(case: Case, spec: Object) -> None:
    raw, path = pods(case)
    answer = raw.create(path, pod(**spec), dryRun="All")
    assert (answer.code, answer.reason) == (403, "Forbidden")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"containers": [{"name": "c", "image": "j"}]}, 422),
        ({"hostname": "x"}, 422),
        ({"nodeName": "n1"}, 422),
        ({"terminationGracePeriodSeconds": 1}, 422),
        ({"activeDeadlineSeconds": 5}, 200),
    ],
)
def test_little_of_a_pod_may_change(case: Case, change: Object, code: int) -> None:
    raw, path = pods(case)
    raw.create(path, pod())
    answer = raw.quiet.merge(f"{path}/p", {"spec": change})
    assert answer.code == code
    # A refusal ends with the differences of the server's own structures, field by field.
    case.note(
        [(cause["field"], cause["message"].split("\n")[0]) for cause in answer.causes]
        if code == 422
        else answer.body
    )
    assert raw.merge(f"{path}/p", {"metadata": {"labels": {"a": "b"}}}).code == 200


def test_a_binding_names_the_node_once(case: Case) -> None:
    raw, path = pods(case)
    raw.create(path, pod())
    bindings = path.removesuffix("pods") + "bindings"
    target = {"apiVersion": "v1", "kind": "Node", "name": "n1"}
    body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": target}
    assert raw.create(bindings, body).code == 201
    assert raw.get(f"{path}/p").body["spec"]["nodeName"] == "n1"
    again = raw.create(bindings, body)
    assert (again.code, again.reason) == (409, "Conflict")
    assert raw.create(bindings, body | {"metadata": {"name": "absent"}}).code == 404


def test_a_kubelets_status_is_taken(case: Case) -> None:
    raw, path = pods(case)
    raw.create(path, pod())
    state = {"running": {"startedAt": THEN}}
    container = {"name": "c", "image": "i", "imageID": "", "ready": False, "started": True, "restartCount": 0}
    conditions = [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": THEN, "lastProbeTime": THEN},
        {
            "type": "Ready",
            "status": "False",
            "reason": "ContainersNotReady",
            "message": "m",
            "lastTransitionTime": THEN,
            "lastProbeTime": THEN,
        },
    ]
    running = {"phase": "Running", "hostIP": "1.2.3.4", "podIP": "9.1.1.5", "podIPs": [{"ip": "9.1.1.5"}]}
    running |= {
        "startTime": THEN,
        "conditions": conditions,
        "containerStatuses": [container | {"state": state}],
    }
    status = f"{path}/p/status"
    assert raw.merge(status, {"status": running}).body["status"]["phase"] == "Running"
    waiting = {"waiting": {"reason": "CreateContainerConfigError", "message": "x"}}
    assert raw.merge(status, {"status": {"containerStatuses": [container | {"state": waiting}]}}).code == 200
    assert raw.merge(status, {"status": {"podIP": "x", "podIPs": [{"ip": "x"}]}}).code == 422
    assert raw.merge(f"{path}/p", {"status": {"phase": "Failed"}}).body["status"]["phase"] == "Running"
    assert raw.merge(status, {"spec": {"hostname": "x"}}).code == 200
    assert "hostname" not in raw.get(f"{path}/p").body["spec"]
