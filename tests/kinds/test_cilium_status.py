"""The mesh judged by the JSON of `cilium`, recorded from its structs (cilium-cli v0.19.7), and never by an exit code.

No real Cilium was run: the shapes are those that the command's source declares, in which zeros are left out.
"""

from __future__ import annotations

from typing import Any

import pytest

from kbconsole.jobs.definition import Verdict
from networking.kinds.cilium import commands, jobs
from networking.kinds.cilium.facts import MeshFacts
from networking.kinds.cilium.judging import Connected
from networking.kinds.cilium.matrix import cell, matrix, reached, standing
from networking.kinds.cilium.status import MeshStatus, Rung, loaded, mesh_status

WELL = {"configured": 2, "connected": 2}


def answer(
    remote: dict[str, Any], *, errors: list[str] | None = None, kvstoremesh: Any = None
) -> dict[str, Any]:
    """What `cilium clustermesh status -o json` prints on a plane with two agents."""
    part: dict[str, Any] = {"clusters": {"k8s-2": remote}, "total": 2}
    if errors:
        part["errors"] = {"cilium-7x2kq": {"k8s-2": {"Errors": errors}}}
    behind = kvstoremesh if kvstoremesh is not None else {"enabled": True, "status": part}
    access = {
        "service_type": "NodePort",
        "cluster_id": "1",
        "cluster_name": "k8s-1",
        "ca": "LS0tLS1CRUdJTg==",
    }
    return {"access_information": access, "connectivity": part, "kvstoremesh": behind}


def agent(**changes: Any) -> dict[str, Any]:
    """What `cilium status -o json` has of one agent and one remote."""
    synced = {"nodes": True, "endpoints": True, "identities": True, "services": True}
    remote = {"name": "k8s-2", "ready": True, "connected": True, "config": {"required": True, "retrieved": True},
              "synced": synced, **changes}  # fmt: skip
    return {"cilium_status": {"cilium-7x2kq": {"cluster-mesh": {"clusters": [remote]}}}}


@pytest.mark.parametrize(
    ("mesh", "agents", "rung"),
    [
        (answer(WELL), None, ""),
        (answer(WELL), agent(), ""),
        (answer({"configured": 2}), None, "etcd"),
        (answer({"configured": 2, "connected": 1}), None, "etcd"),
        (answer({}), None, "etcd"),
        (answer({"configured": 2}, errors=["lookup k8s-2.mesh.cilium.io: no such host"]), None, "dns"),
        (answer({"configured": 2}, errors=["dial tcp 10.0.0.1:32380: connect: connection refused"]), None, "tcp"),
        (answer({"configured": 2}, errors=["dial tcp 10.0.0.1:32380: i/o timeout"]), None, "tcp"),
        (answer({"configured": 2}, errors=["x509: certificate signed by unknown authority"]), None, "tls"),
        (answer({"configured": 2}, errors=["etcd cluster: permission denied"]), None, "etcd"),
        (answer({"configured": 2}, errors=["etcd: no leader", "x509: expired"]), None, "tls"),
        (answer(WELL, kvstoremesh={"enabled": True, "status": {"total": 1, "clusters": {"k8s-2": {"configured": 1}}}}),
         None, "etcd"),
        (answer(WELL, kvstoremesh={}), None, ""),
        (answer(WELL), agent(connected=False, status="dial tcp: connection refused"), "tcp"),
        (answer(WELL), agent(config={"required": True}), "etcd"),
        (answer(WELL), agent(synced={"nodes": True}, ready=False), "synced"),
    ],
)  # fmt: skip
def test_the_first_red_rung_is_found_in_the_content(mesh: Any, agents: Any, rung: str) -> None:
    status = mesh_status(mesh, agents)
    remote = status.remotes["k8s-2"]
    assert (remote.rung, remote.well) == (rung, not rung)
    assert MeshStatus.from_json(status.to_json()) == status
    assert "LS0t" not in str(status.to_json())


@pytest.mark.parametrize("text", ["", "Error: clustermesh not enabled", "[]", "{"])
def test_no_json_is_no_answer(text: str) -> None:
    assert loaded(text) is None


def test_a_status_that_ended_well_but_is_not_connected_fails() -> None:
    check = Connected("k8s-1", {"k8s-2": "k8s-2", "k8s-3": "k8s-3"})
    finding = check.judge(answer(WELL))
    assert finding.verdict == Verdict.FAIL and "to k8s-3 etcd fails (0 of 2 agents)" in str(finding.sentence)
    assert Connected("k8s-1", {"k8s-2": "k8s-2"}).judge(answer(WELL)).verdict == Verdict.PASS
    late = answer(WELL)
    late["connectivity"]["not_ready"] = 1
    assert Connected("k8s-1", {"k8s-2": "k8s-2"}).judge(late).verdict == Verdict.FAIL


