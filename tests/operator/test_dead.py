"""A plane that dies, is disabled or comes back, and what the stand-in operator makes of it as the real one did."""

from __future__ import annotations

from kbconsole.k8s.kinds import (
    CONFIG_MAP,
    PERSISTENT_VOLUME,
    POD,
    PVC,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
)
from tests.operator.rows import ALIKE, shows
from tests.operator.world import ALL, PLANES, World


@ALIKE
@shows("f dies")
def test_a_dead_plane_keeps_old_clusters_running_and_new_ones_unmade_everywhere(world: World) -> None:
    world.prepare()
    world.place()
    world.step()
    world.kill("k8s-3")
    world.place(name="new")
    world.place("k8s-1,k8s-2", name="two")
    world.step(4)
    assert (world.phase(), world.phase("new"), world.phase("two")) == ("Running", "Creating", "Running")
    for kind in (POD, SERVICE, SERVICE_ACCOUNT):
        assert not [name for name in world.names("k8s-1", kind) if "new" in name]
    world.revive("k8s-3")
    world.step()
    assert world.phase("new") == "Running"


@ALIKE
@shows("f restarted")
def test_an_operator_that_starts_while_a_plane_is_dead_handles_no_plane_and_exits(world: World) -> None:
    world.prepare()
    world.kill("k8s-3")
    world.operator.restart()
    world.place("k8s-1,k8s-2", name="two")  # would not need the dead one
    world.step(3)
    assert (world.is_available(), world.operator.exits) == (True, 0)
    assert (world.phase("two"), world.names("k8s-1", POD)) == ("Creating", [])
    world.operator.sync_seconds = 0
    world.step(3)
    assert (world.is_available(), world.operator.exits) == (False, 1)
    world.operator.rest_seconds = 0
    world.operator.restart()
    world.set_contexts(ALL, disabled="k8s-3")  # the cure
    world.step()
    assert (world.is_available(), world.phase("two")) == (True, "Running")


@ALIKE
@shows("f disabled")
def test_a_disabled_plane_gets_nothing_and_is_not_made_up_for(world: World) -> None:
    world.prepare()
    world.place(name="old")
    world.step()
    world.set_contexts(ALL, disabled="k8s-2")
    world.place(name="mesh")
    world.place(name="cloud", balanced=True)
    world.step()
    assert world.phase("old") == "Updating"
    made = {plane: [name for name in world.names(plane, POD) if "old" not in name] for plane in PLANES}
    assert made == {"k8s-1": ["mesh-etcd-0"], "k8s-2": [], "k8s-3": ["mesh-etcd-2"]}
    world.place("", name="any", replicas=3)
    world.step()
    assert world.names("k8s-2", POD) == ["old-etcd-1"]  # chosen all the same, and lost


@ALIKE
@shows("f back")
def test_a_plane_that_is_back_lacks_what_is_mirrored_until_it_is_copied(world: World) -> None:
    world.prepare()
    world.set_contexts(ALL, disabled="k8s-2")
    world.place()
    world.step()
    world.set_contexts(ALL)
    world.step()
    old = world.line == "0.9"
    kinds = (SERVICE_ACCOUNT, ROLE_BINDING, CONFIG_MAP, SERVICE) if old else (CONFIG_MAP, SERVICE)
    for kind in kinds:
        assert world.names("k8s-2", kind) == []
    assert world.phase() == "Creating"
    for kind in kinds:
        for name in world.names("k8s-1", kind):
            world.copy(kind, name, "k8s-1", "k8s-2")
    world.step()
    assert world.phase() == "Running"
    assert world.names("k8s-2", POD) == ["e-etcd-1"]


@ALIKE
@shows("f deleted")
def test_a_deletion_while_a_plane_is_disabled_leaves_everything_of_that_plane_behind(world: World) -> None:
    world.prepare()
    world.place()
    world.step()
    world.set_contexts(ALL, disabled="k8s-2")
    world.delete()
    world.step()
    assert world.cluster() is None
    assert world.everywhere(POD) == {"k8s-1": [], "k8s-2": ["e-etcd-1"], "k8s-3": []}
    assert world.look("k8s-2", POD, "e-etcd-1")["status"]["phase"] == "Running"
    assert world.everywhere(PVC) == {"k8s-1": [], "k8s-2": ["data-e-etcd-1"], "k8s-3": []}
    assert len(world.names("k8s-2", PERSISTENT_VOLUME)) == 1
    assert "e-etcd-headless" in world.names("k8s-2", SERVICE)
