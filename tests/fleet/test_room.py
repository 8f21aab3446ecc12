"""What is free on a plane: allocatable minus what living pods ask for, and the largest pod that still fits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet import tasks
from kbconsole.fleet.models import Plane
from kbconsole.fleet.room import Room, Shape, asked_by
from kbconsole.k8s.kinds import NODE, POD, STORAGE_CLASS
from kbconsole.k8s.quantities import quantity
from tests.people import signed_in
from tests.placements import world

pytestmark = pytest.mark.django_db(transaction=True)
GIB = 1024**3


def container(cpu: str, memory: str) -> dict[str, Any]:
    return {"name": "main", "image": "x", "resources": {"requests": {"cpu": cpu, "memory": memory}}}


def pod(fleet: EmbeddedFleet, name: str, cpu: str, memory: str, *, phase: str = "Running") -> None:
    """Put a pod on the node of k8s-1."""
    client = fleet.client("k8s-1")
    spec = {"nodeName": "k8s-1-node-1", "containers": [container(cpu, memory)]}
    metadata = {"name": name, "namespace": "default"}
    client.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    client.patch(POD, name, "default", {"status": {"phase": phase}}, subresource="status")


def room_of(name: str) -> Room:
    tasks.check_planes()
    found = Plane.objects.get(name=name).free_room
    assert found is not None
    return found


def again(name: str) -> Room:
    Plane.objects.update(room_at=timezone.now() - timedelta(minutes=6))
    return room_of(name)


def node(fleet: EmbeddedFleet, **changes: Any) -> None:
    fleet.client("k8s-1").patch(NODE, "k8s-1-node-1", "", changes)


def test_free_is_what_nodes_can_allocate_minus_what_living_pods_ask_for(
    embedded: EmbeddedFleet, fleet: dict[str, Plane]
) -> None:
    empty = room_of("k8s-1")
    assert empty.free == Shape(16000, 64 * GIB)
    assert (empty.largest, empty.nodes, empty.storage_class) == (empty.free, 1, "standard")
    pod(embedded, "busy", "1500m", "4Gi")
    pod(embedded, "over", "8", "8Gi", phase="Succeeded")
    assert room_of("k8s-1") == empty, "it is read every five minutes only"
    full = again("k8s-1")
    assert full.free == Shape(14500, 60 * GIB)
    assert full.fits(Shape(14500, 60 * GIB))
    assert not full.fits(Shape(14501, GIB))
    assert Plane.objects.get(name="control-plane").room is None


@pytest.mark.parametrize(
    "changes",
    [
        {"spec": {"unschedulable": True}},
        {"spec": {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}},
    ],
)
def test_a_node_that_takes_no_pods_is_no_room(
    changes: dict[str, Any], embedded: EmbeddedFleet, fleet: dict[str, Plane]
) -> None:
    node(embedded, **changes)
    room = room_of("k8s-1")
    assert (room.nodes, room.shapes, room.free) == (0, (), Shape(0, 0))


def test_a_plane_that_hides_its_pods_has_no_figures_and_is_well(
    embedded: EmbeddedFleet, fleet: dict[str, Plane]
) -> None:
    embedded.fault("k8s-1", "403", path="/api/v1/pods")
    embedded.client("k8s-2").delete(STORAGE_CLASS, "standard")
    tasks.check_planes()
    plane = Plane.objects.get(name="k8s-1")
    assert (plane.room, plane.silent) == (None, False)
    assert room_of("k8s-2").storage_class == ""


def test_a_pod_asks_for_all_its_containers_or_for_the_largest_one_at_its_start() -> None:
    beside = {**container("100m", "1Gi"), "restartPolicy": "Always"}
    spec = {
        "containers": [container("1", "2Gi"), container("500m", "1Gi")],
        "initContainers": [container("4", "1Gi"), beside],
        "overhead": {"cpu": "10m", "memory": "1Gi"},
    }
    assert asked_by({"spec": spec}) == Shape(4010, 5 * GIB)
    assert asked_by({"spec": {"containers": ["hostile", {"resources": "?"}], "overhead": 3}}) == Shape(0, 0)


def test_quantities_are_read_as_kubernetes_writes_them() -> None:
    read = {"500m": 0.5, "2": 2, "1.5": 1.5, "1Gi": GIB, "129e6": 129e6, "250000000n": 0.25, "1k": 1000}
    assert {text: float(quantity(text) or 0) for text in read} == read
    unreadable: list[Any] = ["", "x", "1 Gi", None, {}, "-1"]
    assert [quantity(text) for text in unreadable] == [None] * len(unreadable)


def roomy(name: str, *shapes: tuple[int, int]) -> None:
    found = Room(Shape(9000, 20 * GIB), tuple(Shape(*one) for one in shapes), 2, "fast")
    Plane.objects.filter(name=name).update(room=found.to_json(), room_at=timezone.now())


def test_the_form_shows_the_room_of_each_plane_and_why_a_replica_would_not_start_there(dana: User) -> None:
    world.fleet()
    profile = world.mesh(dana)
    roomy("k8s-1", (1000, 3 * GIB))
    roomy("k8s-2", (8000, 16 * GIB))
    roomy("k8s-3")
    typed = world.asked(profile, size="own", cpu="4", memory="8Gi", disk_gib="20")
    browser = signed_in(dana)
    for url in ("/placements/preview/", "/placements/new/"):
        shown = " ".join(browser.post(url, {**typed, "name": ""}).content.decode().split())
        assert "9 CPU and 20 GiB free" in shown, url
        assert "StorageClass fast" in shown, url
        assert shown.count("Cannot now, because") == 2, url
        assert "the largest pod that fits has 1 CPU and 3 GiB, you ask for 4 CPU and 8 GiB" in shown, url
        assert "none of its nodes takes one more pod now" in shown, url
    small = browser.post("/placements/preview/", {**typed, "cpu": "500m", "memory": "1Gi"}).content.decode()
    assert small.count("Cannot now, because") == 1
    Plane.objects.update(room_at=timezone.now() - timedelta(hours=1))
    assert "Cannot now" not in browser.post("/placements/preview/", typed).content.decode()
    assert "largest pod that fits: 8 CPU, 16 GiB" in browser.get("/fleet/").content.decode()
    assert "9 CPU and 20 GiB free" in browser.get("/fleet/k8s-2/").content.decode()
