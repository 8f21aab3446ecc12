"""The self-built network."""

from __future__ import annotations

from networking.kinds.base import KINDS, Direction, PlaneFact, ServicePart, kind_named
from networking.kinds.cilium.facts import MeshFacts
from networking.kinds.keeping import READERS

MESH = kind_named("cilium_mesh")


def test_the_service_is_global_and_in_every_plane() -> None:
    assert MESH.service({}) == ServicePart("ClusterIP", {"service.cilium.io/global": "true"}, True, False)


def test_it_has_nothing_to_choose_and_costs_no_load_balancer() -> None:
    form = MESH.Config({})
    assert form.is_valid() and form.cleaned_data == {}
    assert MESH.load_balancers({}, 3) == 0
    assert MESH.minimum_disk_gib({}) == 1
    assert not MESH.public({})
    assert MESH.carries == {Direction.EAST_WEST}


def test_planes_without_a_mesh_are_named() -> None:
    planes = [PlaneFact("k8s-1", mesh=True), PlaneFact("k8s-2", mesh=False), PlaneFact("k8s-3", mesh=False)]
    (problem,) = MESH.problems({}, planes)
    assert str(problem).startswith("k8s-2, k8s-3: no Cilium Cluster Mesh")


def test_one_plane_needs_no_mesh_and_an_unknown_mesh_is_no_problem() -> None:
    assert MESH.problems({}, [PlaneFact("k8s-1", mesh=False)]) == []
    assert MESH.problems({}, [PlaneFact("k8s-1"), PlaneFact("k8s-2")]) == []


def test_planes_of_a_mesh_with_one_id_are_named() -> None:
    planes = [PlaneFact(f"k8s-{i}", mesh=True, mesh_name=f"k8s-{i}", mesh_id=7) for i in (1, 2)]
    assert [str(one) for one in MESH.problems({}, planes)] == [
        "k8s-1, k8s-2 all have cluster.id 7. Give each plane an id of its own."
    ]


def test_a_namespace_that_a_plane_keeps_to_itself_is_refused_for_databases_that_span_planes() -> None:
    shared = frozenset({"payments"})
    planes = [PlaneFact("k8s-1", mesh=True), PlaneFact("k8s-2", mesh=True, shared=shared)]
    (said,) = MESH.unreached("shop", planes)
    assert str(said).startswith("k8s-2 shares only namespaces") and "shop is not marked" in str(said)
    assert MESH.unreached("payments", planes) == MESH.unreached("shop", planes[1:]) == []
    read = MeshFacts("k8s-2", found=True, global_by_default=False, global_namespaces=("payments",))
    assert READERS.get("mesh")().fact(read.to_json())["shared"] == shared


def test_every_kind_says_what_it_is_and_where_it_differs_from_the_guide() -> None:
    slugs = [kind.slug for kind in KINDS]
    assert {"cilium_mesh", "cloud_lb"} <= set(slugs)
    for kind in KINDS:
        assert str(kind.label) and str(kind.note) and kind.__doc__
        assert kind.carries
