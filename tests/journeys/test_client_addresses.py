"""Clients outside: a service per pod in the plane that runs it, kept current, and none left when it is retired."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from kbconsole.common.errors import Stale
from kbconsole.common.sentences import Sentence
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.jobs import services as jobs
from kbconsole.jobs.models import Plan, Run
from kbconsole.jobs.undoing import undo
from kbconsole.k8s.kinds import SERVICE
from networking import services as networking
from networking.models import Profile
from placements import connecting
from placements import services as placements
from placements.addresses_follow import follow, keep_current
from placements.jobs import for_clients
from placements.models import ClientAccess, ClientAddress, Placement
from tests.driving import drive
from tests.fleets.protocol import Fleet
from tests.journeys.fleet import PLANES, approved, asked, mesh, plan_of, register, trouble, wish
from tests.journeys.planes import Planes, looking
from tests.people import signed_in
from tests.placements import world
from tests.placements.dns_server import DnsServer

pytestmark = pytest.mark.django_db(transaction=True)
POOL = {"pool": "kb-clients", "address_type": "private", "load_balancer_class": ""}
NODES = {"addresses": "InternalIP", "own": {}, "nodes": 2, "fixed_ports": True}
NAME = "etcd-demo.default"


def client_services(planes: Planes) -> dict[str, dict[str, Any]]:
    """Return, by plane, the services that the console made for clients."""
    found = {plane: planes.clients[plane].list(SERVICE, labels="kbconsole.io/database") for plane in PLANES}
    assert all(len(there) < 2 for there in found.values()), found
    return {plane: there[0] for plane, there in found.items() if there}


def gone_through(plan: Plan, placement: Placement, admin: User) -> Run:
    """Let a plan be made, approve it, and carry its run on to its end."""
    drive(plan.runs.get())
    plan.refresh_from_db()
    assert plan.status == "ready", plan.failure
    run = approved(placement, admin)
    assert run.status == "succeeded", trouble(run)
    return run


def test_made_with_the_database_and_gone_with_it(
    fleet: Fleet, dns: DnsServer, dana: User, adam: User, ada: User
) -> None:
    """Addresses, and the name that follows the leader: one request, one plan, one run."""
    register(fleet, adam)
    profile = networking.create_profile(
        name="outside", kind="cilium_mesh", config={}, outside="metallb", outside_config=POOL, by=adam
    )
    placement = asked(wish(profile), dana)
    assert plan_of(placement).status == "ready", plan_of(placement).failure
    run = approved(placement, adam)
    assert run.status == "succeeded", trouble(run)
    with looking(fleet) as planes:
        made = client_services(planes)
        for ordinal, plane in enumerate(PLANES):
            spec, meta = made[plane]["spec"], made[plane]["metadata"]
            assert (meta["name"], spec["type"]) == (f"etcd-demo-etcd-out-{ordinal}", "LoadBalancer")
            assert spec["selector"]["apps.kubeblocks.io/pod-name"] == f"etcd-demo-etcd-{ordinal}"
            assert meta["annotations"]["metallb.io/address-pool"] == "kb-clients"
            row = placement.addresses.get(plane=plane)
            assert row.uid == meta["uid"]
            assert row.endpoints == [f"{made[plane]['status']['loadBalancer']['ingress'][0]['ip']}:2379"]
        leads_to(dns, placement)
        assert follow(placement.client_access, anew=True), "between runs the name is still the console's"
        with pytest.raises(Stale, match="taken back by retiring"):
            undo(run.pk, by=dana)
        looked = drive(placements.check(placement.pk, by=dana))
        assert looked.status == "succeeded" and "3 of 3 assigned" in said_by(looked)

        retire = placements.retire(placement.pk, typed_name="etcd-demo", policy="Delete", by=dana)
        gone_through(retire, placement, adam)
        assert placement.status == "retired"
        assert client_services(planes) == {} and not any(dns.rrsets.values())
    assert not ClientAddress.objects.exists() and not ClientAccess.objects.exists()


def test_given_later_kept_current_followed_in_dns_and_taken_away(
    fleet: Fleet, dns: DnsServer, dana: User, adam: User
) -> None:
    register(fleet, adam)
    # A service needs no pod to be made, so that no database has to be placed for this.
    placement = world.in_service(dana, mesh(adam), namespace="default")
    refused = signed_in(dana).post(f"/placements/{placement.pk}/addresses/")
    assert "says nothing about clients" in refused.content.decode()
    Profile.objects.update(outside="node_port", outside_config=NODES)
    placement = Placement.objects.get()
    with looking(fleet) as planes:
        given = gone_through(connecting.ask_addresses(placement.pk, follow=True, by=dana), placement, adam)
        rows = list(placement.addresses.all())
        ports = [
            spec["ports"][0]["nodePort"] for one in client_services(planes).values() if (spec := one["spec"])
        ]
        assert len(set(ports)) == 3 and all(30000 <= port <= 30085 for port in ports)
        assert rows[1].endpoints == [f"192.168.2.11:{ports[1]}", f"192.168.2.12:{ports[1]}"]
        leads_to(dns, placement)

        changed_ports_are_found(planes, placement, dana)
        the_name_moves_with_the_leader(dns, placement)
        an_exhausted_pool_is_named(planes, placement, dana)

        taken = gone_through(connecting.take_addresses(placement.pk, by=dana), placement, adam)
        assert (given.job, taken.job) == ("give-addresses", "take-addresses")
        assert client_services(planes) == {}
        assert not any(dns.rrsets.values()), "no record is left either"
    assert not ClientAddress.objects.exists() and not ClientAccess.objects.exists()


def test_addresses_that_come_late_fail_the_run_and_retry_finishes_it(
    embedded: EmbeddedFleet, dana: User, adam: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run says how many there are and which are not; what was assigned by then is kept and shown."""
    monkeypatch.setattr(for_clients, "ASSIGN_SECONDS", 1)
    register(embedded, adam)
    placement = world.in_service(dana, mesh(adam), namespace="default")
    nobody = {**POOL, "load_balancer_class": "nobody.example/it"}
    Profile.objects.update(outside="metallb", outside_config=nobody)
    plan = connecting.ask_addresses(placement.pk, by=dana)
    drive(plan.runs.get())
    with looking(embedded) as planes:
        run = approved(placement, adam)
        assert run.status == "failed"
        assert "0 of 3 assigned; k8s-1: no address for etcd-demo-etcd-out-0 yet" in said_by(run)
        give(planes, "k8s-1", "192.0.2.1")
        jobs.retry(run.pk, by=dana)
        run = drive(run)
        assert run.status == "failed" and "1 of 3 assigned; k8s-2: no address" in said_by(run)
        assert [row.endpoints for row in placement.addresses.all()] == [["192.0.2.1:2379"], [], []]
        assert placement.status == "in_service", "the database itself is as it was"
        give(planes, "k8s-2", "192.0.2.2")
        give(planes, "k8s-3", "192.0.2.3")
        jobs.retry(run.pk, by=dana)
        run = drive(run)
        assert run.status == "succeeded", trouble(run)
        assert not placement.addresses.exclude(changed_at=None).exists(), "a first address is no change"
        gone_through(undo(run.pk, by=dana), placement, adam)
        assert client_services(planes) == {} and not ClientAccess.objects.exists(), "undone as if never given"


