"""What a plane lacks, or has and should not, and how the stand-in operator goes wrong about it as the real one did."""

from __future__ import annotations

import pytest

from kbconsole.demo.aggregation import Collector
from kbconsole.demo.kbobjects import PLACEMENT, ROLE
from kbconsole.k8s.kinds import CLUSTER_ROLE, CONFIG_MAP, POD, PVC, ROLE_BINDING, SERVICE, SERVICE_ACCOUNT
from tests.operator.rows import ALIKE, BOTH, shows
from tests.operator.world import ALL, PLANES, SPACE, World

NOWHERE: dict[str, list[str]] = {plane: [] for plane in PLANES}


@BOTH
@shows("a")
def test_a_pod_without_the_cluster_role_runs_without_a_role(world: World) -> None:
    world.prepare(roles=PLANES[:2])
    world.place()
    world.step()
    pod = world.look("k8s-3", POD, "e-etcd-2")
    assert pod["status"]["phase"] == "Running"
    assert ROLE not in pod["metadata"]["labels"]
    assert world.phase() == "Creating"
    assert world.conditions().get("Ready") == ("False" if world.line == "0.9" else None)
    assert "False" not in world.conditions().values() or world.line == "0.9"
    world.copy(CLUSTER_ROLE, "kubeblocks-cluster-pod-role", world.fleet.control_plane, "k8s-3")
    world.step()
    assert world.phase() == "Running"


@BOTH
@shows("a2")
def test_without_the_right_to_bind_the_old_line_tries_once_and_the_new_for_ever(world: World) -> None:
    world.prepare()
    admin = world.admin["k8s-3"]
    rules = (admin.get(CLUSTER_ROLE, "kubeblocks-operator") or {})["rules"]
    without = [rule for rule in rules if "bind" not in rule["verbs"]]
    admin.patch(CLUSTER_ROLE, "kubeblocks-operator", "", {"rules": without})
    world.place()
    world.step()
    assert world.names("k8s-3", ROLE_BINDING) == []
    admin.patch(CLUSTER_ROLE, "kubeblocks-operator", "", {"rules": rules})
    world.step()
    assert bool(world.names("k8s-3", ROLE_BINDING)) == (world.line == "1.0")


@BOTH
@shows("b")
def test_a_namespace_made_late_does_not_heal(world: World) -> None:
    world.prepare(spaces=PLANES[:2])
    world.place()
    world.step()
    assert world.phase() == "Creating"
    assert {"Component", "InstanceSet"} >= set(world.warnings()) > set()
    old = world.line == "0.9"
    if old:
        assert world.everywhere(ROLE_BINDING) == NOWHERE
    world.admin["k8s-3"].apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    world.step()
    world.operator.restart()
    world.step()
    assert world.phase() == "Creating"
    assert "e-etcd-env" not in world.names("k8s-3", CONFIG_MAP)
    assert world.names("k8s-3", SERVICE) == []
    assert bool(world.names("k8s-3", SERVICE_ACCOUNT)) == (not old)
    if old:  # without its account no pod is admitted
        assert world.names("k8s-3", POD) == []
    else:
        waiting = world.look("k8s-3", POD, "e-etcd-2")["status"]["containerStatuses"][0]["state"]["waiting"]
        assert waiting["reason"] == "CreateContainerConfigError"


@ALIKE
@shows("c")
@pytest.mark.parametrize("placement", ["k8s-1,nope,k8s-3", "k8s-1, k8s-2,k8s-3"])
def test_ordinals_from_the_first_unknown_context_on_are_silently_not_made(
    world: World, placement: str
) -> None:
    world.prepare()
    world.place(placement)
    world.step()
    assert world.everywhere(POD) == NOWHERE | {"k8s-1": ["e-etcd-0"]}
    assert world.phase() == "Creating"
    assert world.warnings() == []


@ALIKE
@shows("c none known")
def test_a_cluster_without_any_known_context_stops_all_management(world: World) -> None:
    world.prepare()
    world.place("nope", name="bad")
    world.place(name="good")
    world.step()
    world.operator.restart()
    world.step()
    assert world.operator.panicking
    assert not world.is_available()
    assert world.phase("good") == "None"
    assert world.everywhere(POD) == NOWHERE
    change = {"metadata": {"annotations": {PLACEMENT: "k8s-1"}}}
    world.control.patch(world.operator.cluster_kind, "bad", SPACE, change)
    world.step()
    assert (world.phase("good"), world.phase("bad")) == ("Running", "Running")
    assert world.is_available()


@BOTH
@shows("e")
def test_kubeblocks_kinds_in_a_plane_doom_its_pods_and_on_the_new_line_its_volumes(world: World) -> None:
    world.prepare()
    world.place()
    world.step()
    world.install_crds("k8s-2")
    Collector(world.admin["k8s-2"]).step()
    world.step()
    assert world.names("k8s-2", POD) == []  # nor are they replaced
    assert world.names("k8s-2", SERVICE_ACCOUNT) == []
    assert world.names("k8s-2", ROLE_BINDING) == []
    assert world.names("k8s-2", PVC) == (["data-e-etcd-1"] if world.line == "0.9" else [])
    assert world.names("k8s-1", POD) == ["e-etcd-0"]


@ALIKE
@shows("no contexts")
def test_an_operator_without_contexts_makes_clusters_a_second_time_at_home(world: World) -> None:
    world.prepare()
    world.place()
    world.step()
    world.set_contexts("")
    world.step()
    home = world.fleet.control_plane
    assert world.names(home, POD) == ["e-etcd-0", "e-etcd-1", "e-etcd-2"]
    assert PLACEMENT not in world.look(home, CONFIG_MAP, "e-etcd-env")["metadata"].get("annotations", {})
    assert world.everywhere(POD) == {plane: [f"e-etcd-{i}"] for i, plane in enumerate(PLANES)}
    world.set_contexts(ALL)
    world.step()
    assert world.names(home, POD) == ["e-etcd-0", "e-etcd-1", "e-etcd-2"]
    assert world.phase() == "Running"
