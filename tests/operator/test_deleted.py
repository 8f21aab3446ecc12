"""What the stand-in operator takes away with a Cluster, and what it leaves, as the real one did."""

from __future__ import annotations

from kbconsole.demo.kbobjects import FINALIZER
from kbconsole.k8s.kinds import (
    CONFIG_MAP,
    PERSISTENT_VOLUME,
    POD,
    PVC,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
)
from tests.operator.rows import ALIKE, BOTH, shows
from tests.operator.world import PLANES, SPACE, World


def peer(world: World) -> str:
    return "e-etcd-peer" if world.line == "0.9" else "e-etcd"


@BOTH
@shows("h deleted")
def test_a_deletion_leaves_services_environment_and_account_in_every_plane(world: World) -> None:
    world.prepare()
    world.place(balanced=True)
    world.step()
    world.delete()
    world.step()
    assert world.cluster() is None
    for ordinal, plane in enumerate(PLANES):
        assert [world.names(plane, kind) for kind in (POD, PVC, PERSISTENT_VOLUME)] == [[], [], []]
        service = world.look(plane, SERVICE, f"{peer(world)}-{ordinal}")
        assert FINALIZER in service["metadata"]["finalizers"]
        assert service["status"]["loadBalancer"]["ingress"]
        assert world.names(plane, CONFIG_MAP) == ["e-etcd-env"]
        assert FINALIZER in world.look(plane, CONFIG_MAP, "e-etcd-env")["metadata"]["finalizers"]
        assert len(world.names(plane, SERVICE_ACCOUNT)) == len(world.names(plane, ROLE_BINDING)) == 1


@ALIKE
@shows("h again")
def test_left_overs_are_used_as_they_are_by_a_cluster_of_the_same_name(world: World) -> None:
    world.prepare()
    world.place(balanced=True)
    world.step()
    uid = (world.cluster() or {})["metadata"]["uid"]
    owner = world.look("k8s-1", CONFIG_MAP, "e-etcd-env")["metadata"]["ownerReferences"][0]["uid"]
    world.delete()
    world.step()
    world.place(balanced=True)
    world.step()
    assert world.phase() == "Running"
    assert (world.cluster() or {})["metadata"]["uid"] != uid
    environment = world.look("k8s-1", CONFIG_MAP, "e-etcd-env")
    assert environment["data"]["KB_CLUSTER_UID"] == uid
    assert environment["metadata"]["ownerReferences"][0]["uid"] == owner


@ALIKE
def test_a_cluster_that_must_not_be_terminated_is_not(world: World) -> None:
    world.prepare()
    world.place(policy="DoNotTerminate")
    world.step()
    world.delete()
    world.step()
    assert len(world.names("k8s-1", POD)) == 1
    assert "Cluster" in world.warnings()
    change = {"spec": {"terminationPolicy": "WipeOut"}}
    world.control.patch(world.operator.cluster_kind, "e", SPACE, change)
    world.step()
    assert world.cluster() is None
