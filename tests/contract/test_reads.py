"""Get and list: selectors, pages, and what the items of a list look like."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.conftest import Case
from tests.contract.samples import (
    MAPS,
    NAMESPACES,
    WIDGET_GROUP,
    WIDGETS,
    config_map,
    service,
    widget,
    widgets,
)

Object = dict[str, Any]


def names(body: Object) -> list[str]:
    return [item["metadata"]["name"] for item in body["items"]]


def labelled(case: Case, count: int = 5) -> str:
    """Make config maps in a namespace of the case's own; return their path."""
    raw, path = case.raw().quiet, f"{NAMESPACES}/{case.namespace()}/configmaps"
    for i in range(count):
        body = config_map(f"m-{i}", a=str(i))
        body["metadata"]["labels"] = {"set": "one", "odd": str(i % 2), f"only-{i}": ""}
        assert raw.create(path, body).code == 201
    return path


def test_an_object_and_one_that_is_not_there(case: Case) -> None:
    raw = case.raw()
    made = raw.create(MAPS, config_map(case.name, a="1"))
    assert raw.get(f"{MAPS}/{case.name}").body == made.body
    absent = raw.get(f"{MAPS}/{case.name}-absent")
    assert (absent.code, absent.reason) == (404, "NotFound")
    assert absent.body["details"] == {"name": f"{case.name}-absent", "kind": "configmaps"}
    assert raw.get(f"{NAMESPACES}/nowhere/configmaps/{case.name}").code == 404
    raw.get(f"{NAMESPACES}/nowhere")
    raw.get("/apis/rbac.authorization.k8s.io/v1/clusterroles/nothing")
    widgets(case).get(f"{WIDGETS}/nothing")


@pytest.mark.parametrize(
    "selector",
    [
        "set=one",
        "set==one,odd=1",
        "odd!=1",
        "other!=1",
        "odd in (0,2)",
        "odd notin (0,2)",
        "other notin (0)",
        "only-3",
        "!only-3",
        "set=one,!only-1,odd in (0)",
        "only-3=",
        " set = one ",
        "odd in ()",
        "odd>0",
        "odd<1",
        "",
    ],
)
def test_label_selectors(case: Case, selector: str) -> None:
    answer = case.raw().get(labelled(case), labelSelector=selector)
    assert answer.code == 200
    case.note([name for name in names(answer.body) if name != "kube-root-ca.crt"])


@pytest.mark.parametrize(
    "selector", ["a=b=c", "=a", "a in b", "a in (b", "a b", "a=ü", "a=b c", "!a=b", ",", "a,,b"]
)
def test_label_selectors_that_are_none(case: Case, selector: str) -> None:
    answer = case.raw().get(MAPS, labelSelector=selector)
    assert (answer.code, answer.reason) == (400, "BadRequest")


@pytest.mark.parametrize(
    "selector",
    [
        "metadata.name=m-3",
        "metadata.name!=m-3",
        "metadata.name==m-1",
        "metadata.name=x",
        "metadata.name=m-1,metadata.name=m-2",
    ],
)
def test_field_selectors(case: Case, selector: str) -> None:
    path = labelled(case)
    assert case.raw().get(path, fieldSelector=selector, labelSelector="set=one").code == 200
    case.raw().get(path, fieldSelector=f"metadata.namespace={case.name}", labelSelector="set=one")


@pytest.mark.parametrize(
    ("kind", "selector"),
    [
        ("configmaps", "spec.foo=1"),
        ("configmaps", "data.a=1"),
        ("configmaps", "metadata.labels=1"),
        ("configmaps", "metadata.name"),
        ("configmaps", "metadata.name>1"),
        ("pods", "status.hostIP=1"),
        ("pods", "spec.foo=1"),
        ("services", "spec.foo=1"),
        ("events", "involvedObject.foo=1"),
        ("serviceaccounts", "type=1"),
    ],
)
def test_field_selectors_that_the_kind_does_not_offer(case: Case, kind: str, selector: str) -> None:
    answer = case.raw().get(f"{NAMESPACES}/default/{kind}", fieldSelector=selector)
    assert (answer.code, answer.reason) == (400, "BadRequest")


def test_field_selectors_of_a_custom_kind(case: Case) -> None:
    raw = widgets(case)
    raw.create(WIDGETS, widget(case.name))
    found = raw.get(WIDGETS, fieldSelector=f"metadata.name={case.name}")
    assert names(found.body) == [case.name]
    assert raw.get(WIDGETS, fieldSelector="spec.color=red").code == 400


@pytest.mark.parametrize(
    ("kind", "selector"),
    [
        ("pods", "status.phase=Running,spec.nodeName=x"),
        (
            "events",
            "involvedObject.kind=Pod,involvedObject.name=x,involvedObject.namespace=y,reason=z,type=Warning",
        ),
        ("events", "involvedObject.uid=x"),
        ("services", "spec.type=ExternalName,spec.clusterIP=None"),
        ("secrets", "type=none.example.org/x"),
    ],
)
def test_field_selectors_that_some_kinds_offer(case: Case, kind: str, selector: str) -> None:
    space = case.namespace()
    assert case.raw().get(f"{NAMESPACES}/{space}/{kind}", fieldSelector=selector).code == 200


