"""The mesh judged by the JSON of `cilium` and of its agents, and never by an exit code.

No real Cilium was run: the answers are written after the structs that its sources declare (cilium-cli v0.19.7,
cilium/cilium api/v1/models and pkg/maps), in which zeros are left out and Go's errors are `{}`.
"""

from __future__ import annotations

from typing import Any

import pytest

from kbconsole.jobs.definition import Verdict
from networking.kinds.cilium import agents, commands, jobs, tunnels
from networking.kinds.cilium.asking import Asked, Tried
from networking.kinds.cilium.facts import MeshFacts
from networking.kinds.cilium.judging import Connected
from networking.kinds.cilium.matrix import cell, cut, matrix, standing
from networking.kinds.cilium.status import RUNGS, MeshStatus, Rung, loaded, mesh_status

WELL = {"configured": 2, "connected": 2}


def answer(
    remote: dict[str, Any], *, errors: list[Any] | None = None, kvstoremesh: Any = None
) -> dict[str, Any]:
    """What `cilium clustermesh status -o json` prints on a plane with two agents."""
    part: dict[str, Any] = {"clusters": {"k8s-2": remote}, "total": 2}
    if errors:
        part["errors"] = {"cilium-7x2kq": {"k8s-2": {"Errors": errors, "Warnings": None, "Disabled": False}}}
    behind = kvstoremesh if kvstoremesh is not None else {"enabled": True, "status": part}
    access = {
        "service_type": "NodePort",
        "cluster_id": "1",
        "cluster_name": "k8s-1",
        "ca": "LS0tLS1CRUdJTg==",
    }
    return {"access_information": access, "connectivity": part, "kvstoremesh": behind}


SYNCED = {"nodes": True, "endpoints": True, "identities": True, "services": True}
GOOD = "etcd: 1/1 connected, leases=0, lock leases=1, has-quorum=true: endpoint status checks are disabled"
CONFIG = {"required": True, "retrieved": True, "cluster-id": 2, "kvstoremesh": True, "sync-canaries": True}


def agent(**changes: Any) -> dict[str, Any]:
    """What `cilium-dbg status -o json` prints of the mesh on a node of k8s-1; a key that is None is left out."""
    remote = {"name": "k8s-2", "ready": True, "connected": True, "status": GOOD, "num-nodes": 3, "config": CONFIG,
              "synced": SYNCED, **changes}  # fmt: skip
    told = {key: value for key, value in remote.items() if value is not None}
    return {"cilium": {"state": "Ok"}, "cluster-mesh": {"clusters": [told], "num-global-services": 1}}


@pytest.mark.parametrize(
    ("mesh", "rung", "well"),
    [
        (answer(WELL), "", True),
        (answer({"configured": 2}, errors=[{}]), "", False),
        (answer({"configured": 2, "connected": 1}, errors=[{}]), "", False),
        (answer({}), "", False),
        (answer(WELL, kvstoremesh={"enabled": True, "status": {"total": 1, "clusters": {"k8s-2": {"configured": 1}}}}),
         "", False),
        (answer(WELL, kvstoremesh={}), "", True),
        (answer({"configured": 2}, errors=["x509: certificate signed by unknown authority"]), "tls", False),
    ],
)  # fmt: skip
def test_the_command_counts_agents_and_tells_no_rung_since_it_prints_errors_empty(
    mesh: Any, rung: str, well: bool
) -> None:
    status = mesh_status(mesh)
    remote = status.remotes["k8s-2"]
    assert (remote.rung, remote.well) == (rung, well)
    assert MeshStatus.from_json(status.to_json()) == status
    if mesh["kvstoremesh"].get("status", {}).get("total") == 1:  # its loss is not told as one of agents
        assert (remote.connected, remote.total, remote.behind) == (2, 2, (1, 0, 1))
        (said,) = Connected("k8s-1", {"k8s-2": "k8s-2"}).judge(mesh).sentence.params["problems"]
        assert str(said) == "to k8s-2 0 of 1 pods of KVStoreMesh are connected"
    assert "LS0t" not in str(status.to_json())


