"""What a client is given: from addresses as planes answered them, to the lines that it needs. Pure, and as a page."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import yaml
from django.contrib.auth.models import User
from django.utils import timezone

from kbconsole.common.sentences import say
from kbconsole.fleet.changes import Remove
from kbconsole.jobs.definition import Outcome, Touch, Touched
from networking.kinds.base import ClientPart
from networking.kinds.nodes import NodeChoice, NodeFact, Prefer
from placements.addresses import client_manifest, client_service, hosts_of, pod_of
from placements.addresses_kept import sights_of
from placements.connection import Bundle, same_ports
from placements.engines.base import Endpoint
from placements.engines.etcd import Etcd
from placements.jobs.client_changes import ApplyClient
from placements.jobs.names import PublishName, WithdrawName
from placements.models import ClientAccess, ClientAddress, Placement
from tests.people import signed_in
from tests.placements import world


class OneWriter(Etcd):
    """An engine in which only the leader takes writes, and whose clients do not look for it."""

    follows_itself: ClassVar[bool] = False
    dns_service: ClassVar[str] = ""


def bundle(*hosts: str, engine: Etcd | None = None, zone: str = "", port: int = 2379) -> Bundle:
    found = [
        Endpoint(n, f"k8s-{n + 1}", f"db-etcd-{n}", f"db-etcd-out-{n}", host, port, n == 1, port != 2379)
        for n, host in enumerate(hosts)
    ]
    return Bundle("db", "shop", engine or Etcd(), tuple(found), zone=zone)


def test_the_service_of_a_pod_selects_it_alone_and_says_what_the_kind_wants() -> None:
    part = ClientPart("LoadBalancer", {"a": "b"}, "Local", "metallb")
    made = client_manifest("db", "shop", "db-etcd-12", Etcd(), part, node_port=30007)
    assert made["metadata"]["name"] == "db-etcd-out-12" and pod_of("db-etcd-out-12") == "db-etcd-12"
    assert made["spec"]["selector"]["apps.kubeblocks.io/pod-name"] == "db-etcd-12"
    assert made["spec"]["selector"]["app.kubernetes.io/instance"] == "db"
    assert "kubeblocks" not in made["metadata"]["labels"].values(), (
        "the operator must not take it for its own"
    )
    port = {"name": "client", "port": 2379, "targetPort": 2379, "protocol": "TCP", "nodePort": 30007}
    assert made["spec"]["ports"] == [port]
    assert (made["spec"]["externalTrafficPolicy"], made["spec"]["loadBalancerClass"]) == ("Local", "metallb")
    assert len(client_service("x" * 50 + "-etcd-0")) <= len("x" * 50 + "-etcd-headless")


def test_what_is_undone_is_only_what_this_run_made() -> None:
    manifest = client_manifest("db", "shop", "db-etcd-0", Etcd(), ClientPart("NodePort"))
    change = ApplyClient("k8s-1", manifest)
    made, kept = (Outcome((Touched(touch, change.ref, "u-1"),)) for touch in (Touch.CREATED, Touch.UPDATED))
    assert change.inverse(made) == Remove("k8s-1", "v1", "Service", "db-etcd-out-0", "shop", "u-1")
    assert change.inverse(kept) is None
    name = PublishName(1, "db", "shop", "db.example.org.")
    assert (
        name.inverse(made) == WithdrawName(1, "db", "shop", "db.example.org.") and name.inverse(kept) is None
    )


def test_a_service_that_only_looks_like_one_of_the_consoles_is_nobodys_address(given: Placement) -> None:
    """Labels can be written by anybody: name, pod and plane have to be those that the console would have made."""
    facts = {
        "namespace": "demo",
        "database": "etcd-demo",
        "uid": "x",
        "type": "LoadBalancer",
        "policy": "",
        "port": 1,
    }
    facts |= {"node_port": 0, "ingress": ["203.0.113.9"], "pod": "etcd-demo-etcd-1"}
    made = [facts | {"name": name} for name in ("etcd-demo-etcd-out-1", "other")]
    answer = {"services": made, "nodes": [], "why": {}}
    access = given.client_access
    assert [sight.service for sight in sights_of(access, "k8s-2", answer)] == ["etcd-demo-etcd-out-1"]
    assert sights_of(access, "k8s-1", answer) == []


def test_node_ports_are_reached_at_ready_nodes_and_with_the_local_policy_only_at_the_pods_own() -> None:
    nodes = [NodeFact(f"n{n}", n != 1, {"InternalIP": [f"10.0.0.{n}"]}) for n in range(4)]
    service = {"type": "NodePort", "port": 2379, "node_port": 31000, "policy": "Cluster", "ingress": []}
    choice = NodeChoice(Prefer.INTERNAL, 2)
    assert hosts_of(service, "k8s-1", nodes, choice) == (["10.0.0.0", "10.0.0.2"], 31000)
    assert hosts_of({**service, "policy": "Local"}, "k8s-1", nodes, choice, runs_on="n3") == (
        ["10.0.0.3"],
        31000,
    )
    assert hosts_of(service, "k8s-1", nodes, NodeChoice(Prefer.EXTERNAL, 2)) == ([], 31000)
    balanced = {**service, "type": "LoadBalancer", "ingress": ["192.0.2.9"]}
    assert hosts_of(balanced, "k8s-1", (), None) == (["192.0.2.9"], 2379)


def test_an_engine_that_follows_itself_is_given_all_endpoints() -> None:
    one = bundle("192.0.2.1", "2001:db8::2", "lb.example")
    urls = "http://192.0.2.1:2379,http://[2001:db8::2]:2379,http://lb.example:2379"
    assert f"ETCDCTL_ENDPOINTS={urls}\n" in one.env and "no password, no TLS" in one.env
    assert one.commands == [f"etcdctl --endpoints={urls} endpoint status -w table"]
    assert [snippet.language for snippet in one.snippets] == ["Go", "Python", "Java"]
    assert all("192.0.2.1" in snippet.text for snippet in one.snippets)
    assert "192.0.2.1 tcp/2379  # k8s-1 db-etcd-0" in one.firewall
    assert " backup" not in one.haproxy and "option httpchk GET /health" in one.haproxy


def test_another_engines_proxy_and_name_follow_the_leader() -> None:
    one = bundle("192.0.2.1", "192.0.2.2", "lb.example", engine=OneWriter(), zone="db.example.org.")
    assert [line.endswith("backup") for line in one.haproxy.splitlines() if "server db" in line] == [
        True,
        False,
        True,
    ]
    assigned = yaml.safe_load(one.envoy)["load_assignment"]["endpoints"]
    assert [locality["priority"] for locality in assigned] == [1, 0, 1]
    assert one.dns_lines.splitlines() == [
        "$ORIGIN db.example.org.", "db.shop 15 IN A 192.0.2.2", "0.db.shop 15 IN A 192.0.2.1",
        "1.db.shop 15 IN A 192.0.2.2", "2.db.shop 15 IN CNAME lb.example.",
    ]  # fmt: skip


def test_planes_that_have_the_same_node_port_are_named() -> None:
    assert same_ports(bundle("10.0.0.1", "10.0.0.2", port=31000).endpoints) == [(31000, ["k8s-1", "k8s-2"])]
    assert same_ports(bundle("10.0.0.1", "10.0.0.2").endpoints) == []


@pytest.fixture
def given(dana: User, settings: Any) -> Placement:
    """A database of which two of three replicas have an address."""
    settings.KBCONSOLE_DNS_ZONE, settings.KBCONSOLE_DNS_SERVER = "db.example.org", "127.0.0.1:5353"
    world.fleet()
    profile = world.mesh(dana)
    profile.outside, profile.outside_config = "metallb", {"pool": "kb", "address_type": "private"}
    profile.save()
    placement, now = world.in_service(dana, profile), timezone.now()
    ClientAccess.objects.create(placement=placement, outside="metallb", outside_config=profile.outside_config)
    for n in range(3):
        full = say("clients.because", plane="k8s-3", reason="pool exhausted").to_json()
        endpoints = [f"192.0.2.{n + 1}:2379"] if n < 2 else []
        ClientAddress.objects.create(
            placement=placement, ordinal=n, plane=f"k8s-{n + 1}", service=f"etcd-demo-etcd-out-{n}", uid=f"u{n}",
            endpoints=endpoints, told=endpoints, problem=None if endpoints else full, read_at=now,
        )  # fmt: skip
    return placement


def test_the_page_has_what_is_assigned_why_the_rest_is_not_and_three_ways_to_write(
    given: Placement, dana: User, vera: User
) -> None:
    page = signed_in(dana).get(f"/placements/{given.pk}/").content.decode()
    assert "2 of 3 addresses are assigned" in page and "k8s-3: pool exhausted" in page
    for part in (
        "etcdctl --endpoints=http://192.0.2.1:2379,http://192.0.2.2:2379 endpoint", "etcd-demo.env", "clientv3",
        "Any replica of etcd takes a write", "etcd-demo.demo 15 IN A 192.0.2.2", "etcd-demo-etcd-0 192.0.2.1:2379",
        "192.0.2.2 tcp/2379", "Keep etcd-demo.demo.db.example.org on the leader",
    ):  # fmt: skip
        assert part in page, part
    sent = signed_in(vera).get(f"/placements/{given.pk}/connection.env")
    assert sent.headers["Content-Disposition"] == 'attachment; filename="etcd-demo.env"'
    assert b"DATABASE_HOSTS=192.0.2.1:2379,192.0.2.2:2379" in sent.content
    told = signed_in(vera).get(f"/api/v1/placements/{given.pk}/connection/").json()
    assert told["missing"] == ["etcd-demo-etcd-2"] and told["dns_name"] == "etcd-demo.demo.db.example.org"
    assert told["endpoints"][1] == {
        "plane": "k8s-2", "service": "etcd-demo-etcd-out-1", "address": "192.0.2.2", "port": 2379,
    }  # fmt: skip


def test_a_public_profile_needs_two_others_and_only_owners_ask(
    given: Placement, dana: User, vera: User
) -> None:
    given.profile.outside_config = {"pool": "kb", "address_type": "public"}
    given.profile.save()
    assert signed_in(vera).post(f"/placements/{given.pk}/addresses/").status_code == 403
    assert signed_in(dana).post(f"/placements/{given.pk}/addresses/", {"follow": "on"}).status_code == 302
    plan = given.plans().get()
    assert plan.params["zone"] == "db.example.org."
    assert plan.definition().approvals_needed() == 2
    assert any("no password and no TLS" in str(said) for said in plan.definition().cautions())
