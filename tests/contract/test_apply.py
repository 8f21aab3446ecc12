"""Server-side apply: who owns what, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.conftest import APPLY, Case
from tests.contract.samples import (
    MAPS,
    NAMESPACES,
    RBAC,
    SERVICES,
    WIDGETS,
    config_map,
    namespace,
    role,
    service,
    widget,
    widgets,
)

Object = dict[str, Any]


def managers(body: Object) -> set[str]:
    return {entry["manager"] for entry in body["metadata"]["managedFields"]}


def test_the_first_apply_creates_and_the_same_again_changes_nothing(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    first = raw.apply(path, config_map(case.name, a="1"))
    again = raw.apply(path, config_map(case.name, a="1"))
    assert (first.code, again.code) == (201, 200)
    assert first.version == again.version
    changed = raw.apply(path, config_map(case.name, a="2"))
    assert (changed.code, changed.body["data"]) == (200, {"a": "2"})
    assert changed.version != again.version
    assert raw.get(path).body == changed.body


def test_without_a_manager_it_is_refused(case: Case) -> None:
    answer = case.raw().apply(f"{MAPS}/{case.name}", config_map(case.name), manager="")
    assert (answer.code, answer.reason) == (422, "Invalid")
    assert "fieldManager: Required value: is required for apply patch" in answer.message


@pytest.mark.parametrize("manager", ["m" * 129, "tab\t", "日本"])
def test_a_manager_has_a_length_and_printable_letters(case: Case, manager: str) -> None:
    case.raw().apply(f"{MAPS}/{case.name}", config_map(case.name), manager=manager)


def test_another_value_by_another_manager_conflicts_and_force_takes_it(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    raw.apply(path, config_map(case.name, a="1"), manager="first")
    refused = raw.apply(path, config_map(case.name, a="2"), manager="second")
    assert (refused.code, refused.reason) == (409, "Conflict")
    assert refused.causes == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "first"', "field": ".data.a"}
    ]
    assert refused.message == 'Apply failed with 1 conflict: conflict with "first": .data.a'
    forced = raw.apply(path, config_map(case.name, a="2"), manager="second", force="true")
    assert (forced.code, forced.body["data"]) == (200, {"a": "2"})
    assert managers(forced.body) == {"second"}


def test_a_forced_dry_run_shows_the_values_and_stores_nothing(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    raw.apply(path, config_map(case.name, a="1", b="1"), manager="first")
    shown = raw.apply(path, config_map(case.name, a="2", c="3"), manager="second", force="true", dryRun="All")
    assert (shown.code, shown.body["data"]) == (200, {"a": "2", "b": "1", "c": "3"})
    assert raw.get(path).body["data"] == {"a": "1", "b": "1"}


def test_several_conflicts_name_every_manager_and_field(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    raw.apply(path, config_map(case.name, a="1"), manager="first")
    raw.apply(path, config_map(case.name, b="1", c="1"), manager="second")
    refused = raw.apply(path, config_map(case.name, a="2", b="2", c="2"), manager="third")
    said: dict[str, list[str]] = {}
    for cause in refused.causes:
        said.setdefault(cause["message"], []).append(cause["field"])
    assert said == {'conflict with "first"': [".data.a"], 'conflict with "second"': [".data.b", ".data.c"]}
    one = raw.apply(path, config_map(case.name, b="2", c="2"), manager="third")
    assert {cause["message"] for cause in one.causes} == {'conflict with "second"'}


def test_a_plain_write_is_named_with_its_version_in_the_conflict(case: Case) -> None:
    raw = case.raw()
    raw.create(MAPS, config_map(case.name, a="1"), fieldManager="kubectl-create")
    refused = raw.apply(f"{MAPS}/{case.name}", config_map(case.name, a="2"))
    assert 'conflict with "kubectl-create" using v1' in refused.message


def test_a_write_without_a_manager_is_named_after_its_user_agent(case: Case) -> None:
    raw = case.raw()
    made = raw.create(MAPS, config_map(case.name, a="1"))
    assert managers(made.body) == {"contract"}


def test_a_write_through_status_is_named_with_its_subresource(case: Case) -> None:
    raw = widgets(case)
    path = f"{WIDGETS}/{case.name}"
    raw.apply(path, widget(case.name))
    raw.merge(f"{path}/status", {"status": {"phase": "Up"}}, fieldManager="operator")
    status = {**widget(case.name), "status": {"phase": "Down"}}
    del status["spec"]
    refused = raw.apply(f"{path}/status", status)
    assert refused.code == 409
    assert 'with subresource "status"' in refused.message


def test_the_same_value_is_owned_together_and_stays_until_both_let_go(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    for manager in ("first", "second"):
        answer = raw.apply(path, config_map(case.name, a="1", b="2"), manager=manager)
    assert managers(answer.body) == {"first", "second"}
    kept = raw.apply(path, config_map(case.name, a="1"), manager="first")
    assert kept.body["data"] == {"a": "1", "b": "2"}
    gone = raw.apply(path, config_map(case.name, a="1"), manager="second")
    assert gone.body["data"] == {"a": "1"}
    raw.apply(path, {**config_map(case.name), "data": None}, manager="second")
    raw.apply(
        path, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": case.name}}, manager="first"
    )
    raw.get(path)


def test_a_plain_write_takes_what_it_changes(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    raw.apply(path, config_map(case.name, a="1", b="1"), manager="first")
    raw.merge(path, {"data": {"a": "2"}}, fieldManager="second")
    merged = raw.merge(path, {"data": {"b": None}}, fieldManager="third")
    assert merged.body["data"] == {"a": "2"}
    refused = raw.apply(path, config_map(case.name, a="1", b="1"), manager="first")
    assert [cause["field"] for cause in refused.causes] == [".data.a"]


def test_a_manager_can_write_and_apply(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    raw.create(MAPS, config_map(case.name, a="1"), fieldManager="both")
    raw.apply(path, config_map(case.name, a="2"), manager="both")
    raw.apply(path, config_map(case.name, a="2"), manager="both", force="true")
    raw.apply(path, config_map(case.name, b="2"), manager="both")


def test_rules_of_a_role_are_owned_all_or_nothing(case: Case) -> None:
    raw, path = case.raw(), f"{RBAC}/clusterroles/{case.name}"
    raw.apply(path, role(case.name, "get"), manager="first")
    refused = raw.apply(path, role(case.name, "get", "list"), manager="second")
    assert [cause["field"] for cause in refused.causes] == [".rules"]
    same = raw.apply(path, role(case.name, "get"), manager="second")
    assert managers(same.body) == {"first", "second"}


def test_items_of_keyed_lists_are_merged_by_key(case: Case) -> None:
    raw, path = case.raw(), f"{SERVICES}/{case.name}"

    def ports(*numbers: int) -> Object:
        return service(case.name, *({"name": f"p{number}", "port": number} for number in numbers))

    raw.apply(path, ports(80), manager="first")
    both = raw.apply(path, ports(81), manager="second")
    assert [port["port"] for port in both.body["spec"]["ports"]] == [80, 81]
    one = raw.apply(path, ports(82), manager="first")
    assert sorted(port["port"] for port in one.body["spec"]["ports"]) == [81, 82]
    renamed = service(case.name, {"name": "other", "port": 81})
    refused = raw.apply(path, renamed, manager="first")
    assert [cause["field"] for cause in refused.causes] == ['.spec.ports[port=81,protocol="TCP"].name']


def test_an_item_that_two_own_stays_with_the_fields_of_the_other(case: Case) -> None:
    raw, path = widgets(case), f"{WIDGETS}/{case.name}"
    raw.apply(path, widget(case.name, parts=[{"name": "a", "size": 2}, {"name": "b"}]), manager="first")
    raw.apply(path, widget(case.name, parts=[{"name": "a", "note": "x"}]), manager="second")
    answer = raw.apply(path, widget(case.name, parts=[{"name": "c"}]), manager="first")
    assert [part["name"] for part in answer.body["spec"]["parts"]] == ["a", "c"]
    reordered = [{"name": "d"}, {"name": "c"}]
    raw.apply(path, widget(case.name, parts=reordered), manager="first")
    raw.apply(path, widget(case.name), manager="first")
    raw.get(path)


def test_items_of_sets_are_owned_one_by_one(case: Case) -> None:
    raw, path = widgets(case), f"{WIDGETS}/{case.name}"
    raw.apply(path, widget(case.name, tags=["a", "b"]), manager="first")
    both = raw.apply(path, widget(case.name, tags=["b", "c"]), manager="second")
    assert sorted(both.body["spec"]["tags"]) == ["a", "b", "c"]
    less = raw.apply(path, widget(case.name, tags=["c"]), manager="first")
    assert sorted(less.body["spec"]["tags"]) == ["b", "c"]
    raw.apply(path, widget(case.name), manager="first")
    raw.apply(path, widget(case.name), manager="second")


def test_finalizers_are_a_set(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"

    def body(*finalizers: str) -> Object:
        metadata = {"name": case.name, "finalizers": list(finalizers)}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}

    raw.apply(path, body("example.org/a"), manager="first")
    both = raw.apply(path, body("example.org/b"), manager="second")
    assert both.body["metadata"]["finalizers"] == ["example.org/a", "example.org/b"]
    raw.apply(path, body(), manager="first")
    raw.merge(path, {"metadata": {"finalizers": None}})


def test_lists_without_a_type_are_atomic(case: Case) -> None:
    raw, path = widgets(case), f"{WIDGETS}/{case.name}"
    raw.apply(path, widget(case.name, steps=["a"], whole={"a": "1"}, free={"x": {"y": 1}}), manager="first")
    refused = raw.apply(path, widget(case.name, steps=["b"], whole={"b": "1"}, free={"x": {"y": 2}}))
    assert {cause["field"] for cause in refused.causes} == {".spec.steps", ".spec.whole", ".spec.free.x.y"}
    raw.apply(path, widget(case.name, steps=["b"], whole={"b": "1"}), force="true")


@pytest.mark.parametrize(
    "spec",
    [
        {"parts": [{"name": "a"}, {"name": "a"}]},
        {"tags": ["a", "a"]},
        {"steps": ["a", "a"]},
        {"parts": [{"size": 2}]},
    ],
)
def test_doubles_in_a_keyed_list_or_a_set(case: Case, spec: Object) -> None:
    raw = widgets(case)
    raw.apply(f"{WIDGETS}/{case.name}", widget(case.name, **spec), fieldValidation="Strict")
    raw.create(WIDGETS, widget(case.name, **spec), fieldValidation="Strict")


def test_doubles_in_the_ports_of_a_service(case: Case) -> None:
    raw = case.raw()
    ports = [{"name": "a", "port": 80}, {"name": "b", "port": 80}]
    refused = raw.apply(f"{SERVICES}/{case.name}", service(case.name, *ports))
    assert refused.code == 500
    raw.apply(f"{SERVICES}/{case.name}", service(case.name, {"name": "a"}))


def test_what_is_no_longer_sent_is_removed(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    body = config_map(case.name, a="1")
    body["metadata"] |= {"labels": {"a": "1", "b": "2"}, "annotations": {"x": "y"}}
    raw.apply(path, body)
    body["metadata"] = {"name": case.name, "labels": {"a": "1"}}
    less = raw.apply(path, body)
    assert less.body["metadata"]["labels"] == {"a": "1"}
    assert "annotations" not in less.body["metadata"]
    none = raw.apply(path, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": case.name}})
    assert "data" not in none.body


def test_what_a_widget_no_longer_sends_goes_back_to_its_default(case: Case) -> None:
    raw, path = widgets(case), f"{WIDGETS}/{case.name}"
    made = raw.apply(path, widget(case.name, count=5, on=True, limits={"a": 1}, nested={"depth": 7}))
    assert made.body["spec"]["count"] == 5
    less = raw.apply(path, widget(case.name))
    assert less.body["spec"]["count"] == 1
    assert less.body["metadata"]["generation"] == 2


@pytest.mark.parametrize("empty", [{}, None])
def test_empty_maps_and_nulls(case: Case, empty: Object | None) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    body = config_map(case.name)
    body["data"] = empty
    body["metadata"]["labels"] = empty
    raw.apply(path, body)
    raw.apply(path, body)
    raw.apply(path, config_map(case.name, a="1"))
    raw.apply(path, body)


def test_empty_lists_and_nulls_in_a_custom_object(case: Case) -> None:
    raw, path = widgets(case), f"{WIDGETS}/{case.name}"
    raw.apply(path, widget(case.name, tags=[], steps=[], limits={}, free={}))
    raw.apply(path, widget(case.name, tags=[], steps=[], limits={}, free={}))
    body = widget(case.name)
    body["spec"] |= {"nil": None, "code": None}
    raw.apply(path, body)


def test_a_dry_run_checks_and_stores_nothing(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    shown = raw.apply(path, config_map(case.name, a="1"), dryRun="All")
    assert (shown.code, "uid" in shown.body["metadata"]) == (201, True)
    assert raw.get(path).code == 404
    raw.apply(path, config_map(case.name, a="1"))
    again = raw.apply(path, config_map(case.name, a="2"), dryRun="All")
    assert (again.code, again.body["data"]) == (200, {"a": "2"})
    raw.apply(path, config_map(case.name, a="1"), dryRun="All")
    assert raw.get(path).body["data"] == {"a": "1"}


@pytest.mark.parametrize("validation", ["Strict", "Warn", "Ignore"])
def test_an_unknown_field_of_a_built_in_kind_is_no_field_of_the_schema(case: Case, validation: str) -> None:
    body = config_map(case.name) | {"datum": {"a": "b"}}
    answer = case.raw().apply(f"{MAPS}/{case.name}", body, fieldValidation=validation)
    assert (answer.code, answer.reason) == (500, "")
    assert answer.message.endswith(".datum: field not declared in schema")


@pytest.mark.parametrize("validation", ["Strict", "Warn", "Ignore"])
def test_an_unknown_field_of_a_custom_kind(case: Case, validation: str) -> None:
    raw, path = widgets(case), f"{WIDGETS}/{case.name}"
    body = widget(case.name, parts=[{"name": "a", "weight": 1}], nested={"strange": 1})
    raw.apply(path, body, fieldValidation=validation)
    raw.get(path)
    raw.apply(path, {**widget(case.name), "extra": 1}, fieldValidation=validation)
    raw.apply(path, {**widget(case.name), "extra": {"a": 1}}, manager="other", fieldValidation=validation)


def test_an_unknown_field_of_the_metadata(case: Case) -> None:
    raw = widgets(case)
    body, made = config_map(case.name), widget(case.name)
    body["metadata"]["label"] = {"a": "b"}
    made["metadata"]["label"] = {"a": "b"}
    raw.apply(f"{MAPS}/{case.name}", body, fieldValidation="Strict")
    raw.apply(f"{WIDGETS}/{case.name}", made, fieldValidation="Strict")
    raw.apply(f"{WIDGETS}/{case.name}", made, fieldValidation="Warn")


@pytest.mark.parametrize(
    "change",
    [
        {"data": "text"},
        {"data": ["a"]},
        {"data": {"a": 1}},
        {"data": {"a": {"b": "c"}}},
        {"metadata": {"labels": {"a": 1}}},
        {"metadata": {"labels": "text"}},
        {"metadata": {"labels": {"a": "b c"}}},
        {"metadata": {"labels": {"a b": "c"}}},
        {"metadata": {"annotations": {"a": True}}},
        {"metadata": {"annotations": {"UPPER/a b": "c"}}},
        {"metadata": {"finalizers": ["no slash"]}},
        {"immutable": "yes"},
        {"data": {"a b": "c"}},
    ],
)
def test_a_wrong_value_in_a_config_map(case: Case, change: Object) -> None:
    body = config_map(case.name)
    body = {**body, **change, "metadata": {**body["metadata"], **change.get("metadata", {})}}
    refused = case.raw().apply(f"{MAPS}/{case.name}", body, fieldValidation="Strict")
    assert refused.code >= 400
    refused = case.raw().create(MAPS, body, fieldValidation="Strict")
    assert refused.code >= 400


@pytest.mark.parametrize("name", ["Upper", "under_score", "-a", "a..b", "a/b"])
def test_a_name_that_is_none(case: Case, name: str) -> None:
    raw = case.raw()
    raw.create(MAPS, config_map(name), dryRun="All")
    raw.create(NAMESPACES, namespace(name), dryRun="All")
    raw.create(SERVICES, service(name), dryRun="All")
    if "/" not in name:
        assert raw.apply(f"{MAPS}/{name}", config_map(name), dryRun="All").code == 422


def test_managed_fields_in_the_body_are_refused(case: Case) -> None:
    body = config_map(case.name)
    body["metadata"]["managedFields"] = [{"manager": "x"}]
    answer = case.raw().apply(f"{MAPS}/{case.name}", body)
    assert (answer.code, answer.message) == (400, "metadata.managedFields must be nil")


def test_an_old_version_is_told_apart_from_a_conflict_of_managers(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    raw.apply(path, config_map(case.name, a="1"))
    stale = config_map(case.name, a="1")
    stale["metadata"]["resourceVersion"] = "1"
    answer = raw.apply(path, stale)
    assert (answer.code, answer.causes) == (409, [])
    assert "the object has been modified" in answer.message
    current = config_map(case.name, a="2")
    current["metadata"]["resourceVersion"] = raw.get(path).version
    assert raw.apply(path, current).code == 200
    stale["metadata"]["resourceVersion"] = "no number"
    raw.apply(path, stale)
    absent = config_map(f"{case.name}-absent")
    absent["metadata"]["resourceVersion"] = "1"
    raw.apply(f"{MAPS}/{case.name}-absent", absent)


def test_a_foreign_uid_is_refused(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    body = config_map(case.name)
    body["metadata"]["uid"] = "someone-else"
    assert raw.apply(path, body).code == 409
    raw.apply(path, config_map(case.name))
    assert raw.apply(path, body).code in (409, 422)
    raw.merge(path, {"metadata": {"uid": "someone-else"}})
    own = config_map(case.name, a="1")
    own["metadata"]["uid"] = raw.get(path).uid
    assert raw.apply(path, own).code == 200


def test_a_foreign_uid_of_a_custom_object_is_refused(case: Case) -> None:
    raw, path = widgets(case), f"{WIDGETS}/{case.name}"
    body = widget(case.name)
    body["metadata"]["uid"] = "someone-else"
    assert raw.apply(path, body).code == 409
    raw.apply(path, widget(case.name))
    assert raw.apply(path, body).code in (409, 422)
    raw.merge(path, {"metadata": {"uid": "someone-else"}})


def test_there_is_no_apply_without_a_name(case: Case) -> None:
    raw = case.raw()
    assert raw.apply(MAPS, config_map("")).code == 405
    body: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "g-"}}
    raw.apply(f"{MAPS}/{case.name}", body)


def test_a_missing_namespace_and_a_missing_kind_answer_differently(case: Case) -> None:
    raw = case.raw()
    space = raw.apply(f"/api/v1/namespaces/nowhere/configmaps/{case.name}", config_map(case.name))
    assert (space.code, space.message) == (404, 'namespaces "nowhere" not found')
    path = f"/apis/apps.kubeblocks.io/v1/namespaces/default/clusters/{case.name}"
    kind = raw.apply(path, {"apiVersion": "apps.kubeblocks.io/v1", "kind": "Cluster"})
    assert (kind.code, kind.body) == (404, "404 page not found\n")
    dry = f"/api/v1/namespaces/nowhere/configmaps/{case.name}"
    raw.apply(dry, config_map(case.name), dryRun="All")
    widgets(case).apply(WIDGETS.replace("/default/", "/nowhere/") + f"/{case.name}", widget(case.name))


def test_a_namespace_is_applied(case: Case) -> None:
    raw, path = case.raw(), f"{NAMESPACES}/{case.name}"
    made = raw.apply(path, namespace(case.name, labels={"a": "b"}))
    assert (made.code, made.body["status"]) == (201, {"phase": "Active"})
    assert raw.apply(path, namespace(case.name, labels={"a": "b"})).version == made.version


def test_what_the_body_says_must_be_what_the_path_says(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    raw.apply(path, config_map("other"))
    elsewhere = config_map(case.name)
    elsewhere["metadata"]["namespace"] = "elsewhere"
    raw.apply(path, elsewhere)
    raw.apply(path, {**config_map(case.name), "kind": "Secret"})
    raw.apply(path, {**config_map(case.name), "apiVersion": "v2"})
    raw.apply(path, {**config_map(case.name), "apiVersion": "apps/v1"})
    raw.apply(path, {"metadata": {"name": case.name}})
    raw.apply(path, {"apiVersion": "v1", "kind": "ConfigMap"})
    raw.apply(path, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}, "data": {"a": "1"}})


@pytest.mark.parametrize("body", [b"", b"[]", b"text", b"{", b"a: b: c", b"null", b"{}", b"\xff\xfe"])
def test_a_body_that_is_no_object(case: Case, body: bytes) -> None:
    raw = case.raw()
    answer = raw.ask("PATCH", f"{MAPS}/{case.name}", body, kind=APPLY, fieldManager="kbconsole")
    assert answer.code >= 400


def test_yaml_is_taken(case: Case) -> None:
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {case.name}\ndata:\n  a: '1'\n"
    answer = case.raw().apply(f"{MAPS}/{case.name}", text.encode())
    assert (answer.code, answer.body["data"]) == (201, {"a": "1"})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dryRun", "Some"),
        ("dryRun", ""),
        ("fieldValidation", "Sometimes"),
        ("force", "maybe"),
        ("force", "1"),
    ],
)
def test_an_option_that_is_none(case: Case, key: str, value: str) -> None:
    raw = case.raw()
    raw.apply(f"{MAPS}/{case.name}", config_map(case.name), **{key: value})
    raw.create(MAPS, config_map(f"{case.name}-b"), **{key: value})
    raw.merge(f"{MAPS}/{case.name}-b", {"data": {"a": "1"}}, **{key: value})


def test_an_object_that_is_being_deleted_takes_changes_but_no_new_finalizers(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    body = config_map(case.name, a="1")
    body["metadata"]["finalizers"] = ["example.org/a"]
    raw.apply(path, body)
    raw.delete(path)
    body["data"] = {"a": "2"}
    assert raw.apply(path, body).body["data"] == {"a": "2"}
    body["metadata"]["finalizers"] = ["example.org/a", "example.org/b"]
    assert raw.apply(path, body).code == 422
    body["metadata"]["finalizers"] = []
    raw.apply(path, body)
    assert raw.get(path).code == 404


def test_status_in_the_body_of_an_apply_is_ignored_where_it_has_a_door_of_its_own(case: Case) -> None:
    raw, path = widgets(case), f"{WIDGETS}/{case.name}"
    assert "status" not in raw.apply(path, {**widget(case.name), "status": {"phase": "Up"}}).body
    raw.apply(f"{SERVICES}/{case.name}", {**service(case.name), "status": {"loadBalancer": {}}})
    raw.apply(f"{NAMESPACES}/{case.name}", {**namespace(case.name), "status": {"phase": "Terminating"}})


@pytest.mark.parametrize("kind", ["secret", "account", "role", "binding"])
def test_kinds_that_the_console_copies(case: Case, kind: str) -> None:
    sent: dict[str, tuple[str, str, Object]] = {
        "secret": ("secrets", "/api/v1", {"stringData": {"a": "b"}, "data": {"c": "ZA=="}}),
        "account": ("serviceaccounts", "/api/v1", {}),
        "role": ("roles", RBAC, {"rules": role("x", "get")["rules"]}),
        "binding": (
            "rolebindings",
            RBAC,
            {
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
                "subjects": [{"kind": "ServiceAccount", "name": "x", "namespace": "default"}],
            },
        ),
    }
    plural, group, extra = sent[kind]
    names = {
        "secret": "Secret",
        "account": "ServiceAccount",
        "role": "Role",
        "binding": "RoleBinding",
    }
    version = "v1" if group == "/api/v1" else "rbac.authorization.k8s.io/v1"
    body: Object = {"apiVersion": version, "kind": names[kind], "metadata": {"name": case.name}, **extra}
    raw, path = case.raw(), f"{group}/namespaces/default/{plural}/{case.name}"
    first = raw.apply(path, body, fieldValidation="Strict")
    again = raw.apply(path, body, fieldValidation="Strict")
    assert (first.code, again.code) == (201, 200)
    assert first.version == again.version


def test_what_may_not_change(case: Case) -> None:
    raw = case.raw()
    frozen = {**config_map(case.name, a="1"), "immutable": True}
    raw.apply(f"{MAPS}/{case.name}", frozen)
    assert raw.apply(f"{MAPS}/{case.name}", {**frozen, "data": {"a": "2"}}).code == 422
    assert raw.apply(f"{MAPS}/{case.name}", config_map(case.name, a="1")).code == 422
    binding: Object = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": case.name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
    }
    path = f"{RBAC}/namespaces/default/rolebindings/{case.name}"
    raw.apply(path, binding)
    binding["roleRef"] = {**binding["roleRef"], "name": "edit"}
    assert raw.apply(path, binding).code == 422
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": case.name}, "type": "example.org/a"}
    raw.apply(f"/api/v1/namespaces/default/secrets/{case.name}", secret)
    secret["type"] = "example.org/b"
    assert raw.apply(f"/api/v1/namespaces/default/secrets/{case.name}", secret).code == 422
