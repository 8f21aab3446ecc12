"""The kinds that carry clients only: what they write, what they refuse, and both directions of a profile together."""

from __future__ import annotations

from typing import Any

import pytest

from networking.kinds.base import (
    ClientPart,
    Direction,
    PlaneFact,
    carrying,
    kind_named,
    reported,
    spans_planes,
)
from networking.kinds.network import Network, refusals
from networking.kinds.node_port import is_host
from networking.kinds.nodes import NodeChoice, NodeFact, Prefer

PORT, LB = kind_named("node_port"), kind_named("metallb")
NODES = [
    NodeFact("n-2", addresses={"InternalIP": ["10.0.0.2"], "ExternalIP": ["192.0.2.2"]}),
    NodeFact("n-1", addresses={"InternalIP": ["10.0.0.1"]}),
    NodeFact("n-0", ready=False, addresses={"InternalIP": ["10.0.0.9"]}),
    NodeFact("n-3", addresses={"InternalIP": ["10.0.0.3"]}),
]
POOL = {"pool": "kb-clients", "address_type": "private", "load_balancer_class": ""}


def saved(kind: str, **data: Any) -> dict[str, Any]:
    form = kind_named(kind).Config(data)
    assert form.is_valid(), form.errors
    return form.cleaned_data


def errors(kind: str, **data: Any) -> str:
    form = kind_named(kind).Config(data)
    assert not form.is_valid()
    return " ".join(str(error) for found in form.errors.values() for error in found)


def test_clients_get_the_addresses_of_so_many_ready_nodes() -> None:
    part = PORT.client_service(saved("node_port", addresses="InternalIP", nodes=2))
    assert part is not None and (part.service_type, part.traffic_policy) == ("NodePort", "Cluster")
    assert part.node_ports is None and part.nodes is not None
    assert part.nodes.hosts("k8s-1", NODES) == ["10.0.0.1", "10.0.0.2"]


def test_an_address_of_another_type_is_never_given_instead() -> None:
    outside = NodeChoice(Prefer.EXTERNAL)
    assert outside.hosts("k8s-1", NODES) == ["192.0.2.2"] and outside.problem("k8s-1", NODES) is None
    assert "none of its ready nodes has an ExternalIP" in str(outside.problem("k8s-1", NODES[1:]))
    assert "none of its nodes is ready" in str(NodeChoice(Prefer.INTERNAL).problem("k8s-1", NODES[2:3]))


def test_own_addresses_are_written_by_plane_and_one_that_is_missing_is_named() -> None:
    given = {"addresses": "own", "nodes": 3, "own": "k8s-1: db.example.com, 203.0.113.7"}
    config = saved("node_port", **given)
    part = PORT.client_service(config)
    assert part is not None and part.nodes is not None
    assert part.nodes.hosts("k8s-1", NODES) == ["db.example.com", "203.0.113.7"]
    (problem,) = PORT.problems(config, [PlaneFact("k8s-1"), PlaneFact("k8s-2")])
    assert str(problem).startswith("k8s-2: this profile says no address for it")
    assert "one “plane: address" in errors("node_port", **{**given, "own": ""})
    assert "Leave this empty" in errors("node_port", **{**given, "addresses": "InternalIP"})


@pytest.mark.parametrize(
    ("text", "good"),
    [("10.0.0.1", True), ("2001:db8::1", True), ("a.example", True), ("127.0.0.1", False), ("0.0.0.0", False),
     ("1.2.3", False), ("a_b", False), ("http://a", False), ("a:2379", False)],
)  # fmt: skip
def test_only_hosts_that_clients_could_be_given_are_taken(text: str, good: bool) -> None:
    assert is_host(text) is good


def test_fixed_ports_come_from_the_band_that_kubernetes_leaves_alone() -> None:
    part = PORT.client_service(saved("node_port", addresses="InternalIP", nodes=1, fixed_ports=True))
    assert part is not None and part.node_ports == (30000, 30085)


