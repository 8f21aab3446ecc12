"""Faults, the control port, and what survives a restart."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from kbconsole.demo import faults_client
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.demo.server import PortBusy
from kbconsole.demo.store import StateBusy
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.errors import Forbidden, KubeError, Rejected, Unauthorised, Unreachable
from kbconsole.k8s.kinds import CONFIG_MAP, NAMESPACE, POD
from tests.demo.conftest import Raw

MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "namespace": "default"}}


@pytest.fixture
def client(servers: EmbeddedFleet) -> Iterator[PlaneClient]:
    made = servers.client("k8s-1", "kbconsole", read_timeout=0.3, deadline=0.6)
    yield made
    servers.fault("k8s-1", None)
    made.close()


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("403", Forbidden),
        ("429", Rejected),
        ("500", Rejected),
        ("expired", Unauthorised),
        ("hang", Unreachable),
        ("drop", Unreachable),
        ("unreachable", Unreachable),
    ],
)
def test_each_fault_is_seen_and_goes_away(
    servers: EmbeddedFleet, client: PlaneClient, kind: str, error: type[KubeError]
) -> None:
    servers.fault("k8s-1", kind)
    with pytest.raises(error):
        client.list(POD)
    servers.fault("k8s-1", None)
    assert client.list(POD) is not None


def test_a_refusal_meets_the_console_and_not_the_controllers(
    servers: EmbeddedFleet, client: PlaneClient
) -> None:
    servers.fault("k8s-1", "403")
    assert Raw(servers, "k8s-1", "operator").get("/api/v1/pods").code == 200


def test_too_many_requests_says_when_to_come_back(servers: EmbeddedFleet, client: PlaneClient) -> None:
    servers.fault("k8s-1", "429", retry_after=7)
    assert Raw(servers, "k8s-1", "kbconsole").get("/api/v1/pods").headers["Retry-After"] == "7"


def test_a_slow_plane_takes_its_time(servers: EmbeddedFleet, client: PlaneClient) -> None:
    client.list(POD)
    servers.fault("k8s-1", "slow", ms=120)
    begun = time.monotonic()
    client.list(POD)
    assert 0.12 <= time.monotonic() - begun < 0.3


@pytest.mark.parametrize(("when", "stored"), [("before", False), ("after", True), ("half", True)])
def test_a_cut_connection_may_have_done_its_work(
    servers: EmbeddedFleet, client: PlaneClient, when: str, stored: bool
) -> None:
    admin = servers.client("k8s-1", "admin", read_timeout=0.3)
    admin.delete(CONFIG_MAP, "m", "default")
    servers.fault("k8s-1", "drop", when=when, methods=["POST"])
    with pytest.raises(Unreachable):
        admin.create(MAP)
    admin.close()
    assert (servers.store("k8s-1").look("configmaps", "m", "default") is not None) == stored


def test_a_fault_can_wait_and_end_by_itself(servers: EmbeddedFleet, client: PlaneClient) -> None:
    servers.fault("k8s-1", "403", skip=1, count=1, path="/pods")
    raw = Raw(servers, "k8s-1", "kbconsole")
    assert [raw.get("/api/v1/pods").code for _ in range(3)] == [200, 403, 200]


def test_nonsense_is_refused(servers: EmbeddedFleet) -> None:
    for kind, options in (
        ("flood", {}),
        ("slow", {"speed": 3}),
        ("drop", {"when": "later"}),
        ("drift", {"name": "x"}),
    ):
        with pytest.raises(ValueError, match=r"no such|dropped"):
            servers.fault("k8s-1", kind, **options)


def test_drift_is_made_by_another_manager(servers: EmbeddedFleet) -> None:
    raw = Raw(servers, "k8s-1")
    raw.create(
        "/api/v1/namespaces/default/configmaps", MAP | {"metadata": {"name": "drifts"}, "data": {"a": "ours"}}
    )
    path = "/api/v1/namespaces/default/configmaps/drifts"
    servers.fault("k8s-1", "drift", path=path, patch={"data": {"a": "theirs"}})
    body = raw.get(path).body
    assert body["data"] == {"a": "theirs"}
    assert "kubectl-edit" in {entry["manager"] for entry in body["metadata"]["managedFields"]}


def test_the_control_port_wants_its_token(servers: EmbeddedFleet) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(servers.control_url, timeout=2)
    assert refused.value.code == 401
    asked = urllib.request.Request(
        servers.control_url, headers={"Authorization": f"Bearer {servers.control_token}"}
    )
    with urllib.request.urlopen(asked, timeout=2) as answer:
        assert json.load(answer)["k8s-1"]["fault"] is None


def test_a_second_start_finds_the_same_fleet(tmp_path: Path) -> None:
    def make() -> EmbeddedFleet:
        fleet = EmbeddedFleet(
            tmp_path / "f.sqlite3", planes=("k8s-1",), spare=None, controllers=False, nodes=1
        )
        fleet.start()
        return fleet

    first = make()
    client = first.client("k8s-1")
    client.create(MAP)
    uid = client.get(NAMESPACE, "kube-system") or {}
    with pytest.raises(StateBusy):
        make()
    first.stop()
    taken = socket.create_server(("127.0.0.1", int(first.credential("k8s-1").server.rpartition(":")[2])))
    with taken, pytest.raises(PortBusy, match="k8s-1: port"):
        make()
    second = make()
    try:
        assert second.kubeconfig() == first.kubeconfig()
        assert client.get(CONFIG_MAP, "m", "default") is not None
        assert (client.get(NAMESPACE, "kube-system") or {})["metadata"]["uid"] == uid["metadata"]["uid"]
    finally:
        second.stop()
        client.close()


def test_it_runs_as_a_process_that_is_killed_and_broken(tmp_path: Path) -> None:
    state, out = tmp_path / "f.sqlite3", tmp_path / "fleet.kubeconfig"
    command = [
        sys.executable,
        "-m",
        "kbconsole.demo.serve",
        "--state",
        str(state),
        "--kubeconfig-out",
        str(out),
    ]

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert "k8s-4" in process.stdout.readline()
        return process

    process = start()
    assert (tmp_path / "k8s-4.kubeconfig").stat().st_mode & 0o077 == 0
    assert faults_client.switch(state, "k8s-3", "hang")["k8s-3"]["fault"] == "hang"
    with pytest.raises(faults_client.NotSwitched, match="no such fault"):
        faults_client.switch(state, "k8s-3", "flood")
    before = out.read_text()
    time.sleep(0.3)
    process.kill()
    process.wait()
    again = start()
    assert out.read_text() == before
    again.send_signal(signal.SIGTERM)
    assert again.wait(60) == 0
    with pytest.raises(faults_client.NotSwitched, match="does not run"):
        faults_client.switch(state, "k8s-3", "off")
