"""What the stand-in operator makes when all is well, as the real one did."""

from __future__ import annotations

from kbconsole.demo.kbobjects import PLACEMENT, ROLE
from kbconsole.k8s.kinds import (
    CONFIG_MAP,
    INSTANCE_SET_V1,
    INSTANCE_SET_V1ALPHA1,
    POD,
    PVC,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
)
from tests.operator.rows import ALIKE, BOTH, shows
from tests.operator.world import PLANES, World

MIRRORED = (SERVICE, CONFIG_MAP, SERVICE_ACCOUNT, ROLE_BINDING)


@BOTH
@shows("happy mesh")
def test_self_built_runs_with_one_pod_per_plane_and_every_service_in_every_plane(world: World) -> None:
    world.prepare()
    world.place()
    world.step()
    old = world.line == "0.9"
    assert world.phase() == "Running"
    assert world.everywhere(POD) == {"k8s-1": ["e-etcd-0"], "k8s-2": ["e-etcd-1"], "k8s-3": ["e-etcd-2"]}
    assert world.everywhere(PVC)["k8s-3"] == ["data-e-etcd-2"]
    peer = "e-etcd-peer" if old else "e-etcd"
    others = ["e-etcd-headless"] if old else ["e-etcd-client", "e-etcd-headless"]
    for plane in PLANES:
        assert world.names(plane, SERVICE) == sorted([*others, *(f"{peer}-{i}" for i in range(3))])
        environment = world.look(plane, CONFIG_MAP, "e-etcd-env")
        assert environment["data"]["PEER_ENDPOINT"] == f"{peer}-0,{peer}-1,{peer}-2"
        assert environment["metadata"]["annotations"][PLACEMENT] == plane
        assert ("e-etcd-rsm-env" in world.names(plane, CONFIG_MAP)) == old
    for kind in (POD, PVC, *MIRRORED):
        assert world.names(world.fleet.control_plane, kind) == []


@BOTH
@shows("happy mesh", "d, g")
def test_there_is_one_leader_over_all_planes_and_the_instance_set_names_it(world: World) -> None:
    world.prepare()
    world.place()
    world.step()
    pods = [world.look(plane, POD, f"e-etcd-{i}") for i, plane in enumerate(PLANES)]
    roles = {pod["metadata"]["name"]: pod["metadata"]["labels"][ROLE] for pod in pods}
    assert sorted(roles.values()) == ["follower", "follower", "leader"]
    assert [pod["status"]["podIP"].rpartition(".")[0] for pod in pods] == ["10.1.1", "10.2.1", "10.3.1"]
    kind = INSTANCE_SET_V1ALPHA1 if world.line == "0.9" else INSTANCE_SET_V1
    members = world.look(world.fleet.control_plane, kind, "e-etcd")["status"]["membersStatus"]
    assert {one["podName"]: one["role"]["name"] for one in members} == roles
    assert "membersStatus" not in str((world.cluster() or {})["status"])


@BOTH
@shows("happy cloud")
def test_with_load_balancers_no_pod_is_made_before_all_addresses_are_there(world: World) -> None:
    world.prepare()
    world.place(balanced=True)
    world.operator.step()
    for plane in PLANES[:2]:
        world.balancers[plane].step()
    world.operator.step()
    assert world.everywhere(POD) == {plane: [] for plane in PLANES}
    assert world.names("k8s-3", CONFIG_MAP) == []
    world.step()
    assert world.phase() == "Running"
    peer = "e-etcd-peer" if world.line == "0.9" else "e-etcd"
    for number, plane in enumerate(PLANES):
        assert [name for name in world.names(plane, SERVICE) if name[-1].isdigit()] == [f"{peer}-{number}"]
    ends = world.look("k8s-1", CONFIG_MAP, "e-etcd-env")["data"]["PEER_ENDPOINT"]
    assert ends == f"{peer}-0:10.4.0.11,{peer}-1:10.5.0.11,{peer}-2:10.6.0.11"


@BOTH
@shows("happy names")
def test_the_new_line_shares_accounts_between_clusters_and_owns_its_volumes(world: World) -> None:
    world.prepare()
    world.place()
    world.place(name="f")
    world.step()
    assert (world.phase("e"), world.phase("f")) == ("Running", "Running")
    old = world.line == "0.9"
    accounts, bindings = (
        (["kb-e", "kb-f"], ["kb-e", "kb-f"]) if old else (["kb-etcd-3-1.0.2"], ["kb-etcd-3-1.0.2-pod"])
    )
    for number, plane in enumerate(PLANES):
        assert world.names(plane, SERVICE_ACCOUNT) == accounts
        assert world.names(plane, ROLE_BINDING) == bindings
        first = world.look(plane, SERVICE_ACCOUNT, accounts[0])["metadata"]["labels"]
        assert first["app.kubernetes.io/instance"] == "e"
        owners = world.look(plane, PVC, f"data-f-etcd-{number}")["metadata"].get("ownerReferences") or []
        assert [owner["kind"] for owner in owners] == ([] if old else ["InstanceSet"])


@ALIKE
@shows("d, g")
def test_the_fourth_replica_goes_to_the_first_plane_of_the_list(world: World) -> None:
    world.prepare()
    world.place("k8s-3,k8s-1,k8s-2", replicas=4)
    world.step()
    assert world.phase() == "Running"
    assert world.everywhere(POD) == {
        "k8s-3": ["e-etcd-0", "e-etcd-3"],
        "k8s-1": ["e-etcd-1"],
        "k8s-2": ["e-etcd-2"],
    }


@ALIKE
def test_without_an_annotation_the_operator_chooses_and_writes_it_down(world: World) -> None:
    world.prepare()
    world.place("", replicas=2)
    world.step()
    chosen = (world.cluster() or {})["metadata"]["annotations"][PLACEMENT].split(",")
    assert len(set(chosen)) == 2
    assert set(chosen) < set(PLANES)
