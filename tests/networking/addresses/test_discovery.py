"""What planes tell of their ranges, against embedded servers; and what becomes of it when they do not answer."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet.models import Plane
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.errors import Forbidden, Rejected
from kbconsole.k8s.kinds import Kind, Object
from networking.addresses.facts import What
from networking.addresses.services import facts_of
from networking.addresses.sources import discover
from networking.models import AddressLook
from networking.tasks import read_addresses
from tests.driving import drive
from tests.people import signed_in

CILIUM = {
    "ipam": "cluster-pool",
    "cluster-pool-ipv4-cidr": "10.9.0.0/16",
    "cluster-id": "9",
    "cluster-name": "west",
}


class Told(PlaneClient):
    """A plane that answers from a table of objects by kind; a kind that is not in it is not served."""

    def __init__(self, said: str = "", **objects: list[Object]) -> None:
        self.plane = "k8s-1"
        self._said, self._objects = said, objects

    def list(self, kind: Kind, namespace: str = "", *, labels: str = "", fields: str = "") -> list[Object]:
        if kind.kind not in self._objects:
            raise Rejected(
                "k8s.kind_missing", plane="k8s-1", ref=kind.ref(""), reason="KindMissing", http_status=404
            )
        return self._objects[kind.kind]

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        return next(
            (one for one in self._objects.get(kind.kind, []) if one["metadata"]["name"] == name), None
        )

    def create(self, obj: Object, *, dry_run: bool = False) -> Object:
        assert dry_run
        if not self._said:
            raise Forbidden(plane="k8s-1", ref={}, message="no", missing=[])
        raise Rejected("k8s.rejected", plane="k8s-1", ref={}, http_status=422, message=self._said)


def node(*addresses: str, pods: str = "", **spec: Any) -> Object:
    entries = [{"type": "InternalIP", "address": one} for one in addresses]
    return {
        "metadata": {"name": "n"}, "spec": {"podCIDRs": pods.split()} | spec,
        "status": {"addresses": [*entries, {"type": "Hostname", "address": "n"}]},
    }  # fmt: skip


def told(client: PlaneClient) -> dict[str, list[str]]:
    return {
        f"{what} {source}": [str(s) for s in spans]
        for (what, source), spans in discover(client).ranges.items()
    }


def test_ranges_come_from_nodes_where_nothing_better_is_there_and_old_servers_name_services_in_a_refusal() -> (
    None
):
    said = "the provided IP (192.0.2.1) is not in the valid range. The range of valid IPs is 10.96.0.0/12"
    nodes = [node("192.168.1.5", pods="10.1.0.0/24"), node("192.168.1.6", pods="10.1.1.0/24 fd00:1::/64")]
    assert told(Told(said, Node=nodes)) == {
        "services refused-service": ["10.96.0.0/12"],
        "nodes nodes": ["192.168.1.5", "192.168.1.6"],
        "pods nodes": ["10.1.0.0/23", "fd00:1::/64"],
    }


def test_the_network_that_hands_out_pod_addresses_is_believed_before_the_nodes() -> None:
    config = {"metadata": {"name": "cilium-config"}, "data": CILIUM}
    own = [
        {"spec": {"ipam": {"podCIDRs": ["10.9.1.0/24"]}}},
        {"spec": {"ipam": {"podCIDRs": ["10.8.1.0/24"]}}},
    ]
    pools = [{"spec": {"blocks": [{"cidr": "10.4.0.0/24"}, {"start": "10.4.2.1", "stop": "10.4.2.9"}]}}]
    objects: dict[str, Any] = {
        "ConfigMap": [config], "CiliumNode": own, "CiliumLoadBalancerIPPool": pools,
        "IPAddressPool": [{"spec": {"addresses": ["10.5.0.1-10.5.0.9", "nonsense"]}}],
        "Node": [node("192.168.1.5", pods="10.244.0.0/24")],
        "ServiceCIDR": [{"spec": {"cidrs": ["10.96.0.0/16", "fd00:96::/108"]}}],
    }  # fmt: skip
    client = Told(**objects)
    assert told(client) == {
        "pods cilium-config": ["10.8.1.0/24", "10.9.0.0/16"],  # one node has a block of an older pool
        "services service-cidrs": ["10.96.0.0/16", "fd00:96::/108"],
        "load_balancers cilium-pools": ["10.4.0.0/24", "10.4.2.1-10.4.2.9"],
        "load_balancers metallb-pools": ["10.5.0.1-10.5.0.9"],
        "nodes nodes": ["192.168.1.5"],
    }
    other = {**config, "data": CILIUM | {"ipam": "kubernetes"}}
    assert told(Told(**{**objects, "ConfigMap": [other]}))["pods cilium-config"] == [
        "10.8.1.0/24",
        "10.9.1.0/24",
    ]


def test_pools_of_pods_are_whole_where_nodes_know_only_their_part() -> None:
    pools: list[dict[str, Any]] = [
        {"spec": {"cidr": "10.244.0.0/16"}},
        {"spec": {"cidr": "10.7.0.0/16", "disabled": True}},
    ]
    found = told(Told("no", IPPool=pools, Node=[node("192.168.1.5", pods="10.244.3.0/24")]))
    assert found["pods calico-pools"] == ["10.244.0.0/16"]
    assert "pods nodes" not in found


def test_what_a_plane_refuses_to_tell_is_unknown_and_never_guessed() -> None:
    found = discover(Told(Node=[node("192.168.1.5")]))
    assert {what for what, _source in found.ranges} == {What.NODES}
    assert [slug for slug, _sentence in found.problems] == ["refused-service"]


@pytest.mark.django_db(transaction=True)
def test_planes_are_read_by_beat_and_keep_what_was_known_when_they_fall_silent(
    embedded: EmbeddedFleet,
    fleet: dict[str, Plane],
    adam: User,
) -> None:
    Plane.objects.filter(name="k8s-3").update(is_data_plane=False)
    read_addresses(everyone=False)
    known = facts_of(["k8s-1", "k8s-2"])
    assert [fact.text for fact in known["k8s-1"].pods] == ["10.1.1.0/24"]
    assert [fact.text for fact in known["k8s-2"].services] == ["10.102.0.0/16"]
    assert [fact.text for fact in known["k8s-2"].nodes] == ["192.168.2.11"]
    assert known["k8s-1"].known == {What.PODS, What.SERVICES, What.NODES}
    browser = signed_in(adam)
    page = browser.get("/networks/").content.decode()
    assert "of 2 planes not everything is known" in page
    assert "?plane=k8s-1&amp;what=load_balancers" in page
    before = facts_of(["k8s-2"])["k8s-2"].pods[0].read_at

    embedded.fault("k8s-2", "500")
    read_addresses()
    after = facts_of(["k8s-1", "k8s-2"])
    assert after["k8s-2"].pods[0].read_at == before
    assert after["k8s-1"].pods[0].read_at != known["k8s-1"].pods[0].read_at
    look = AddressLook.objects.get(plane__name="k8s-2")
    assert look.looked_at > (look.answered_at or look.looked_at)
    read_addresses(everyone=False)  # nobody's time has come
    assert (
        AddressLook.objects.get(plane__name="k8s-1").looked_at == facts_of(["k8s-1"])["k8s-1"].pods[0].read_at
    )


@pytest.mark.django_db(transaction=True)
def test_asking_again_is_a_run_that_says_what_each_plane_told(
    embedded: EmbeddedFleet,
    fleet: dict[str, Plane],
    adam: User,
) -> None:
    answer = signed_in(adam).post("/networks/ranges/read/")
    run = drive(int(answer["Location"].strip("/").rpartition("/")[2]))
    assert (run.job, run.status) == ("read-addresses", "succeeded")
    finding = run.steps.get(lane="k8s-1").finding or {}
    said = signed_in(adam).get(f"/runs/{run.pk}/").content.decode()
    assert finding["sentence"]["params"]["plane"] == "k8s-1"
    assert facts_of(["k8s-1"])["k8s-1"].services
    assert "Read the ranges of planes" in said