@pytest.mark.parametrize(
    ("said", "rung", "synced"),
    [
        (agent(), "", True),
        (agent(ready=None, connected=None, status="lookup k8s-2.mesh.cilium.io: no such host"), "dns", None),
        (agent(ready=None, connected=None, status="dial tcp 10.0.0.1:32380: connect: connection refused"), "tcp", None),
        (agent(ready=None, status="etcd: 0/1 connected: dial tcp: i/o timeout", config=None), "tcp", None),
        (agent(ready=None, connected=None, status="x509: certificate signed by unknown authority"), "tls", None),
        (agent(ready=None, connected=None, status="etcdserver: permission denied"), "etcd", None),
        (agent(ready=None, connected=None, status="not able to connect to any etcd endpoints"), "", None),
        (agent(ready=None, connected=None, status="Waiting for initial connection to be established"), "", None),
        (agent(ready=None, config={"required": True}, synced={}), "etcd", None),
        (agent(ready=None, synced={"nodes": True}), "synced", False),
        (agent(ready=None, synced={**SYNCED, "service-exports": False}), "synced", False),
        (agent(ready=None, connected=None, synced=None, config=None, status=None), "", None),
        (agent(connected=None, synced=None, config=None), "", None),  # ready, before 1.15
    ],
)  # fmt: skip
def test_an_agent_tells_the_first_red_rung_or_none(said: Any, rung: str, synced: bool | None) -> None:
    (heard,) = agents.heard(said).values()
    ready = "ready" in said["cluster-mesh"]["clusters"][0]
    assert (heard.ready, heard.rung, heard.synced) == (ready, rung, synced)
    assert agents.from_json(agents.to_json({"k8s-2": heard})) == {"k8s-2": heard}
    listed = said["cluster-mesh"]["clusters"]  # what KVStoreMesh prints is the list alone
    assert agents.heard(listed) == {"k8s-2": heard}


def test_behind_kvstoremesh_the_rung_is_told_by_it_and_not_by_the_agent() -> None:
    agent_says = agents.heard(agent(ready=None, config={"required": True}, synced={}), through=True)
    assert agent_says["k8s-2"].rung == ""
    behind = agents.heard([{"name": "k8s-2", "status": "dial tcp 10.0.0.1:32380: i/o timeout"}])
    both = agents.joined(mesh_status(answer({"configured": 2}, errors=[{}])), [agent_says, behind])
    assert both is not None and both.remotes["k8s-2"].rung == "tcp"
    assert "i/o timeout" in str(both.remotes["k8s-2"].errors)
    told = agents.joined(mesh_status(answer(WELL)), [agent_says])
    assert told is not None and not told.remotes["k8s-2"].well
    alone = agents.joined(None, [agents.heard(agent())])
    assert alone is not None and alone.remotes["k8s-2"].synced and not alone.remotes["k8s-2"].well
    lone = cell(facts(1, "k8s-2"), facts(2, "k8s-1"), alone)
    assert (lone.state, str(lone.sentence)) == (
        "one", "One agent that was asked is connected; of the others nothing is known",
    )  # fmt: skip
    broken = cell(
        facts(1, "k8s-2"), facts(2, "k8s-1"), agents.joined(None, [agents.heard(agent(ready=None))])
    )
    assert (broken.state, "0 of" in str(broken.sentence)) == ("red", False)
    late = agents.joined(mesh_status(answer(WELL)), [agents.heard(agent(ready=None, synced={}))])
    assert late is not None and not late.remotes["k8s-2"].well
    assert late.remotes["k8s-2"].errors == ("endpoints, identities, nodes, services",)


