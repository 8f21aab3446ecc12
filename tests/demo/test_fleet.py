"""The whole fleet with its controllers in threads, as the demo runs it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.k8s import kubeconfig
from kbconsole.k8s.kinds import CLUSTER_ROLE, KB_CLUSTER_V1ALPHA1, SERVICE
from tests.demo.conftest import wait_for

Object = dict[str, Any]


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[EmbeddedFleet]:
    made = EmbeddedFleet(tmp_path / "f.sqlite3", delay=0.05, interval=0.05, nodes=1)
    made.start()
    yield made
    made.stop()


def test_the_console_alone_brings_a_database_up(fleet: EmbeddedFleet) -> None:
    control = fleet.client(fleet.control_plane, "kbconsole")
    source = control.get(CLUSTER_ROLE, "kubeblocks-cluster-pod-role") or {}
    body: Object = {key: source[key] for key in ("apiVersion", "kind", "rules")}
    for plane in fleet.planes:
        client = fleet.client(plane, "kbconsole")
        client.apply(body | {"metadata": {"name": source["metadata"]["name"]}})
        client.close()
    component = {"name": "etcd", "componentDef": "etcd-0.9.0", "replicas": 3}
    control.apply(
        {
            "apiVersion": "apps.kubeblocks.io/v1alpha1",
            "kind": "Cluster",
            "metadata": {
                "name": "e",
                "namespace": "default",
                "annotations": {"apps.kubeblocks.io/multi-cluster-placement": "k8s-1,k8s-2,k8s-3"},
            },
            "spec": {"terminationPolicy": "Delete", "componentSpecs": [component]},
        }
    )

    def running() -> bool:
        found = control.get(KB_CLUSTER_V1ALPHA1, "e", "default") or {}
        return bool(found.get("status", {}).get("phase") == "Running")

    wait_for(running, 20)
    control.close()


def test_a_hanging_plane_does_not_hold_up_the_others(fleet: EmbeddedFleet) -> None:
    fleet.fault("k8s-3", "hang")
    client = fleet.client("k8s-1")
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}]}
    metadata = {"name": "s", "namespace": "default"}
    client.create({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})

    def address() -> str:
        found = client.get(SERVICE, "s", "default") or {}
        ingress = found["status"]["loadBalancer"].get("ingress") or [{}]
        return str(ingress[0].get("ip", ""))

    assert wait_for(address, 10).startswith("10.4.")
    client.close()


def test_the_kubeconfig_is_one_that_the_console_takes(fleet: EmbeddedFleet) -> None:
    parsed = kubeconfig.parse(fleet.kubeconfig().encode())
    assert [context.name for context in parsed.contexts] == ["control-plane", "k8s-1", "k8s-2", "k8s-3"]
    assert not [finding for context in parsed.contexts for finding in context.findings]
    assert "k8s-4" in fleet.kubeconfig(contexts=["k8s-4"])


def test_a_hundred_planes_start_quickly_and_answer_together(tmp_path: Path) -> None:
    names = [f"plane-{i}" for i in range(100)]
    begun = time.monotonic()
    many = EmbeddedFleet(tmp_path / "m.sqlite3", planes=names, spare=None, controllers=False, nodes=1)
    many.start()
    try:
        assert time.monotonic() - begun < 20
        assert len({many.credential(name).server for name in names}) == 100
        client = many.client("plane-99")
        assert client.version().startswith("v1.")
        client.close()
    finally:
        many.stop()
