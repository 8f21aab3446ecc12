"""Namespaces: made, going away, gone."""

from __future__ import annotations

from typing import Any

from tests.contract.conftest import Case
from tests.contract.samples import NAMESPACES, WIDGETS, config_map, namespace, service, widget, widgets

Object = dict[str, Any]
HOLD = ["example.org/hold"]


def going(case: Case) -> str:
    """Return the path of a namespace that is being deleted and cannot end."""
    raw = case.raw().quiet
    path = f"{NAMESPACES}/{case.namespace()}"
    held = config_map("held")
    held["metadata"]["finalizers"] = HOLD
    assert raw.create(f"{path}/configmaps", held).code == 201
    assert raw.delete(path).code == 200
    return path


def test_a_namespace_is_made_once(case: Case) -> None:
    raw = case.raw()
    made = raw.create(NAMESPACES, namespace(case.name))
    assert (made.code, made.body["status"]["phase"]) == (201, "Active")
    assert made.body["metadata"]["labels"] == {"kubernetes.io/metadata.name": case.name}
    assert raw.create(NAMESPACES, namespace(case.name)).reason == "AlreadyExists"
    raw.merge(f"{NAMESPACES}/{case.name}", {"metadata": {"labels": {"a": "b"}}})
    raw.merge(f"{NAMESPACES}/{case.name}", {"metadata": {"labels": {"kubernetes.io/metadata.name": "x"}}})
    raw.merge(f"{NAMESPACES}/{case.name}", {"metadata": {"labels": {"kubernetes.io/metadata.name": None}}})


def test_what_every_plane_has(case: Case) -> None:
    raw = case.raw()
    for name in ("default", "kube-system", "kube-public", "kube-node-lease"):
        assert raw.quiet.get(f"{NAMESPACES}/{name}").body["status"]["phase"] == "Active"
    raw.get(f"{NAMESPACES}/default")


def test_the_first_namespaces_stay(case: Case) -> None:
    for name in ("default", "kube-system", "kube-public"):
        answer = case.raw().delete(f"{NAMESPACES}/{name}", dryRun="All")
        assert (answer.code, answer.reason) == (403, "Forbidden")


def test_a_namespace_that_is_being_deleted(case: Case) -> None:
    raw = case.raw()
    path = f"{NAMESPACES}/{case.name}"
    made = raw.create(NAMESPACES, namespace(case.name))
    marked = raw.delete(path, {"preconditions": {"uid": made.uid}})
    assert (marked.code, marked.body["status"]["phase"]) == (200, "Terminating")
    assert marked.body["metadata"]["deletionTimestamp"]


def test_a_namespace_that_is_going_away_takes_nothing_new(case: Case) -> None:
    raw, path = case.raw(), going(case)
    for answer in (
        raw.create(f"{path}/configmaps", config_map("late")),
        raw.apply(f"{path}/configmaps/late", config_map("late")),
        raw.apply(f"{path}/services/late", service("late"), dryRun="All"),
        widgets(case).create(WIDGETS.replace("/default/", f"/{case.name}/"), widget("late")),
    ):
        assert (answer.code, answer.reason) == (403, "Forbidden")
        assert answer.causes[0]["reason"] == "NamespaceTerminating"
    raw.apply(path, namespace(case.name, labels={"a": "b"}))
    assert raw.create(NAMESPACES, namespace(case.name)).code == 409
    raw.delete(path)


def test_what_is_there_may_still_change(case: Case) -> None:
    case.needs("kube-controller-manager")  # which marks it
    raw, path = case.raw(), going(case)
    case.eventually(lambda: "deletionTimestamp" in raw.quiet.get(f"{path}/configmaps/held").body["metadata"])
    assert raw.merge(f"{path}/configmaps/held", {"data": {"a": "1"}}).code == 200


def test_a_namespace_goes_with_its_content(case: Case) -> None:
    case.needs("kube-controller-manager")
    raw, path = case.raw(), f"{NAMESPACES}/{case.namespace()}"
    held = config_map("held")
    held["metadata"]["finalizers"] = HOLD
    raw.create(f"{path}/configmaps", held)
    raw.create(f"{path}/configmaps", config_map("free"))
    raw.delete(path)
    case.eventually(lambda: raw.quiet.get(f"{path}/configmaps/free").code == 404)
    # Unrecorded: kube-controller-manager tells in conditions how far it is.
    assert raw.quiet.get(path).body["status"]["phase"] == "Terminating"
    raw.quiet.merge(f"{path}/configmaps/held", {"metadata": {"finalizers": None}})
    case.eventually(lambda: raw.quiet.get(path).code == 404, 40)
    assert raw.create(NAMESPACES, namespace(case.name)).code == 201