def test_an_agent_that_was_asked_is_judged_by_content_and_one_that_was_not_holds_nobody_up() -> None:
    asked = Asked("k8s-1", {"k8s-2": "k8s-2"}, version="v1.18.2")
    well = asked.judge(agent())
    assert well.verdict == Verdict.PASS and "all is synced" in str(well.sentence)
    red = asked.judge(agent(ready=None, synced={"nodes": True}))
    assert red.verdict == Verdict.FAIL
    assert "to k8s-2 Synced fails (endpoints, identities, services)" in str(red.sentence)
    old = asked.judge(agent(connected=None, synced=None, config=None))
    assert old.verdict == Verdict.WARN and "from Cilium 1.15 on" in str(old.sentence)
    strange = asked.judge({"cilium": {"state": "Ok"}})
    assert strange.verdict == Verdict.FAIL and "does not know k8s-2" in str(strange.sentence)
    unasked = asked.look()
    assert unasked.verdict == Verdict.WARN and unasked.facts is None
    assert str(unasked.sentence).endswith(
        "kubectl --context k8s-1 exec -n kube-system ds/cilium -c cilium-agent -- cilium-dbg status -o json"
    )
    assert " cilium status -o json" in str(Asked("k8s-1", {}, version="v1.14.9").look().sentence)


@pytest.mark.parametrize("text", ["", "Error: clustermesh not enabled", "[]", "{"])
def test_no_json_is_no_answer(text: str) -> None:
    assert loaded(text) is None


def test_a_status_that_ended_well_but_is_not_connected_fails() -> None:
    check = Connected("k8s-1", {"k8s-2": "k8s-2", "k8s-3": "k8s-3"})
    finding = check.judge(answer(WELL))
    assert finding.verdict == Verdict.FAIL and "to k8s-3 0 of 2 agents are connected" in str(finding.sentence)
    assert Connected("k8s-1", {"k8s-2": "k8s-2"}).judge(answer(WELL)).verdict == Verdict.PASS
    late = answer(WELL)
    late["connectivity"]["not_ready"] = 1
    assert Connected("k8s-1", {"k8s-2": "k8s-2"}).judge(late).verdict == Verdict.FAIL
    late["connectivity"]["clusters"]["k8s-9"] = {"configured": 2}
    foreign = Connected("k8s-1", {"k8s-2": "k8s-2"}).judge(late)
    assert foreign.verdict == Verdict.WARN and "its ways to k8s-9" in str(foreign.sentence)
    alone = Connected("k8s-1", {}).judge(answer(WELL))
    assert str(alone.sentence) == "k8s-1 is connected to k8s-2."


