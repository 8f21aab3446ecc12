"""Status has a door of its own: of custom objects, and of built-in kinds that have one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.conftest import LINES, Case
from tests.contract.samples import (
    NAMESPACES,
    SERVICES,
    WIDGETS,
    cluster,
    clusters,
    namespace,
    service,
    widget,
    widgets,
)

Object = dict[str, Any]


def test_a_plain_write_ignores_the_status(case: Case) -> None:
    raw, path = widgets(case), f"{WIDGETS}/{case.name}"
    made = raw.create(WIDGETS, {**widget(case.name), "status": {"phase": "Up"}})
    assert "status" not in made.body
    assert "status" not in raw.merge(path, {"status": {"phase": "Up"}}).body
    raw.merge(f"{path}/status", {"status": {"phase": "Up"}})
    kept = raw.merge(path, {"spec": {"color": "green"}, "status": {"phase": "Down"}})
    assert (kept.body["status"], kept.body["spec"]["color"]) == ({"phase": "Up"}, "green")
    body = raw.get(path).body
    body["status"] = {"phase": "Down"}
    assert raw.put(path, body).body["status"] == {"phase": "Up"}


def test_a_write_of_the_status_ignores_the_rest(case: Case) -> None:
    raw, path = widgets(case), f"{WIDGETS}/{case.name}"
    raw.create(WIDGETS, widget(case.name))
    change = {"spec": {"color": "green"}, "status": {"phase": "Up"}, "metadata": {"labels": {"a": "b"}}}
    written = raw.merge(f"{path}/status", change).body
    assert (written["spec"]["color"], written["status"]) == ("red", {"phase": "Up"})
    case.note(written["metadata"].get("labels"))
    body = raw.get(path).body
    body["spec"]["color"], body["status"] = "green", {"phase": "Down", "seen": 3}
    assert raw.put(f"{path}/status", body).body["spec"]["color"] == "red"


def test_generation_counts_changes_of_the_spec_only(case: Case) -> None:
    raw, path = widgets(case), f"{WIDGETS}/{case.name}"
    assert raw.create(WIDGETS, widget(case.name)).body["metadata"]["generation"] == 1
    labelled = raw.merge(path, {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}})
    assert labelled.body["metadata"]["generation"] == 1
    assert raw.merge(f"{path}/status", {"status": {"phase": "Up"}}).body["metadata"]["generation"] == 1
    assert raw.merge(path, {"spec": {"color": "green"}}).body["metadata"]["generation"] == 2
    assert raw.apply(path, widget(case.name, color="green")).body["metadata"]["generation"] == 2


def test_a_status_is_applied(case: Case) -> None:
    raw, path = widgets(case), f"{WIDGETS}/{case.name}"
    body = {**widget(case.name), "status": {"phase": "Up"}}
    del body["spec"]
    assert raw.apply(f"{path}/status", body).code == 404
    raw.apply(path, widget(case.name))
    written = raw.apply(f"{path}/status", body, manager="operator")
    assert written.body["status"] == {"phase": "Up"}
    body["status"] = {"seen": 2}
    assert raw.apply(f"{path}/status", body, manager="operator").body["status"] == {"seen": 2}
    raw.apply(path, widget(case.name, color="green"))


@pytest.mark.parametrize("status", [{"phase": "Dancing"}, {"seen": "three"}, {"strange": 1}, "text", None])
def test_a_wrong_status(case: Case, status: Any) -> None:
    raw, path = widgets(case), f"{WIDGETS}/{case.name}"
    raw.create(WIDGETS, widget(case.name))
    raw.merge(f"{path}/status", {"status": status}, fieldValidation="Strict")
    raw.merge(f"{path}/status", {"status": status})


@pytest.mark.parametrize("line", LINES)
def test_the_status_of_a_cluster(case: Case, line: str) -> None:
    raw, path = case.control(line), f"{clusters(line)}/{case.name}"
    made = raw.create(clusters(line), {**cluster(case.name, line), "status": {"phase": "Running"}})
    assert "status" not in made.body
    assert raw.merge(f"{path}/status", {"status": {"phase": "Dancing"}}).code == 422
    components = {"etcd": {"phase": "Running", "message": {"Pod/etcd-0": "ok"}}}
    status = {"phase": "Running", "observedGeneration": 1, "components": components}
    written = raw.merge(f"{path}/status", {"status": status}, fieldManager="operator")
    assert written.body["status"] == status
    assert written.body["metadata"]["generation"] == 1
    assert raw.apply(path, cluster(case.name, line), force="true").body["status"] == status
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "ClusterReady",
        "message": "Cluster is ready",
        "lastTransitionTime": "2026-07-01T00:00:00Z",
    }
    raw.merge(f"{path}/status", {"status": {"conditions": [condition]}})
    raw.merge(f"{path}/status", {"status": {"conditions": [{"type": "Ready"}]}})
    raw.delete(path)


def test_the_status_of_a_service(case: Case) -> None:
    raw, path = case.raw(), f"{SERVICES}/{case.name}"
    ingress = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    made = raw.create(SERVICES, {**service(case.name, type="LoadBalancer"), "status": ingress})
    assert made.body["status"] == {"loadBalancer": {}}
    raw.merge(path, {"status": ingress})
    written = raw.merge(f"{path}/status", {"status": ingress})
    assert written.body["status"]["loadBalancer"]["ingress"][0]["ip"] == "192.0.2.1"
    raw.apply(path, service(case.name, type="LoadBalancer"), force="true")


def test_the_status_of_a_namespace(case: Case) -> None:
    raw, path = case.raw(), f"{NAMESPACES}/{case.name}"
    raw.create(NAMESPACES, {**namespace(case.name), "status": {"phase": "Terminating"}})
    raw.merge(path, {"status": {"phase": "Terminating"}})
    assert raw.get(path).body["status"]["phase"] == "Active"
