"""Server-side apply of the embedded servers, as a real server was measured to do it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.demo.conftest import RBAC, Raw

Object = dict[str, Any]
PATH = "/api/v1/namespaces/default/configmaps"


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


@pytest.fixture
def name() -> str:
    return f"m-{uuid.uuid4().hex[:8]}"


def test_first_apply_creates_and_the_same_again_changes_nothing(raw: Raw, name: str) -> None:
    first = raw.apply(f"{PATH}/{name}", config_map(name, a="1"))
    again = raw.apply(f"{PATH}/{name}", config_map(name, a="1"))
    assert (first.code, again.code) == (201, 200)
    assert first.version == again.version


def test_without_a_manager_it_is_refused(raw: Raw, name: str) -> None:
    answer = raw.apply(f"{PATH}/{name}", config_map(name), manager="")
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert "fieldManager: Required value: is required for apply patch" in answer.body["message"]


def test_another_value_by_another_manager_conflicts_and_force_takes_it(raw: Raw, name: str) -> None:
    raw.apply(f"{PATH}/{name}", config_map(name, a="1"), manager="first")
    refused = raw.apply(f"{PATH}/{name}", config_map(name, a="2"), manager="second")
    assert (refused.code, refused.body["reason"]) == (409, "Conflict")
    assert refused.body["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "first"', "field": ".data.a"}
    ]
    assert refused.body["message"] == 'Apply failed with 1 conflict: conflict with "first": .data.a'
    forced = raw.apply(f"{PATH}/{name}", config_map(name, a="2"), manager="second", force="true")
    assert (forced.code, forced.body["data"]) == (200, {"a": "2"})
    assert [entry["manager"] for entry in forced.body["metadata"]["managedFields"]] == ["second"]


def test_a_plain_write_is_named_with_its_version_in_the_conflict(raw: Raw, name: str) -> None:
    raw.create(PATH, config_map(name, a="1"), fieldManager="kubectl-create")
    refused = raw.apply(f"{PATH}/{name}", config_map(name, a="2"))
    assert 'conflict with "kubectl-create" using v1: .data.a' in refused.body["message"]


def test_the_same_value_is_owned_together_and_stays_until_both_let_go(raw: Raw, name: str) -> None:
    for manager in ("first", "second"):
        answer = raw.apply(f"{PATH}/{name}", config_map(name, a="1", b="2"), manager=manager)
    assert {entry["manager"] for entry in answer.body["metadata"]["managedFields"]} == {"first", "second"}
    kept = raw.apply(f"{PATH}/{name}", config_map(name, a="1"), manager="first")
    assert kept.body["data"] == {"a": "1", "b": "2"}
    gone = raw.apply(f"{PATH}/{name}", config_map(name, a="1"), manager="second")
    assert gone.body["data"] == {"a": "1"}


def test_rules_of_a_role_are_owned_all_or_nothing(raw: Raw, name: str) -> None:
    def role(*verbs: str) -> Object:
        rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": list(verbs)}]
        return {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name},
            "rules": rules,
        }

    path = f"{RBAC}/clusterroles/{name}"
    raw.apply(path, role("get"), manager="first")
    refused = raw.apply(path, role("get", "list"), manager="second")
    assert [cause["field"] for cause in refused.body["details"]["causes"]] == [".rules"]


def test_items_of_keyed_lists_are_merged_by_key(raw: Raw, name: str) -> None:
    def service(*ports: int) -> Object:
        listed = [{"name": f"p{port}", "port": port} for port in ports]
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": listed}}

    path = f"/api/v1/namespaces/default/services/{name}"
    raw.apply(path, service(80), manager="first")
    both = raw.apply(path, service(81), manager="second")
    assert [port["port"] for port in both.body["spec"]["ports"]] == [80, 81]
    one = raw.apply(path, service(82), manager="first")
    assert sorted(port["port"] for port in one.body["spec"]["ports"]) == [81, 82]


def test_a_dry_run_checks_and_stores_nothing(raw: Raw, name: str) -> None:
    assert raw.apply(f"{PATH}/{name}", config_map(name, a="1"), dryRun="All").code == 201
    assert raw.get(f"{PATH}/{name}").code == 404


def test_an_unknown_field_is_no_field_of_the_schema(raw: Raw, name: str) -> None:
    answer = raw.apply(f"{PATH}/{name}", config_map(name) | {"datum": {}})
    assert (answer.code, answer.body.get("reason")) == (500, None)
    assert answer.body["message"].endswith(".datum: field not declared in schema")


def test_managed_fields_in_the_body_are_refused(raw: Raw, name: str) -> None:
    body = config_map(name)
    body["metadata"]["managedFields"] = [{"manager": "x"}]
    answer = raw.apply(f"{PATH}/{name}", body)
    assert (answer.code, answer.body["message"]) == (400, "metadata.managedFields must be nil")


def test_an_old_version_is_told_apart_from_a_conflict_of_managers(raw: Raw, name: str) -> None:
    raw.apply(f"{PATH}/{name}", config_map(name, a="1"))
    stale = config_map(name, a="1")
    stale["metadata"]["resourceVersion"] = "1"
    answer = raw.apply(f"{PATH}/{name}", stale)
    assert answer.code == 409
    assert "the object has been modified" in answer.body["message"]
    assert "causes" not in answer.body["details"]


def test_a_foreign_uid_is_refused(raw: Raw, name: str) -> None:
    body = config_map(name)
    body["metadata"]["uid"] = "someone-else"
    assert raw.apply(f"{PATH}/{name}", body).code == 409
    raw.apply(f"{PATH}/{name}", config_map(name))
    assert raw.apply(f"{PATH}/{name}", body).code == 422


def test_there_is_no_apply_without_a_name(raw: Raw) -> None:
    assert raw.apply(PATH, config_map("")).code == 405


def test_a_missing_namespace_and_a_missing_kind_answer_differently(raw: Raw, name: str) -> None:
    space = raw.apply(f"/api/v1/namespaces/nowhere/configmaps/{name}", config_map(name))
    assert (space.code, space.body["message"]) == (404, 'namespaces "nowhere" not found')
    kind = raw.apply(f"/apis/apps.kubeblocks.io/v1/namespaces/default/clusters/{name}", {})
    assert (kind.code, kind.body) == (404, "404 page not found\n")


def test_status_is_written_through_its_own_door_only(control: Raw, name: str) -> None:
    path = f"/apis/apps.kubeblocks.io/v1alpha1/namespaces/default/clusters/{name}"
    body = {
        "apiVersion": "apps.kubeblocks.io/v1alpha1",
        "kind": "Cluster",
        "metadata": {"name": name},
        "spec": {"terminationPolicy": "Delete"},
        "status": {"phase": "Running"},
    }
    assert "status" not in control.apply(path, body).body
    assert control.merge(f"{path}/status", {"status": {"phase": "Dancing"}}).code == 422
    assert control.merge(f"{path}/status", {"status": {"phase": "Running"}}).body["status"] == {
        "phase": "Running"
    }