def facts(number: int, *remotes: str, **changes: Any) -> MeshFacts:
    values = {
        "found": True,
        "name": f"k8s-{number}",
        "id": number,
        "enabled": True,
        "remotes": remotes,
        **changes,
    }
    return MeshFacts(f"k8s-{number}", **values)


def test_a_cell_says_what_is_known_and_no_more() -> None:
    one, other = facts(1, "k8s-2"), facts(2, "k8s-1")
    well = mesh_status(answer(WELL))
    red = mesh_status(answer({"configured": 2}, errors=["x509: unknown authority"]))
    assert cell(one, one, None).state == "self"
    assert (cell(one, other, well).state, str(cell(one, other, well).sentence)) == (
        "ok",
        "Connected: 2 of 2 agents",
    )
    assert str(cell(one, other, None).sentence) == "Configured, connectivity unknown"
    assert cell(facts(1), other, well).state == "absent"
    assert cell(facts(1, remotes=None), other, None).state == "unread"
    assert cell(one, facts(2, enabled=False), well).state == "none"
    broken = cell(one, other, red)
    assert (broken.state, broken.rung, broken.errors) == ("red", Rung.TLS, ("x509: unknown authority",))
    assert [state for _label, state in broken.rungs] == ["ok", "ok", "red", "", ""]
    assert [state for _label, state in cell(one, other, well).rungs] == ["ok"] * 5
    proven = reached(matrix([one, other], {"k8s-1": red, "k8s-2": MeshStatus()}))
    assert proven == {("k8s-1", "k8s-2"): True, ("k8s-2", "k8s-1"): True}


def test_a_pair_stands_when_both_sides_know_each_other() -> None:
    found = standing([facts(1, "k8s-2", "k8s-3"), facts(2, "k8s-1"), facts(3, remotes=None)])
    assert found == ([("k8s-1", "k8s-2")], [("k8s-1", "k8s-3"), ("k8s-2", "k8s-3")])


def test_the_argument_lists_are_those_of_the_corrected_guide() -> None:
    three = ["k8s-1", "k8s-2", "k8s-3"]
    install = commands.install("k8s-1", name="k8s-1", id_=1, pods="10.1.0.0/16", version="1.18.2")
    assert install.commands()[0].startswith(
        "cilium --context k8s-1 install --version 1.18.2 --set cluster.name=k8s-1 --set cluster.id=1 "
    )
    assert "--set ipam.operator.clusterPoolIPv4PodCIDRList=10.1.0.0/16" in install.commands()[0]
    assert commands.enable("k8s-1", service_type="NodePort").commands() == [
        "cilium --context k8s-1 clustermesh enable --service-type NodePort"
    ]
    assert commands.connect(three).commands() == [
        "cilium --context k8s-1 clustermesh connect --destination-context k8s-2,k8s-3 --connection-mode mesh "
        "--parallel 2"
    ]
    assert commands.connect(three).undo == commands.disconnect(three).args
    assert commands.status("k8s-2", wait="5m").commands() == [
        "cilium --context k8s-2 clustermesh status -o json --wait --wait-duration 5m"
    ]
    test = jobs.TestMesh(three)
    lines = [line for step in test.steps() if step.change for line in step.change.commands()]
    assert lines == [
        f"cilium --context k8s-1 connectivity test --multi-cluster {other} --timeout 20m"
        for other in three[1:]
    ]
    assert not any("—" in line for line in lines)


def test_the_way_without_a_context_is_shown_for_all_but_what_reaches_other_planes() -> None:
    assert commands.without_context(commands.enable("k8s-1", service_type="NodePort")) == (
        "cilium clustermesh enable --service-type NodePort"
    )
    with pytest.raises(ValueError, match="needs the contexts"):
        commands.without_context(commands.connect(["k8s-1", "k8s-2"]))
    with pytest.raises(ValueError, match="ClusterIP"):
        commands.enable("k8s-1", service_type="ClusterIP")
    with pytest.raises(ValueError, match="cannot be an argument"):
        commands.connect(["k8s-1", "--kubeconfig=x"])


@pytest.mark.parametrize(
    ("version", "what"), [("v1.17.4", "tunnel"), ("v1.18.0", "ipcache"), ("", "ipcache")]
)
def test_tunnels_are_listed_as_the_version_has_them(version: str, what: str) -> None:
    assert commands.tunnels(facts(1, version=version)).endswith(f"-- cilium-dbg bpf {what} list")
