"""ComponentDefinitions that are unknown, unavailable or broken, as the etcd charts were seen to be."""

from __future__ import annotations

from kbconsole.k8s.kinds import CONFIG_MAP, POD, SERVICE
from tests.operator.rows import ALIKE
from tests.operator.world import PLANES, World


@ALIKE
def test_an_unknown_definition_gives_a_false_condition_and_no_phase(world: World) -> None:
    world.prepare()
    world.place(componentDef="etcd-3-1.0.3")
    world.step(2)
    status = (world.cluster() or {})["status"]
    assert "phase" not in status
    assert [(c["type"], c["status"], c["message"]) for c in status["conditions"]] == [
        ("ProvisioningStarted", "False", "no matched component definition found")
    ]


def test_an_unavailable_definition_gives_no_reason_at_all(world: World) -> None:
    world.prepare()
    change = {"status": {"phase": "Unavailable", "message": "its templates are elsewhere"}}
    world.control.patch(world.operator.definition_kind, "etcd-0.9.0", "", change, subresource="status")
    world.place()
    world.step()
    assert (world.phase(), world.warnings(), world.names("k8s-1", POD)) == ("Creating", [], [])


def test_the_broken_chart_says_running_or_never_makes_a_pod(world: World) -> None:
    world.prepare()
    world.place(componentDef="etcd")
    world.place(name="cloud", componentDef="etcd", balanced=True)
    world.step()
    assert world.phase() == "Running"
    client = world.look("k8s-1", CONFIG_MAP, "e-etcd-env")["data"]["PEER_ENDPOINT"]
    assert client not in world.names("k8s-1", SERVICE)
    assert (world.phase("cloud"), world.names("k8s-1", POD)) == ("Creating", ["e-etcd-0"])


def test_the_guides_misplaced_peer_never_starts(world: World) -> None:
    world.prepare()
    world.place(volumeClaimTemplates=[{"name": "peer"}], services=[])
    world.step()
    assert world.phase() == "Creating"
    assert world.everywhere(POD) == {plane: [] for plane in PLANES}
    assert [name for name in world.names("k8s-1", SERVICE) if "peer" in name] == []