def test_external_addresses_of_nodes_count_as_public() -> None:
    assert PORT.public({"addresses": "ExternalIP", "nodes": 1})
    assert not PORT.public({"addresses": "InternalIP", "nodes": 1})


def test_an_address_from_a_pool_names_the_pool_and_is_not_paid_for() -> None:
    config = saved("metallb", pool="kb-clients", address_type="private")
    assert LB.client_service(config, "k8s-1") == ClientPart(
        "LoadBalancer", {"metallb.io/address-pool": "kb-clients"}
    )
    assert (LB.vips(config, 3), LB.load_balancers(config, 3)) == (3, 0)
    classed = LB.client_service({**config, "load_balancer_class": "metallb.io/l2"})
    assert classed is not None and classed.load_balancer_class == "metallb.io/l2"
    assert "Small letters" in errors("metallb", pool="KB clients", address_type="private")
    assert errors("metallb", pool="kb-clients"), "the address type has no default"


@pytest.mark.parametrize("cloud", ["eks", "gke", "aks"])
def test_pools_are_refused_in_clouds_that_deliver_only_their_own_addresses(cloud: str) -> None:
    (problem,) = LB.problems(POOL, [PlaneFact("k8s-1"), PlaneFact("k8s-2", cloud=cloud)])
    assert str(problem).startswith("k8s-2 runs in ")
    assert LB.problems(POOL, [PlaneFact("k8s-1"), PlaneFact("k8s-2", cloud="kind")]) == []


def test_doubtful_networks_are_pointed_out() -> None:
    said = " ".join(
        map(str, LB.cautions(POOL, [PlaneFact("a", cloud="ack"), PlaneFact("o", cloud="openstack")]))
    )
    assert (
        "a runs in Alibaba Cloud ACK" in said
        and "o runs in OpenStack" in said
        and "same network segment" in said
    )


def test_each_direction_has_its_kinds_and_the_others_say_why_not() -> None:
    between = {kind.slug for kind in carrying(Direction.EAST_WEST)}
    outside = {kind.slug for kind in carrying(Direction.NORTH_SOUTH)}
    assert between == {"cilium_mesh", "cloud_lb"} and outside == {"cloud_lb", "metallb", "node_port"}
    assert refusals("cilium_mesh", "metallb") == {} == refusals("cloud_lb", "")
    said = refusals("node_port", "cilium_mesh")
    assert "such as 2380 of etcd" in str(said["kind"])
    assert "does not carry the traffic of clients" in str(said["outside"])


def test_a_profile_is_judged_by_both_of_its_kinds() -> None:
    cloud = {"provider": "ack", "address_type": "public"}
    network = Network("cilium_mesh", {}, "cloud_lb", cloud)
    assert network.public() and network.load_balancers(3) == 3 and network.vips(3) == 3
    assert network.minimum_disk_gib() == 20 and "Alibaba" in str(network.minimum_disk_reason())
    assert network.service(["k8s-1"]).service_type == "ClusterIP"
    said = network.problems([PlaneFact("k8s-1", mesh=True), PlaneFact("k8s-2", mesh=False, cloud="gke")])
    assert [str(one).split(":")[0].split(" runs")[0] for one in said] == ["k8s-2", "k8s-2"]
    assert "port of clients" in " ".join(map(str, network.cautions([])))
    twice = Network("cloud_lb", cloud, "cloud_lb", cloud)
    assert len(twice.problems([PlaneFact("k8s-2", cloud="gke")])) == 1, "the same reason stands once"
    assert len(twice.notes()) == 1 and twice.load_balancers(3) == 6
    assert Network("gone", {}, "cloud_lb", {}).missing == "gone"


def test_services_over_all_planes_are_known_by_their_annotations_and_reports_of_controllers_too() -> None:
    assert spans_planes({"service.cilium.io/global": "true", "other": "1"})
    assert not spans_planes({"service.cilium.io/global": "false"}) and not spans_planes({})
    assert "metallb.io/ip-allocated-from-pool" in reported()
