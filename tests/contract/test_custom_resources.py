"""Custom kinds: validation, pruning, defaults, and the definitions themselves."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.conftest import LINES, Case
from tests.contract.samples import CRDS, WIDGETS, cluster, clusters, definition, widget, widgets

Object = dict[str, Any]


def told(entry: Object) -> Object:
    """Return what a client needs to know of a resource in a discovery document."""
    return {
        key: entry.get(key)
        for key in ("name", "kind", "singularName", "namespaced", "categories", "shortNames")
    }


@pytest.mark.parametrize(
    "spec",
    [
        {"color": None},
        {"color": "blue"},
        {"color": 3},
        {"code": "ABC"},
        {"code": "abcdef"},
        {"code": "a"},
        {"code": "ABCDEF"},
        {"count": -1},
        {"count": 11},
        {"count": 10**10},
        {"count": "three"},
        {"count": 1.5},
        {"count": True},
        {"ratio": "half"},
        {"on": "yes"},
        {"any": []},
        {"any": 1.5},
        {"parts": []},
        {"parts": [{"name": str(i)} for i in range(4)]},
        {"parts": [{"size": 1}]},
        {"parts": [{"name": "a", "size": 0}, {"name": "b", "size": 10}]},
        {"parts": "text"},
        {"parts": ["text"]},
        {"parts": {}},
        {"tags": [1]},
        {"limits": {"a": "b"}},
        {"limits": []},
        {"nested": "text"},
        {"nested": {"depth": "deep"}},
        {"color": "blue", "count": -1, "code": "A"},
    ],
)
def test_a_wrong_widget_is_refused_with_its_causes(case: Case, spec: Object) -> None:
    raw = widgets(case)
    refused = raw.create(WIDGETS, widget(case.name, **spec), fieldValidation="Strict")
    assert (refused.code, refused.reason) == (422, "Invalid")
    assert refused.causes


@pytest.mark.parametrize("body", [{}, {"spec": None}, {"spec": []}, {"spec": "text"}, {"spec": {}}])
def test_a_widget_without_its_spec(case: Case, body: Object) -> None:
    whole = {**widget(case.name), **body}
    if "spec" not in body:
        del whole["spec"]
    assert widgets(case).create(WIDGETS, whole).code == 422


def test_nulls_of_a_custom_object(case: Case) -> None:
    raw = widgets(case)
    body = widget(case.name)
    body["spec"] |= {"nil": None, "count": None, "nested": None}
    raw.create(WIDGETS, body)
    body = widget(f"{case.name}-b")
    body["spec"] |= {"code": None}
    raw.create(WIDGETS, body)


def test_defaults_fill_what_is_missing(case: Case) -> None:
    raw = widgets(case)
    made = raw.create(WIDGETS, widget(case.name, parts=[{"name": "a"}], nested={"word": "x"}))
    spec = made.body["spec"]
    assert (spec["count"], spec["parts"][0]["size"], spec["nested"]["depth"]) == (1, 1, 2)


@pytest.mark.parametrize("validation", ["Strict", "Warn", "Ignore", ""])
def test_unknown_fields_are_refused_warned_about_or_dropped(case: Case, validation: str) -> None:
    raw = widgets(case)
    body = widget(case.name, parts=[{"name": "a", "weight": 1}], strange={"a": 1}, free={"x": 1})
    body["more"] = 1
    query = {"fieldValidation": validation} if validation else {}
    answer = raw.create(WIDGETS, body, **query)
    assert answer.code == (400 if validation == "Strict" else 201)
    raw.merge(f"{WIDGETS}/{case.name}", {"spec": {"strange": 1}}, **query)
    raw.get(f"{WIDGETS}/{case.name}")


@pytest.mark.parametrize("validation", ["Strict", "Warn", "Ignore"])
def test_keys_that_are_there_twice(case: Case, validation: str) -> None:
    raw = widgets(case)
    text = f'{{"apiVersion":"contract.example.org/v1","kind":"Widget","metadata":{{"name":"{case.name}"}},'
    text += '"spec":{"color":"red","color":"green"}}'
    raw.create(WIDGETS, text.encode(), fieldValidation=validation)


@pytest.mark.parametrize("change", [{"kind": "Gadget"}, {"kind": ""}])
def test_a_body_of_another_kind(case: Case, change: Object) -> None:
    raw = widgets(case)
    raw.create(WIDGETS, widget(case.name) | change)
    raw.apply(f"{WIDGETS}/{case.name}", widget(case.name) | change)


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize(
    ("policy", "component"),
    [
        (None, {}),
        ("Never", {}),
        ("Halt", {}),
        ("Delete", {"name": "Etcd_1"}),
        ("Delete", {"name": "a" * 23}),
        ("Delete", {"replicas": -1}),
        ("Delete", {"replicas": 10**10}),
        ("Delete", {"replicas": "three"}),
        ("Delete", {"replicas": None}),
        ("Delete", {"services": [{"name": "peer", "serviceType": "ExternalName"}]}),
        ("Delete", {"services": [{"serviceType": "ClusterIP"}]}),
        ("Delete", {"services": [{"name": "peer", "podService": True, "serviceType": "NodePort"}]}),
        ("Delete", {"resources": {"limits": {"cpu": "1Gib"}}}),
        ("Delete", {"resources": {"limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": "500m"}}}),
        ("Delete", {"componentDef": "Etcd 3"}),
        ("Delete", {"componentDef": "a" * 65}),
        ("Delete", {"componentDef": None}),
        ("Delete", {"serviceVersion": "v" * 33}),
        ("Delete", {"volumeClaimTemplates": [{"name": "data", "spec": {"accessModes": ["ReadWriteOnce"]}}]}),
        ("Delete", {"volumeClaimTemplates": [{"spec": {}}]}),
        ("Delete", {"volumeClaimTemplates": [{"name": "data"}, {"name": "data"}]}),
        ("Delete", {"labels": {"a": "b"}, "annotations": {"c": "d"}, "disableExporter": True, "stop": False}),
    ],
)
def test_clusters(case: Case, line: str, policy: str | None, component: Object) -> None:
    raw = case.control(line)
    raw.create(
        clusters(line),
        cluster(case.name, line, policy=policy, **component),
        fieldValidation="Strict",
        dryRun="All",
    )


@pytest.mark.parametrize("line", LINES)
def test_the_guides_misplaced_peer_is_refused_strictly_and_pruned_otherwise(case: Case, line: str) -> None:
    raw = case.control(line)
    peer = {"name": "peer", "serviceType": "LoadBalancer", "podService": True}
    body = cluster(case.name, line, volumeClaimTemplates=[peer])
    strict = raw.create(clusters(line), body, fieldValidation="Strict", dryRun="All")
    assert strict.code == 400
    assert "spec.componentSpecs[0].volumeClaimTemplates[0].podService" in strict.message
    stored = raw.create(clusters(line), body, dryRun="All")
    assert stored.body["spec"]["componentSpecs"][0]["volumeClaimTemplates"] == [{"name": "peer"}]
    peer.pop("serviceType")  # of two, a server names any one
    raw.apply(f"{clusters(line)}/{case.name}", body, fieldValidation="Strict", dryRun="All")


@pytest.mark.parametrize("line", LINES)
def test_what_only_the_console_can_refuse_is_taken(case: Case, line: str) -> None:
    raw = case.control(line)
    body = cluster(case.name, line, replicas=None)
    body["metadata"]["annotations"] = {"apps.kubeblocks.io/multi-cluster-placement": "nope, k8s-2,,"}
    made = raw.create(clusters(line), body)
    assert (made.code, made.body["spec"]["componentSpecs"][0]["replicas"]) == (201, 1)
    raw.delete(f"{clusters(line)}/{case.name}")
    assert raw.create(clusters(line), cluster("n" * 70, line), dryRun="All").code == 201
    assert raw.create(clusters(line), cluster("Upper", line), dryRun="All").code == 422
    raw.create(
        clusters(line), {**cluster(case.name, line), "spec": {"terminationPolicy": "Delete"}}, dryRun="All"
    )
    many = cluster(case.name, line)
    many["spec"]["enableInstanceAPI"] = True
    raw.create(clusters(line), many, fieldValidation="Strict", dryRun="All")


@pytest.mark.parametrize("line", LINES)
def test_a_cluster_lives(case: Case, line: str) -> None:
    raw, path = case.control(line), f"{clusters(line)}/{case.name}"
    body = cluster(case.name, line, resources={"limits": {"cpu": "1"}}, services=[{"name": "peer"}])
    assert raw.apply(path, body, fieldValidation="Strict").code == 201
    assert raw.apply(path, body, fieldValidation="Strict").code == 200
    body["spec"]["componentSpecs"][0]["replicas"] = 5
    changed = raw.apply(path, body, fieldValidation="Strict")
    assert changed.body["metadata"]["generation"] == 2
    refused = raw.apply(path, cluster(case.name, line, replicas=7), manager="other")
    assert [cause["field"] for cause in refused.causes] == [".spec.componentSpecs"]
    raw.merge(path, {"spec": {"terminationPolicy": "WipeOut"}})
    raw.merge(path, {"spec": {"componentSpecs": [{"name": "etcd", "componentDef": "etcd-2", "replicas": 1}]}})
    raw.delete(path)


def test_both_versions_show_one_cluster(case: Case) -> None:
    raw = case.control("1.0")
    assert raw.create(clusters("1.0"), cluster(case.name, "1.0")).code == 201
    path = f"{clusters('0.9')}/{case.name}"
    old = raw.get(path)
    assert old.body["apiVersion"] == "apps.kubeblocks.io/v1alpha1"
    raw.merge(path, {"metadata": {"labels": {"a": "b"}}})
    raw.get(f"{clusters('1.0')}/{case.name}")
    raw.delete(path)


def test_a_definition_is_served_changed_and_removed(case: Case) -> None:
    raw, group = case.raw(), f"{case.name}.example.org"
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"a": {"type": "string"}}}},
    }
    body = definition(group, "gadgets", "Gadget", schema)
    assert raw.quiet.get(f"/apis/{group}/v1").code == 404
    raw.get(f"/apis/{group}/v1")
    made = raw.create(CRDS, body)
    assert made.code == 201
    path, base = f"{CRDS}/gadgets.{group}", f"/apis/{group}/v1/namespaces/default/gadgets"

    def established() -> bool:
        found = raw.quiet.get(path).body["status"].get("conditions", [])
        return any(one["type"] == "Established" and one["status"] == "True" for one in found)

    case.eventually(established)
    case.eventually(lambda: raw.quiet.get(base).code == 200)
    case.eventually(lambda: raw.quiet.get(f"/apis/{group}/v1").code == 200)
    raw.get(path)
    case.note([told(one) for one in raw.quiet.get(f"/apis/{group}/v1").body["resources"]])
    raw.get(f"/apis/{group}")
    gadget = {
        "apiVersion": f"{group}/v1",
        "kind": "Gadget",
        "metadata": {"name": "one"},
        "spec": {"a": "x", "b": "y"},
    }
    assert raw.create(base, gadget).body["spec"] == {"a": "x"}
    assert raw.merge(f"{base}/one/status", {"status": {}}).code == 404
    raw.delete(path)
    case.eventually(lambda: raw.quiet.get(path).code == 404, 30)
    case.eventually(lambda: raw.quiet.get(base).code == 404)
    raw.get(base)
    case.eventually(lambda: raw.quiet.get(f"/apis/{group}/v1").code == 404)


@pytest.mark.parametrize(
    "change",
    [
        {"group": ""},
        {"group": "other.example.org"},
        {"names": {"plural": "others", "kind": "Gadget"}},
        {"names": None},
        {"versions": []},
        {"scope": "Galaxy"},
        {"scope": None},
    ],
)
def test_a_wrong_definition(case: Case, change: Object) -> None:
    body = definition(f"{case.name}.example.org", "gadgets", "Gadget", {"type": "object"})
    body["spec"] |= change
    answer = case.raw().create(CRDS, body, dryRun="All")
    assert (answer.code, answer.reason) == (422, "Invalid")


@pytest.mark.parametrize("line", LINES)
def test_kubeblocks_is_discovered(case: Case, line: str) -> None:
    raw = case.control(line).quiet
    for version in ("v1", "v1alpha1"):
        answer = raw.get(f"/apis/apps.kubeblocks.io/{version}")
        found = answer.body["resources"] if answer.code == 200 else []
        found = sorted(found, key=lambda one: str(one["name"]))
        case.note(
            [
                answer.code,
                [told(one) for one in found if one["name"].startswith(("clusters", "componentdefinitions"))],
            ]
        )
    assert case.raw().get("/apis/apps.kubeblocks.io/v1").code == 404
