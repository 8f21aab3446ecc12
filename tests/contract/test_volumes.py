"""Claims, volumes, classes, ConfigMaps and events: what they may say and what may change."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.conftest import Case, Object

OK: Object = {
    "accessModes": ["ReadWriteOnce"],
    "resources": {"requests": {"storage": "1Gi"}},
    "storageClassName": "standard",
}


def body(kind: str, name: str, api_version: str = "v1", **fields: Any) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}} | fields


def sized(size: Any) -> Object:
    return OK | {"resources": {"requests": {"storage": size}}}


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        (OK, 201),
        (OK | {"volumeMode": "Block"}, 201),
        (OK | {"storageClassName": ""}, 201),
        (OK | {"volumeName": "v"}, 201),
        (sized("1.5Gi"), 201),
        (sized("1024Mi"), 201),
        (sized("0"), 422),
        (sized("-1"), 422),
        ({}, 422),
        ({"accessModes": ["ReadWriteOnce"]}, 422),
        (OK | {"accessModes": ["X"]}, 422),
        (OK | {"accessModes": ["ReadWriteOnce", "ReadWriteOncePod"]}, 422),
        (OK | {"volumeMode": "X"}, 422),
        (OK | {"storageClassName": "Bad_"}, 422),
    ],
)
def test_what_a_claim_may_say(case: Case, spec: Object, code: int) -> None:
    space = case.namespace()
    path = f"/api/v1/namespaces/{space}/persistentvolumeclaims"
    spec = {"storageClassName": "standard"} | spec
    assert case.raw().create(path, body("PersistentVolumeClaim", "c", spec=spec), dryRun="All").code == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"resources": {"requests": {"storage": "2Gi"}}}, 422),
        ({"accessModes": ["ReadWriteMany"]}, 422),
        ({"storageClassName": "other"}, 422),
        ({"volumeName": "pv-1"}, 200),
    ],
)
def test_a_claim_may_be_bound_and_nothing_else(case: Case, change: Object, code: int) -> None:
    raw, space = case.raw(), case.namespace()
    path = f"/api/v1/namespaces/{space}/persistentvolumeclaims"
    raw.quiet.create(path, body("PersistentVolumeClaim", "c", spec=OK))
    answer = raw.quiet.merge(f"{path}/c", {"spec": change})
    # A refusal ends with the differences of the server's own structures, field by field.
    case.note([answer.code, [(cause["field"], cause["message"].split("\n")[0]) for cause in answer.causes]])
    assert answer.code == code


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"data": {"a": "1"}}, 201),
        ({"data": {}}, 201),
        ({"data": {"a b": "1"}}, 422),
        ({"data": {"..": "1"}}, 422),
        ({"data": {"": "1"}}, 422),
        ({"data": {"k" * 254: "1"}}, 422),
        ({"data": {"a": "1"}, "binaryData": {"a": "AAEC"}}, 422),
    ],
)
def test_what_a_config_map_may_say(case: Case, fields: Object, code: int) -> None:
    answer = case.raw().create(
        "/api/v1/namespaces/default/configmaps", body("ConfigMap", "m", **fields), dryRun="All"
    )
    assert answer.code == code


def test_an_immutable_config_map_stays_as_it_is(case: Case) -> None:
    raw, path = case.raw(), f"/api/v1/namespaces/{case.namespace()}/configmaps"
    raw.create(path, body("ConfigMap", "m", data={"a": "1"}, immutable=True))
    for change in ({"data": {"a": "2"}}, {"data": None}, {"immutable": False}, {"immutable": None}):
        answer = raw.merge(f"{path}/m", change)
        assert (answer.code, answer.reason) == (422, "Invalid")
    assert raw.merge(f"{path}/m", {"metadata": {"labels": {"x": "y"}}}).code == 200


@pytest.mark.parametrize(
    ("involved", "code"),
    [({"namespace": "NAME"}, 201), ({"namespace": "other"}, 422), ({}, 422)],
)
def test_an_event_is_where_its_object_is(case: Case, involved: Object, code: int) -> None:
    space = case.namespace()
    reference = {"kind": "Pod", "name": "p"} | {
        key: space if value == "NAME" else value for key, value in involved.items()
    }
    made = body("Event", "e", involvedObject=reference, reason="R", message="m", type="Warning")
    assert case.raw().quiet.create(f"/api/v1/namespaces/{space}/events", made).code == code


@pytest.mark.parametrize(
    "change", [{"provisioner": "z"}, {"parameters": {"a": "b"}}, {"reclaimPolicy": "Retain"}]
)
def test_a_storage_class_does_not_change(case: Case, change: Object) -> None:
    raw, path = case.raw(), "/apis/storage.k8s.io/v1/storageclasses"
    raw.create(path, body("StorageClass", case.name, "storage.k8s.io/v1", provisioner="example.org/disk"))
    answer = raw.merge(f"{path}/{case.name}", change)
    assert (answer.code, [cause["field"] for cause in answer.causes]) == (422, list(change))
    raw.quiet.delete(f"{path}/{case.name}")
