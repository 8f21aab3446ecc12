"""Delete: preconditions, finalizers, propagation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.conftest import Case
from tests.contract.samples import MAPS, RBAC, SERVICES, WIDGETS, config_map, role, service, widget, widgets

Object = dict[str, Any]
WAIT = ["example.org/wait"]


def options(**more: Any) -> Object:
    """Return what the console sends with a delete."""
    return {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"} | more


def test_what_is_deleted_is_gone(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    made = raw.create(MAPS, config_map(case.name))
    gone = raw.delete(path, options())
    assert (gone.code, gone.body["status"]) == (200, "Success")
    assert gone.body["details"] == {"name": case.name, "kind": "configmaps", "uid": made.uid}
    assert raw.get(path).code == 404
    again = raw.delete(path, options())
    assert (again.code, again.reason) == (404, "NotFound")
    raw.delete(f"/api/v1/namespaces/nowhere/configmaps/{case.name}", options())


def test_the_name_is_free_again_for_another_object(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    first = raw.create(MAPS, config_map(case.name))
    raw.delete(path, options())
    second = raw.create(MAPS, config_map(case.name))
    assert second.uid != first.uid
    assert raw.delete(path, options(preconditions={"uid": first.uid})).code == 409


def test_other_kinds_are_deleted(case: Case) -> None:
    raw = widgets(case)
    raw.create(f"{RBAC}/clusterroles", role(case.name, "get"))
    raw.delete(f"{RBAC}/clusterroles/{case.name}", options())
    raw.create(SERVICES, service(case.name))
    raw.delete(f"{SERVICES}/{case.name}", options())
    raw.create(WIDGETS, widget(case.name))
    raw.delete(f"{WIDGETS}/{case.name}", options())
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": case.name}}
    raw.create("/api/v1/namespaces/default/serviceaccounts", account)
    raw.delete(f"/api/v1/namespaces/default/serviceaccounts/{case.name}", options())


def test_deletion_obeys_preconditions(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    made = raw.create(MAPS, config_map(case.name))
    wrong = raw.delete(path, options(preconditions={"uid": "other"}))
    assert (wrong.code, wrong.reason) == (409, "Conflict")
    stale = raw.delete(path, options(preconditions={"resourceVersion": "1"}))
    assert (stale.code, stale.reason) == (409, "Conflict")
    both = {"uid": made.uid, "resourceVersion": "1"}
    assert raw.delete(path, options(preconditions=both)).code == 409
    right = raw.delete(path, options(preconditions={"uid": made.uid, "resourceVersion": made.version}))
    assert (right.code, right.body["status"]) == (200, "Success")


def test_preconditions_of_a_custom_object(case: Case) -> None:
    raw, path = widgets(case), f"{WIDGETS}/{case.name}"
    made = raw.create(WIDGETS, widget(case.name))
    assert raw.delete(path, options(preconditions={"uid": "other"})).code == 409
    assert raw.delete(path, options(preconditions={"resourceVersion": "1"})).code == 409
    assert raw.delete(path, options(preconditions={"uid": made.uid})).code == 200


def test_an_object_with_a_finalizer_waits_for_it(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    body = config_map(case.name)
    body["metadata"]["finalizers"] = WAIT
    raw.create(MAPS, body)
    marked = raw.delete(path, options())
    assert "deletionTimestamp" in marked.body["metadata"]
    again = raw.delete(path, options())
    assert again.body["metadata"]["deletionTimestamp"] == marked.body["metadata"]["deletionTimestamp"]
    assert raw.get(path).code == 200
    raw.merge(path, {"data": {"late": "1"}})
    freed = raw.merge(path, {"metadata": {"finalizers": None}})
    assert freed.code == 200
    assert raw.get(path).code == 404


def test_a_custom_object_with_a_finalizer_waits_for_it(case: Case) -> None:
    raw, path = widgets(case), f"{WIDGETS}/{case.name}"
    body = widget(case.name)
    body["metadata"]["finalizers"] = WAIT
    raw.create(WIDGETS, body)
    marked = raw.delete(path, options())
    assert marked.body["metadata"]["generation"] == 2
    assert raw.merge(path, {"metadata": {"finalizers": ["example.org/other"]}}).code == 422
    raw.merge(path, {"metadata": {"uid": marked.uid, "finalizers": []}})
    assert raw.get(path).code == 404


def test_finalizers_are_let_go_of_the_right_object_only(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    body = config_map(case.name)
    body["metadata"]["finalizers"] = [*WAIT, "example.org/b"]
    made = raw.create(MAPS, body)
    refused = raw.merge(path, {"metadata": {"uid": "someone-else", "finalizers": []}})
    assert refused.code in (409, 422)
    kept = raw.merge(path, {"metadata": {"uid": made.uid, "finalizers": WAIT}})
    assert kept.body["metadata"]["finalizers"] == WAIT


@pytest.mark.parametrize("policy", ["Background", "Foreground", "Orphan", "Sometimes"])
@pytest.mark.parametrize("kind", ["built-in", "custom"])
def test_propagation(case: Case, policy: str, kind: str) -> None:
    raw = widgets(case)
    base, body = (MAPS, config_map(case.name)) if kind == "built-in" else (WIDGETS, widget(case.name))
    raw.create(base, body)
    path = f"{base}/{case.name}"
    raw.delete(path, options(propagationPolicy=policy))
    raw.quiet.merge(path, {"metadata": {"finalizers": None}})


@pytest.mark.parametrize("given", ["body", "both"])
def test_a_dry_run_deletes_nothing(case: Case, given: str) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    raw.create(MAPS, config_map(case.name))
    query = {"dryRun": "All"} if given == "both" else {}
    assert raw.delete(path, options(dryRun=["All"]), **query).code == 200
    assert raw.get(path).code == 200


def test_options_of_the_query_count_only_without_a_body(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    raw.create(MAPS, config_map(case.name))
    assert raw.delete(path, dryRun="All").code == 200
    assert raw.get(path).code == 200
    assert raw.delete(path, options(), dryRun="All").code == 200
    assert raw.get(path).code == 404


def test_a_dry_run_of_what_waits_for_a_finalizer(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    body = config_map(case.name)
    body["metadata"]["finalizers"] = WAIT
    raw.create(MAPS, body)
    assert raw.delete(path, options(dryRun=["All"]), dryRun="All").code == 200
    assert "deletionTimestamp" not in raw.get(path).body["metadata"]


def test_options_that_are_none(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    raw.create(MAPS, config_map(case.name))
    raw.delete(path, options(dryRun=["Some"]))
    raw.delete(path, b"{")
    raw.delete(path, {"apiVersion": "v1", "kind": "Pod"})
    raw.delete(path, {"preconditions": {"uid": "other"}})
    raw.delete(path, {})


def test_a_claim_waits_for_its_protection(case: Case) -> None:
    raw = case.raw()
    base = "/api/v1/namespaces/default/persistentvolumeclaims"
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "none-such",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    raw.create(
        base,
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": case.name}, "spec": spec},
    )
    raw.delete(f"{base}/{case.name}", options())
