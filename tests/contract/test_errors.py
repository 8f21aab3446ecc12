"""What a server says to requests that it cannot take."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.conftest import APPLY, MERGE, Case
from tests.contract.samples import CRDS, MAPS, NAMESPACES, WIDGETS, config_map, widget, widgets

Object = dict[str, Any]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"text", b"null", b"{}", b"\xff", b'{"kind":"ConfigMap"}']
)
@pytest.mark.parametrize("kind", ["built-in", "custom"])
def test_a_created_body_that_is_no_object(case: Case, body: bytes, kind: str) -> None:
    raw = widgets(case)
    answer = raw.create(MAPS if kind == "built-in" else WIDGETS, body)
    assert answer.code in (400, 422)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"text", b"null", b"{}", b'"a"', b'{"data":1}', b'{"datum":{"a":1}}']
)
@pytest.mark.parametrize("kind", ["built-in", "custom"])
def test_a_patch_that_is_no_object(case: Case, body: bytes, kind: str) -> None:
    raw = widgets(case)
    base, made = (MAPS, config_map(case.name)) if kind == "built-in" else (WIDGETS, widget(case.name))
    raw.create(base, made)
    raw.merge(f"{base}/{case.name}", body, fieldValidation="Strict")
    raw.merge(f"{base}/{case.name}", body)


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("POST", "application/vnd.kubernetes.nothing"),
        ("POST", "text/plain"),
        ("POST", APPLY),
        ("PATCH", "application/json"),
        ("PATCH", "text/plain"),
        ("PATCH", "application/nothing"),
        ("PUT", "text/plain"),
        ("DELETE", "text/plain"),
    ],
)
def test_a_content_type_that_is_not_taken(case: Case, method: str, kind: str) -> None:
    raw = widgets(case)
    for base, body in ((MAPS, config_map(case.name)), (WIDGETS, widget(case.name))):
        raw.quiet.create(base, body)
        path = base if method == "POST" else f"{base}/{case.name}"
        assert raw.ask(method, path, body, kind=kind).code == 415


def test_a_body_that_is_too_large(case: Case) -> None:
    raw = case.raw()
    body = config_map(case.name, a="x" * (4 << 20))
    assert raw.create(MAPS, body).code == 413
    assert raw.apply(f"{MAPS}/{case.name}", body).code == 413


def test_annotations_that_are_too_large(case: Case) -> None:
    raw = case.raw()
    body = config_map(case.name)
    body["metadata"]["annotations"] = {"a": "x" * (1 << 18)}
    assert raw.create(MAPS, body).code == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", MAPS),
        ("PATCH", MAPS),
        ("POST", f"{MAPS}/x"),
        ("POST", "/api/v1/configmaps"),
        ("DELETE", "/api/v1/configmaps"),
        ("DELETE", NAMESPACES),
        ("POST", f"{NAMESPACES}/default/status"),
        ("DELETE", f"{NAMESPACES}/default/status"),
        ("POST", "/version"),
        ("OPTIONS", MAPS),
    ],
)
def test_a_method_that_a_path_does_not_take(case: Case, method: str, path: str) -> None:
    answer = case.raw().ask(method, path, config_map("x"))
    assert answer.code in (404, 405)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_method_that_a_path_of_a_custom_kind_does_not_take(case: Case, method: str) -> None:
    raw = widgets(case)
    raw.ask(method, WIDGETS, widget(case.name), kind="application/json")


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/api/v2",
        "/api/v1/nothings",
        "/api/v1/namespaces/default/nothings",
        "/api/v1/namespaces/default/nothings/x",
        "/api/v1/namespaces/default/namespaces",
        "/api/v1/namespaces/default/nodes/x",
        "/apis/nothing.example.org",
        "/apis/nothing.example.org/v1",
        "/apis/nothing.example.org/v1/things/x",
        "/apis/rbac.authorization.k8s.io/v1/nothings",
        "/apis/contract.example.org/v1/nothings",
        "/apis/contract.example.org/v7/widgets",
        "/api/v1/configmaps/x",
        "/apis/contract.example.org/v1/widgets/x",
    ],
)
def test_a_path_that_is_none(case: Case, path: str) -> None:
    raw = widgets(case)
    assert raw.get(path).code == 404


def test_a_body_that_says_something_else_than_the_path(case: Case) -> None:
    raw = case.raw()
    raw.create(MAPS, {**config_map(case.name), "kind": "Secret"})
    raw.create(MAPS, {**config_map(case.name), "kind": "Nothing"})
    raw.create(MAPS, {**config_map(case.name), "apiVersion": "v2"})
    raw.create(MAPS, {**config_map(case.name), "apiVersion": "apps/v1"})
    elsewhere = config_map(case.name)
    elsewhere["metadata"]["namespace"] = "elsewhere"
    raw.create(MAPS, elsewhere)
    made = raw.create(MAPS, config_map(case.name)).body
    path = f"{MAPS}/{case.name}"
    raw.put(path, {**made, "metadata": {**made["metadata"], "name": "other"}})
    raw.put(path, {**made, "metadata": {**made["metadata"], "namespace": "elsewhere"}})
    raw.put(path, {**made, "metadata": {**made["metadata"], "uid": "someone-else"}})
    raw.merge(path, {"metadata": {"name": "other"}})
    raw.merge(path, {"metadata": {"namespace": "elsewhere"}})
    raw.merge(path, {"kind": "Secret"})
    raw.merge(path, {"apiVersion": "v2"})


def test_the_same_of_a_custom_object(case: Case) -> None:
    raw = widgets(case)
    elsewhere = widget(case.name)
    elsewhere["metadata"]["namespace"] = "elsewhere"
    raw.create(WIDGETS, elsewhere)
    made = raw.create(WIDGETS, widget(case.name)).body
    path = f"{WIDGETS}/{case.name}"
    raw.put(path, {**made, "metadata": {**made["metadata"], "name": "other"}})
    raw.put(path, {**made, "metadata": {**made["metadata"], "uid": "someone-else"}})
    raw.merge(path, {"metadata": {"name": "other"}})
    raw.merge(path, {"metadata": {"namespace": "elsewhere"}})
    raw.merge(path, {"kind": "Gadget"})


def test_a_name_is_taken_once_and_needed(case: Case) -> None:
    raw = case.raw()
    assert raw.create(MAPS, config_map(case.name)).code == 201
    again = raw.create(MAPS, config_map(case.name))
    assert (again.code, again.reason) == (409, "AlreadyExists")
    again = raw.create(MAPS, config_map(case.name), dryRun="All")
    assert again.code == 409
    nameless = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}
    assert raw.create(MAPS, nameless).code == 422
    assert raw.create(MAPS, {"apiVersion": "v1", "kind": "ConfigMap"}).code == 422
    gadget = widget(case.name)
    del gadget["metadata"]["name"]
    assert widgets(case).create(WIDGETS, gadget).code == 422


def test_a_name_is_generated(case: Case) -> None:
    raw = widgets(case)
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "g-"}}
    names = {raw.create(MAPS, body).body["metadata"]["name"] for _ in range(2)}
    assert len(names) == 2
    made = widget("x")
    made["metadata"] = {"generateName": f"{case.name}-"}
    raw.create(WIDGETS, made)
    raw.create(MAPS, {**body, "metadata": {"generateName": "g-"}}, dryRun="All")


def test_what_a_create_must_not_say(case: Case) -> None:
    raw = case.raw()
    body = config_map(case.name)
    body["metadata"]["resourceVersion"] = "1"
    assert raw.create(MAPS, body).code == 500
    body = config_map(case.name)
    body["metadata"] |= {
        "uid": "someone-else",
        "creationTimestamp": "2020-01-01T00:00:00Z",
        "generation": 7,
        "selfLink": "/x",
        "deletionTimestamp": "2020-01-01T00:00:00Z",
    }
    made = raw.create(MAPS, body)
    assert (made.code, made.uid != "someone-else") == (201, True)


def test_a_put_of_what_is_not_there_or_old(case: Case) -> None:
    raw = widgets(case)
    raw.put(f"{MAPS}/{case.name}", config_map(case.name))
    raw.put(f"{WIDGETS}/{case.name}", widget(case.name))
    old = raw.create(MAPS, config_map(case.name)).body
    raw.merge(f"{MAPS}/{case.name}", {"data": {"a": "1"}})
    stale = raw.put(f"{MAPS}/{case.name}", old)
    assert (stale.code, stale.reason) == (409, "Conflict")
    raw.merge(f"{MAPS}/{case.name}", {"metadata": {"resourceVersion": old["metadata"]["resourceVersion"]}})
    raw.put(f"{MAPS}/{case.name}", config_map(case.name, b="1"))
    raw.create(WIDGETS, widget(case.name))
    raw.put(f"{WIDGETS}/{case.name}", widget(case.name, color="green"))


@pytest.mark.parametrize("validation", ["Strict", "Warn", "Ignore", ""])
def test_unknown_fields_of_a_built_in_kind(case: Case, validation: str) -> None:
    raw = case.raw()
    body = config_map(case.name) | {"datum": {"a": "b"}}
    body["metadata"]["label"] = {"a": "b"}
    query = {"fieldValidation": validation} if validation else {}
    answer = raw.create(MAPS, body, **query)
    assert answer.code == (400 if validation == "Strict" else 201)
    raw.merge(f"{MAPS}/{case.name}", {"datum": 1, "metadata": {"label": {"c": "d"}}}, **query)


@pytest.mark.parametrize("validation", ["Strict", "Warn", "Ignore"])
def test_keys_that_are_there_twice(case: Case, validation: str) -> None:
    raw = case.raw()
    text = f'{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{case.name}"}},'
    text += '"data":{"a":"1","a":"2"},"immutable":false,"immutable":false}'
    raw.create(MAPS, text.encode(), fieldValidation=validation)


def test_merge_patches(case: Case) -> None:
    raw = case.raw()
    raw.merge(f"{MAPS}/{case.name}", {"data": {"a": "1"}})
    raw.create(MAPS, config_map(case.name, a="1", b="2"))
    path = f"{MAPS}/{case.name}"
    raw.merge(path, {"data": {"a": None, "c": "3"}})
    same = raw.merge(path, {})
    assert same.version == raw.merge(path, {"data": {"c": "3"}}).version
    raw.merge(path, {"data": {"d": "4"}}, dryRun="All")
    raw.merge(path, {"metadata": {"labels": {"a": "b"}, "annotations": None}})
    raw.merge(path, {"data": None, "metadata": {"labels": None}})
    raw.merge(path, {"metadata": None})
    raw.merge(path, {"metadata": {"managedFields": []}})
    raw.merge(path, {"data": {"a": "1"}}, force="true")
    raw.merge(path, {"metadata": {"creationTimestamp": None, "generation": 7}})
    assert raw.get(path).code == 200


def test_a_definition_that_is_not_there(case: Case) -> None:
    raw = case.raw()
    raw.get(f"{CRDS}/nothing.example.org")
    raw.delete(f"{CRDS}/nothing.example.org")
    raw.ask("PATCH", f"{CRDS}/nothing.example.org", {"spec": {}}, kind=MERGE)