def test_pages(case: Case) -> None:
    raw, path = case.raw(), labelled(case)
    first = raw.get(path, labelSelector="set=one", limit="2")
    assert names(first.body) == ["m-0", "m-1"]
    token = first.body["metadata"]["continue"]
    second = raw.quiet.get(path, labelSelector="set=one", limit="2", **{"continue": token}).body
    last = raw.quiet.get(
        path, labelSelector="set=one", limit="2", **{"continue": second["metadata"]["continue"]}
    ).body
    assert names(second) + names(last) == ["m-2", "m-3", "m-4"]
    assert "continue" not in last["metadata"]
    case.note([second["metadata"].get("remainingItemCount"), last["metadata"].get("remainingItemCount")])
    rest = raw.quiet.get(path, labelSelector="set=one", **{"continue": token}).body
    assert names(rest) == ["m-2", "m-3", "m-4"]
    whole = raw.get(path, fieldSelector="metadata.name!=kube-root-ca.crt", limit="5")
    assert "continue" not in whole.body["metadata"]


def test_pages_without_a_selector_say_how_many_are_left(case: Case) -> None:
    raw = widgets(case)
    space = case.namespace()
    path = WIDGETS.replace("/default/", f"/{space}/")
    for i in range(3):
        raw.quiet.create(path, widget(f"w-{i}"))
    assert raw.get(path, limit="1").body["metadata"]["remainingItemCount"] == 2


@pytest.mark.parametrize("token", ["nonsense", "eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ", "bm9uc2Vuc2U", "e30"])
def test_a_continue_that_is_none(case: Case, token: str) -> None:
    answer = case.raw().get(MAPS, limit="2", **{"continue": token})
    assert (answer.code, answer.reason) == (400, "BadRequest")


@pytest.mark.parametrize("limit", ["many", "-1", "0", ""])
def test_a_limit_that_is_none(case: Case, limit: str) -> None:
    case.raw().get(labelled(case, 2), labelSelector="set=one", limit=limit)


def test_items_of_a_list_do_not_say_what_they_are_but_custom_ones_do(case: Case) -> None:
    raw, path = case.raw(), labelled(case, 1)
    listed = raw.get(path, labelSelector="set=one").body
    assert (listed["kind"], listed["apiVersion"]) == ("ConfigMapList", "v1")
    assert not {"kind", "apiVersion"} & set(listed["items"][0])
    raw = widgets(case)
    raw.create(WIDGETS, widget(case.name))
    found = raw.get(WIDGETS, fieldSelector=f"metadata.name={case.name}").body
    assert (found["kind"], found["apiVersion"]) == ("WidgetList", f"{WIDGET_GROUP}/v1")
    assert found["items"][0]["kind"] == "Widget"


def test_lists_over_all_namespaces_and_of_nothing(case: Case) -> None:
    raw = case.raw()
    labelled(case, 2)
    everywhere = raw.get(
        "/api/v1/configmaps", labelSelector="set=one", fieldSelector=f"metadata.namespace={case.name}"
    )
    assert names(everywhere.body) == ["m-0", "m-1"]
    assert raw.get(f"{NAMESPACES}/nowhere/configmaps").body["items"] == []
    empty = widgets(case).get(WIDGETS.replace("/default/", "/nowhere/"))
    assert empty.body["items"] == []


def test_an_object_is_asked_for_with_a_version(case: Case) -> None:
    raw = case.raw()
    made = raw.create(MAPS, config_map(case.name))
    path = f"{MAPS}/{case.name}"
    assert raw.get(path, resourceVersion="0").code == 200
    assert raw.quiet.get(path, resourceVersion=made.version).code == 200


@pytest.mark.parametrize(
    "accept",
    ["application/json", "*/*", "application/*", "application/json;q=0.9, */*", "text/html", "text/plain"],
)
def test_what_is_accepted(case: Case, accept: str) -> None:
    raw = case.raw().sending(Accept=accept)
    raw.create(MAPS, config_map(case.name))
    raw.get(f"{MAPS}/{case.name}")
    raw.get(f"{MAPS}/absent")


def test_a_status_of_what_has_none(case: Case) -> None:
    raw = widgets(case)
    raw.create(MAPS, config_map(case.name))
    assert raw.get(f"{MAPS}/{case.name}/status").code == 404
    raw.get(f"{MAPS}/{case.name}/nothing")
    raw.create(WIDGETS, widget(case.name))
    assert raw.get(f"{WIDGETS}/{case.name}/status").code == 200
    assert raw.get(f"{WIDGETS}/{case.name}/scale").code == 404
    raw.create("/api/v1/namespaces/default/services", service(case.name))
    assert raw.get(f"/api/v1/namespaces/default/services/{case.name}/status").code == 200
    assert raw.get(f"{NAMESPACES}/default/status").code == 200