def said_by(run: Run) -> str:
    finding = run.steps.get(phase="assigned").finding
    return str(Sentence.from_json(finding["sentence"])) if finding else ""


def give(planes: Planes, plane: str, address: str) -> None:
    name = client_services(planes)[plane]["metadata"]["name"]
    status = {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}}
    planes.clients[plane].patch(SERVICE, name, "default", status, subresource="status")


def leads_to(dns: DnsServer, placement: Placement) -> None:
    pods = {pod["name"]: pod for there in placement.observed.values() for pod in there["pods"]}  # type: ignore[union-attr]
    leader = next(
        row for row in placement.addresses.all() if pods[f"etcd-demo-etcd-{row.ordinal}"]["role"] == "leader"
    )
    assert dns.texts(NAME, "A") == {one.rpartition(":")[0] for one in leader.endpoints}


def changed_ports_are_found(planes: Planes, placement: Placement, owner: User) -> None:
    """Somebody gives the service of k8s-2 another port: the bundle has it, and the owner is told until they say so."""
    keep_current()
    assert not placement.addresses.exclude(changed_at=None).exists()
    there = client_services(planes)["k8s-2"]
    port = {**there["spec"]["ports"][0], "nodePort": 30099}
    planes.clients["k8s-2"].patch(SERVICE, there["metadata"]["name"], "default", {"spec": {"ports": [port]}})
    keep_current()
    row = placement.addresses.get(plane="k8s-2")
    assert row.endpoints == ["192.168.2.11:30099", "192.168.2.12:30099"] and row.told != row.endpoints
    browser = signed_in(owner)
    assert "addresses changed" in browser.get("/").content.decode()
    page = f"/placements/{placement.pk}/"
    assert "http://192.168.2.11:30099" in browser.get(f"{page}connection.env").content.decode()
    assert "is now 192.168.2.11:30099" in browser.get(page).content.decode()
    browser.post(f"{page}addresses/told/")
    assert "addresses changed" not in browser.get("/").content.decode()


def the_name_moves_with_the_leader(dns: DnsServer, placement: Placement) -> None:
    observed = placement.observed or {}
    for there in observed.values():
        for pod in there["pods"]:
            pod["role"] = "leader" if pod["name"].endswith("-2") else "follower"
    Placement.objects.filter(pk=placement.pk).update(observed=observed)
    keep_current()
    assert dns.texts(NAME, "A") == {"192.168.3.11", "192.168.3.12"}


def an_exhausted_pool_is_named(planes: Planes, placement: Placement, owner: User) -> None:
    """One service of three waits for an address that its plane cannot give: “Check again” says it in its words."""
    there = client_services(planes)["k8s-3"]
    name, client = there["metadata"]["name"], planes.clients["k8s-3"]
    client.patch(
        SERVICE, name, "default", {"spec": {"type": "LoadBalancer", "loadBalancerClass": "nobody.example/it"}}
    )
    about = {"kind": "Service", "namespace": "default", "name": name, "uid": there["metadata"]["uid"]}
    client.create(
        {
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": "full", "namespace": "default"},
            "involvedObject": about, "type": "Warning", "reason": "AllocationFailed", "message": "pool exhausted",
            "lastTimestamp": "2026-11-23T10:00:00Z",
        }
    )  # fmt: skip
    looked = drive(placements.check(placement.pk, by=owner))
    assert said_by(looked) == "2 of 3 assigned; k8s-3: pool exhausted"
    row = placement.addresses.get(plane="k8s-3")
    assert row.endpoints == [] and row.changed_at and "pool exhausted" in str(row.problem)