def facts(number: int, *remotes: str, **changes: Any) -> MeshFacts:
    values = {
        "found": True,
        "name": f"k8s-{number}",
        "id": number,
        "version": "v1.18.2",
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
    tcp = mesh_status(answer({"configured": 2}, errors=["dial tcp 10.0.0.1:2379: i/o timeout"]))
    assert cut(matrix([one, other], {"k8s-1": red, "k8s-2": tcp})) == set()
    assert cut(matrix([other, one], {"k8s-1": tcp, "k8s-2": well})) == {("k8s-1", "k8s-2")}
    somewhere = cell(one, other, mesh_status(answer({"configured": 2}, errors=[{}])))
    assert str(somewhere.sentence) == (
        "Broken: 0 of 2 agents are connected, and where it ends is unknown; KVStoreMesh: 0 of 2 pods are connected"
    )
    assert somewhere.rung is None and [state for _label, state in somewhere.rungs] == [""] * 5
    old = cell(facts(1, "k8s-2", version="v1.14.9"), other, well)
    assert "whether all is synced is unknown" in str(old.sentence)
    assert [state for _label, state in old.rungs] == ["ok"] * 4 + [""]


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
    with pytest.raises(ValueError, match="not for jobs to give"):
        commands.agent("k8s-1", "v1.18.2", "status", "--token=somebody-else")
    with pytest.raises(ValueError, match="cannot be an argument"):
        commands.connect(["k8s-1", "--kubeconfig=x"])


TROUBLE = """Found 3 remote cluster configurations

Remote cluster "k8s-2":
📄 Configuration path: /var/lib/cilium/clustermesh/k8s-2

🔌 Endpoints:
   - https://k8s-2.mesh.cilium.io:32380
     ✅ Hostname resolved to: 172.20.2.11
     ✅ TCP connection successfully established to 172.20.2.11:32380
     ✅ TLS connection successfully established to 172.20.2.11:32380

⚙️ Etcd client:
   ✅ Etcd connection successfully established
   ℹ️  Etcd cluster ID: 820847063f6cabce

Remote cluster "k8s-3":
🔌 Endpoints:
   - https://k8s-3.mesh.cilium.io:32381
     {failed}

⚙️ Etcd client:
   ❌ Failed to establish connection: context deadline exceeded

Remote cluster "k8s-4":
❌ Configuration not found
"""
"""`cilium-dbg troubleshoot clustermesh`: cmd/troubleshoot_clustermesh.go, pkg/kvstore/etcd_debug.go."""


@pytest.mark.parametrize(
    ("failed", "rung"),
    [
        ("❌ Cannot resolve hostname: lookup k8s-3.mesh.cilium.io: no such host\n"
         "     ❌ Cannot establish TCP connection to k8s-3.mesh.cilium.io:32381: no such host", "dns"),
        ("✅ Hostname resolved to: 172.20.3.11\n"
         "     ❌ Cannot establish TCP connection to k8s-3.mesh.cilium.io:32381: i/o timeout", "tcp"),
        ("✅ TCP connection successfully established to 172.20.3.11:32381\n"
         "     ❌ Cannot establish TLS connection to k8s-3: x509: certificate signed by unknown authority", "tls"),
        ("✅ TLS connection successfully established to 172.20.3.11:32381\n"
         "     ❌ TLS client authentication failed: remote error: tls: bad certificate", "tls"),
        ("✅ TLS connection successfully established to 172.20.3.11:32381", "etcd"),
    ],
)  # fmt: skip
def test_the_stage_at_which_a_way_ends_is_read_from_what_was_tried(failed: str, rung: str) -> None:
    lines = TROUBLE.format(failed=failed).splitlines()
    heards = agents.stages(lines)
    assert {name: (one.ready, one.rung) for name, one in heards.items()} == {
        "k8s-2": (True, ""), "k8s-3": (False, rung), "k8s-4": (False, ""),
    }  # fmt: skip
    finding = Tried("k8s-1", {name: name for name in heards}).judged(lines)
    assert finding.verdict == Verdict.FAIL and "Configuration not found" in str(finding.sentence)
    assert f"to k8s-3 {RUNGS[Rung(rung)]} fails (" in str(finding.sentence)
    assert Tried("k8s-1", {"k8s-2": "k8s-2"}).judged(lines).verdict == Verdict.PASS
    assert Tried("k8s-1", {"k8s-2": "k8s-2"}).judged(["error: unknown command"]).verdict == Verdict.WARN
    begun = lines[: lines.index('Remote cluster "k8s-3":') + 2]  # what came after that was not kept
    more = Tried("k8s-1", {"k8s-2": "k8s-2", "k8s-3": "k8s-3", "k8s-4": "k8s-4"}).judged(begun, more=True)
    assert more.verdict == Verdict.WARN and "gets to k8s-3, k8s-4 is unknown" in str(more.sentence)
    assert {*more.facts["facts"]} == {"k8s-2"}


TUNNEL_MAP = {"10.2.0.0": ["172.20.2.11:0"], "10.2.1.0": ["172.20.2.12:0"], "fd00:10:2::": ["172.20.2.11:0"]}
"""`cilium-dbg bpf tunnel list -o json`, up to 1.17: pkg/maps/tunnel, cilium-dbg/cmd/bpf_tunnel_list.go."""
IPCACHE = {
    "0.0.0.0/0": ["identity=2 encryptkey=0 tunnelendpoint=0.0.0.0 flags=<none>"],
    "10.1.0.7/32": ["identity=4711 encryptkey=0 tunnelendpoint=0.0.0.0 flags=<none>"],
    "10.2.0.0/24": ["identity=2 encryptkey=0 tunnelendpoint=172.20.2.11 flags=hastunnel,remotecluster"],
    "10.2.1.0/24@2": ["identity=2 encryptkey=0 tunnelendpoint=172.20.2.12 flags=hastunnel,remotecluster"],
    "10.3.0.0/24": ["identity=2 encryptkey=0 tunnelendpoint=0.0.0.0 flags=<none>"],
}
"""`cilium-dbg bpf ipcache list -o json` from 1.18 on: pkg/maps/ipcache/ipcache.go, cmd/bpf_ipcache_list.go."""
RANGES = {"k8s-2": ["10.2.0.0/24", "10.2.1.0/24"], "k8s-3": ["10.3.0.0/24"]}


@pytest.mark.parametrize("listed", [TUNNEL_MAP, IPCACHE])
def test_a_range_to_which_no_way_begins_is_named_with_its_plane(listed: Any) -> None:
    assert tunnels.missing(tunnels.ways(listed), RANGES) == {"k8s-3": ["10.3.0.0/24"]}
    fewer = {key: value for key, value in listed.items() if not key.startswith("10.2.1.")}
    assert tunnels.missing(tunnels.ways(fewer), RANGES)["k8s-2"] == ["10.2.1.0/24"]
    assert tunnels.missing(tunnels.ways([]), {"k8s-2": ["10.2.0.0/24"]}) == {"k8s-2": ["10.2.0.0/24"]}


@pytest.mark.parametrize(
    ("version", "words"),
    [("v1.14.9", "cilium bpf tunnel"), ("v1.17.4", "cilium-dbg bpf tunnel"), ("v1.18.0", "cilium-dbg bpf ipcache"),
     ("", "cilium-dbg bpf ipcache")],
)  # fmt: skip
def test_tunnels_are_listed_as_the_version_has_them(version: str, words: str) -> None:
    (line,) = commands.tunnel_list("k8s-1", version).commands()
    assert line == (
        f"kubectl --context k8s-1 exec -n kube-system ds/cilium -c cilium-agent -- {words} list -o json"
    )


def test_a_look_asks_each_plane_for_what_it_has() -> None:
    how = {
        "k8s-1": {"version": "v1.18.2", "native": False, "behind": True},
        "k8s-2": {"version": "v1.17.1", "native": True, "behind": False},
    }
    steps = list(jobs.LookAtMesh(["k8s-1", "k8s-2"], {}, how).steps())
    assert [(step.on, step.phase) for step in steps] == [
        ("k8s-1", "mesh-read"), ("k8s-1", "mesh-status"), ("k8s-1", "mesh-agent"), ("k8s-1", "mesh-behind"),
        ("k8s-1", "mesh-stages"), ("k8s-1", "mesh-tunnels"),
        ("k8s-2", "mesh-read"), ("k8s-2", "mesh-status"), ("k8s-2", "mesh-agent"), ("k8s-2", "mesh-stages"),
        ("k8s-2", "mesh-tunnels"),
    ]  # fmt: skip
    tried = [step.change.commands()[0] for step in steps if step.phase == "mesh-stages" and step.change]
    assert tried[0].endswith(
        "-c kvstoremesh -- /usr/bin/clustermesh-apiserver kvstoremesh-dbg troubleshoot k8s-2"
    )
    assert tried[1].endswith("-c cilium-agent -- cilium-dbg troubleshoot clustermesh k8s-1")
    assert not any(step.blocks for step in steps if step.change)
    native = steps[-1].check
    assert native is not None and "routes natively" in str(native.look().sentence)
