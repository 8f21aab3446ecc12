"""What a client is given: from addresses as planes answered them, to the lines that it needs. Pure, and as a page."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import yaml
from django.apps import apps
from django.contrib.auth.models import User
from django.utils import timezone

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import say
from kbconsole.fleet import access, changes
from kbconsole.fleet.changes import Apply, Remove
from kbconsole.fleet.models import Plane
from kbconsole.jobs.definition import Ended, Outcome, Touch, Touched
from kbconsole.jobs.models import Run, RunStep
from kbconsole.k8s.commands import MANAGER
from kbconsole.k8s.errors import Rejected
from networking.kinds.base import ClientPart
from networking.kinds.nodes import NodeChoice, NodeFact, Prefer
from networking.models import ProfileVersion
from networking.services import change_profile
from placements import addresses_follow
from placements.addresses import client_fact, client_manifest, client_service, hosts_of, pod_of
from placements.addresses_follow import keep_current
from placements.addresses_kept import connection_of, keep, sights_of
from placements.connecting import give_job
from placements.connection import Bundle, same_ports
from placements.engines.base import Endpoint
from placements.engines.etcd import Etcd
from placements.jobs import RetireDatabase, TakeAddresses, client_changes, for_clients
from placements.jobs.client_changes import ApplyClient
from placements.jobs.for_clients import _kept_ports, forget_removed
from placements.jobs.names import PublishName, WithdrawName
from placements.losses import counted
from placements.models import ClientAccess, ClientAddress, Placement
from placements.observation import with_run
from placements.services import _job_again, facts_of
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
    back = change.inverse(made)
    assert isinstance(back, Remove)
    assert (back.plane, back.kind, back.name, back.uid) == ("k8s-1", "Service", "db-etcd-out-0", "u-1")
    assert change.inverse(kept) is None
    name = PublishName(1, "db", "shop", "db.example.org.")
    back = WithdrawName(1, "db", "shop", "db.example.org.")
    assert name.inverse(made) == back and name.inverse(kept) is None


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
    known = replace(one, client_networks=("10.20.0.0/16", "10.30.0.0/16"))
    assert known.firewall[0] == "192.0.2.1 tcp/2379 from 10.20.0.0/16, 10.30.0.0/16  # k8s-1 db-etcd-0"
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
    version = profile.versions.get()
    version.outside, version.outside_config = profile.outside, profile.outside_config
    version.client_networks = ["10.20.0.0/16"]
    version.save()
    placement, now = world.in_service(dana, profile, profile_version=version), timezone.now()
    ClientAccess.objects.create(
        placement=placement, outside="metallb", outside_config=profile.outside_config, profile_version=version
    )
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
        "192.0.2.2 tcp/2379 from 10.20.0.0/16", "Keep etcd-demo.demo.db.example.org on the leader",
    ):  # fmt: skip
        assert part in page, part
    sent = signed_in(vera).get(f"/placements/{given.pk}/connection.env")
    assert sent.headers["Content-Disposition"] == 'attachment; filename="etcd-demo.env"'
    assert b"DATABASE_HOSTS=192.0.2.1:2379,192.0.2.2:2379" in sent.content
    given.addresses.get(ordinal=0).delete()
    connection = f"/api/v1/placements/{given.pk}/connection/"
    told = signed_in(vera).get(connection).json()
    assert told["missing"] == ["etcd-demo-etcd-0", "etcd-demo-etcd-2"], "also what was never made"
    assert told["dns_name"] == "", "no name follows"
    ClientAccess.objects.update(zone="db.example.org.")
    assert signed_in(vera).get(connection).json()["dns_name"] == "etcd-demo.demo.db.example.org"
    assert told["endpoints"][0] == {
        "plane": "k8s-2", "service": "etcd-demo-etcd-out-1", "address": "192.0.2.2", "port": 2379,
    }  # fmt: skip


def test_a_public_profile_needs_two_others_and_only_owners_ask(
    given: Placement, dana: User, vera: User
) -> None:
    ProfileVersion.objects.update(outside_config={"pool": "kb", "address_type": "public"})
    assert signed_in(vera).post(f"/placements/{given.pk}/addresses/").status_code == 403
    assert signed_in(dana).post(f"/placements/{given.pk}/addresses/", {"follow": "on"}).status_code == 302
    plan = given.plans().get()
    assert plan.params["zone"] == "db.example.org."
    assert plan.definition().approvals_needed() == 2
    assert any("no password and no TLS" in str(said) for said in plan.definition().cautions())


def test_a_host_name_leads_on_by_itself_and_words_that_are_none_lead_nowhere() -> None:
    """Clouds such as AWS give load balancers names: an SRV record must not lead to a CNAME (RFC 2782)."""
    one = bundle("192.0.2.1", "lb-2.elb.example", zone="db.example.org.")
    assert "1.db.shop 15 IN CNAME lb-2.elb.example." in one.dns_lines
    served = [line.split()[-1] for line in one.dns_lines.splitlines() if " SRV " in line]
    assert served == ["0.db.shop.db.example.org.", "lb-2.elb.example."]
    assert one.has_names and "lb-2.elb.example tcp/2379  # k8s-2 db-etcd-1" in one.firewall
    assert not bundle("192.0.2.1").has_names
    told: tuple[dict[str, str], ...] = (
        {"ip": "2001:db8::1"},
        {"hostname": "LB-1.example"},
        {"hostname": "x;rm -rf\n"},
        {"ip": "-"},
        {"ip": "999.1.1.1"},
        {},
    )
    service = {"metadata": {"name": "s"}, "status": {"loadBalancer": {"ingress": list(told)}}}
    assert client_fact(service)["ingress"] == ["2001:db8::1", "LB-1.example"]


def test_a_port_is_kept_unless_two_replicas_have_it_or_somebody_took_it(given: Placement) -> None:
    rows = zip(given.addresses.all(), (30001, 30001, 30003), strict=True)
    for row, port in rows:
        row.node_port, row.endpoints = True, [f"10.0.0.{row.ordinal}:{port}"]
        row.save()
    mine = {f"k8s-{n + 1}": {30001 + n: f"demo/etcd-demo-etcd-out-{n}"} for n in range(3)}
    assert _kept_ports(given.pk, "demo", mine) == {
        "etcd-demo-etcd-out-0": 30001,
        "etcd-demo-etcd-out-2": 30003,
    }
    assert _kept_ports(given.pk, "demo", {"k8s-1": {30001: "shop/other"}}) == {
        "etcd-demo-etcd-out-1": 30001, "etcd-demo-etcd-out-2": 30003,
    }  # fmt: skip


def test_a_port_that_another_plan_chose_or_the_plane_gave_away_is_not_chosen(
    given: Placement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(for_clients, "_taken", lambda plane: {})
    fixed = {"addresses": "InternalIP", "own": {}, "nodes": 2, "fixed_ports": True}
    job = replace(give_job(given, follow=False), outside="node_port", outside_config=fixed)
    other = world.placed(given.owner, given.profile, "other", planes=["k8s-3", "k8s-4"])
    world.planned(
        other, params={**job.params(), "planes": other.planes, "ports": {"other-etcd-out-0": 30000}}
    )
    elsewhere = world.placed(given.owner, given.profile, "elsewhere", planes=["k8s-4"])
    world.planned(elsewhere, params={**job.params(), "planes": ["k8s-4"], "ports": {"x": 30001}})
    assert sorted(job.informed().ports.values()) == [30001, 30002, 30003]

    words = "spec.ports[0].nodePort: Invalid value: 30001: provided port is already allocated"

    def refuse(change: Apply) -> None:
        raise Rejected("k8s.rejected", plane="k8s-1", ref={}, message=words)

    monkeypatch.setattr(ApplyClient, "_refuse_others", lambda change: None)
    monkeypatch.setattr(Apply, "carry_out", refuse)
    manifest = client_manifest("etcd-demo", "demo", "etcd-demo-etcd-0", Etcd(), ClientPart("NodePort"))
    with pytest.raises(ConsoleError, match="Make the plan again"):
        ApplyClient("k8s-1", manifest).carry_out()


def test_of_two_leaders_the_one_counts_whose_plane_answered_last(given: Placement) -> None:
    """A lost plane keeps what it said last: its replica leads no more, though its number is the lower one."""
    observed = given.observed or {}
    observed["k8s-1"]["pods"][0]["role"] = "leader"
    observed["k8s-1"]["seen_at"] = (timezone.now() - timedelta(minutes=5)).isoformat()
    given.observed = observed
    given.save()
    leader = connection_of(given).leader
    assert leader and leader.plane == "k8s-2"
    assert counted(given, {"k8s-1"}).leader == ("etcd-demo-etcd-1", "k8s-2")
    observed["k8s-2"]["pods"][0]["role"] = "follower"
    leader = connection_of(given).leader
    assert leader and leader.plane == "k8s-1"
    world.silence("k8s-1")
    assert connection_of(given).leader is None, "the name keeps what it has until another replica leads"
    stale = {"pods": [], "seen_at": "2020-01-01T00:00:00+00:00"}
    assert with_run(observed, [("k8s-2", "pods", stale)]) == observed


def ended(run: Run, status: str, *outcomes: str) -> Ended:
    made = [{"touch": "updated", "uid": uid, "ref": {}} for uid in outcomes]
    return Ended(run.pk, status, "dana", (), tuple(("k8s-1", "clients", [one]) for one in made))


def test_what_services_are_made_by_counts_once_all_are_made_and_a_zone_until_the_name_is_out(
    given: Placement, adam: User
) -> None:
    """A run that fails early has changed nothing: addresses that work must not become "gone"."""
    ClientAccess.objects.update(zone="db.example.org.", records={"etcd-demo.demo": {"A": ["192.0.2.2"]}})
    nodes = {"addresses": "InternalIP", "own": {}, "nodes": 2, "fixed_ports": False}
    change_profile(
        given.profile, config={}, outside="node_port", outside_config=nodes, seen_version=1, by=adam
    )
    given.profile.refresh_from_db()
    job, run = give_job(given, follow=False, newest=True), world.ran(given, "running")

    def kept() -> tuple[str, int, str]:
        row = ClientAccess.objects.select_related("profile_version").get()
        return row.outside, row.profile_version.version if row.profile_version else 0, row.zone

    job.on_start(run.pk)
    job.on_end(ended(run, "failed", "u0", "u1"))
    assert kept() == ("metallb", 1, "db.example.org."), "two of three were made"
    job.on_end(ended(run, "cancelled", "u0", "u1", "u2"))
    assert kept() == ("node_port", 2, "db.example.org."), "the name is still in the zone"


def test_an_undo_takes_the_name_along_and_leaves_none_behind(given: Placement, settings: Any) -> None:
    """Beat may have written the name that the run itself failed to write."""
    settings.KBCONSOLE_DNS_SERVER = "127.0.0.1:1"
    name = PublishName(given.pk, "etcd-demo", "demo", "db.example.org.")
    records = {"etcd-demo.demo": {"A": ["192.0.2.2"]}}
    ClientAccess.objects.update(zone="db.example.org.", records=records)
    first, job = world.ran(given, "failed"), give_job(given, follow=True)
    step = {"change": name.canonical(), "check": None, "on": "console", "phase": "name", "gate": False}
    rest = {"blocks": True, "deadline": 300, "repeats": ""}
    row = world.stepped(first, "console", "name", "failed")
    RunStep.objects.filter(pk=row.pk).update(content={**step, **rest})
    back = name.inverse(Outcome())
    assert isinstance(back, WithdrawName) and job.undone_by(first.pk) is None
    # A server that is away keeps nobody from planning, and is asked again while the run goes on.
    assert [str(one.touch) for change in (name, back) for one in change.diff().objects] == [
        "created",
        "removed",
    ]
    with pytest.raises(ConsoleError) as failed:
        back.carry_out()
    assert failed.value.retryable and "Retry" in str(failed.value)
    forget_removed(given.pk, ended(first, "succeeded"))
    gates = [one.gate for one in TakeAddresses(**facts_of(given)).steps() if one.phase == "unserve"]
    assert gates == [True] * 3, "the name goes before what it leads to"
    ClientAddress.objects.all().delete()
    forget_removed(given.pk, ended(first, "succeeded"))
    assert ClientAccess.objects.get().records == records, (
        "else nobody would know what to take out of the zone"
    )

    RunStep.objects.update(outcome=[{"touch": "created", "uid": "", "ref": name.ref}])
    assert name.inverse(Outcome()) is None, "another run has written it, and takes it back"
    assert job.undone_by(world.ran(given, "failed").pk), "addresses go only after the name that leads to them"


def test_a_silent_dns_server_is_asked_once_and_a_row_that_is_gone_stops_nobody(
    given: Placement, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.KBCONSOLE_DNS_SERVER = "127.0.0.1:1"
    monkeypatch.setattr(addresses_follow, "probes", lambda planes: {})
    second = world.in_service(given.owner, given.profile, "second")
    ClientAccess.objects.create(placement=second, outside="metallb", zone="db.example.org.")
    for row in given.addresses.all():
        row.pk, row.placement = None, second
        row.save()
    ClientAccess.objects.update(zone="db.example.org.")
    keep_current()
    assert ClientAccess.objects.exclude(problem=None).count() == 1
    keep(0, "k8s-1", {"services": [], "nodes": [], "why": {}}, timezone.now())


def test_a_retirement_counts_once_the_cluster_is_gone_and_then_asks_nobody_about_addresses(
    given: Placement, dana: User
) -> None:
    Placement.objects.update(status="attention")
    given.addresses.filter(ordinal=0).update(changed_at=timezone.now(), told=["192.0.2.9:2379"])
    job = RetireDatabase(**facts_of(given), policy="Delete", uid=given.cluster_uid)
    run = world.ran(given, "failed", job=job.slug, params=job.params())
    world.stepped(run, "k8s-0", "delete", "succeeded")
    browser, page = signed_in(dana), f"/placements/{given.pk}/"
    assert "addresses changed" in browser.get("/").content.decode()
    assert "no address leads to a database any more" not in browser.get(page).content.decode()
    world.stepped(run, "k8s-0", "gone", "succeeded", 1)
    assert "addresses changed" not in browser.get("/").content.decode()
    assert "no address leads to a database any more" in browser.get(page).content.decode()
    world.ran(given, "succeeded", job="undo-run")
    assert isinstance(_job_again(given), RetireDatabase), "what was undone of it is no wish to place it anew"


def test_what_the_console_removes_is_what_must_be_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that somebody else labelled stays, and keeps no retirement from its end."""
    fields = [{"manager": MANAGER, "operation": "Apply"}]
    there = [{"metadata": {"name": "mine", "managedFields": fields}}, {"metadata": {"name": "theirs"}}]
    plane = SimpleNamespace(list=lambda *args, **kwargs: there)
    for module in (access, changes):
        monkeypatch.setattr(module, "client", lambda name: plane)
    removal, left = (
        client_changes.removal("k8s-1", "demo", "db"),
        client_changes.none_left("k8s-1", "demo", "db"),
    )
    assert [item["metadata"]["name"] for item in removal._found()] == ["mine"]
    assert left.look().verdict == "wait"
    del there[0]
    assert left.look().verdict == "pass"


def test_names_of_before_are_marked_with_the_cluster_or_anew(given: Placement) -> None:
    as_it_was = import_module("placements.migrations.0005_clients_as_asked").as_it_was
    for uid in ("uid-etcd-demo", ""):
        Placement.objects.update(cluster_uid=uid)
        ClientAccess.objects.update(mark="", profile_version=None)
        as_it_was(apps, None)
        row = ClientAccess.objects.get()
        assert row.mark == uid if uid else len(row.mark) == 36
        assert row.profile_version == given.profile_version


def test_what_a_run_saw_before_an_address_changed_does_not_take_the_newer_one_back(given: Placement) -> None:
    fact: dict[str, Any] = {
        "name": "etcd-demo-etcd-out-0",
        "namespace": "demo",
        "database": "etcd-demo",
        "uid": "u0",
        "policy": "",
    }
    fact |= {"type": "LoadBalancer", "pod": "etcd-demo-etcd-0", "port": 2379, "node_port": 0}
    later, earlier = timezone.now(), timezone.now() - timedelta(seconds=9)
    for at, host in ((later, "192.0.2.8"), (earlier, "192.0.2.1")):
        keep(
            given.client_access.pk,
            "k8s-1",
            {"services": [fact | {"ingress": [host]}], "nodes": [], "why": {}},
            at,
        )
    assert given.addresses.get(ordinal=0).endpoints == ["192.0.2.8:2379"]


def test_addresses_follow_the_version_that_the_database_was_made_with(
    given: Placement, dana: User, adam: User
) -> None:
    profile = given.profile
    change_profile(profile, config={}, outside="", seen_version=1, by=adam)
    wide = {"addresses": "InternalIP", "own": {}, "nodes": 2, "fixed_ports": False}
    change_profile(profile, config={}, outside="node_port", outside_config=wide, seen_version=2, by=adam)
    browser, page = signed_in(dana), f"/placements/{given.pk}/"
    assert "Take version 3 of the profile instead" in browser.get(page).content.decode()

    def planned(**form: str) -> Any:
        assert browser.post(f"{page}addresses/", form).status_code == 302
        given.runs().update(status="failed")  # it is not made here
        plan = given.plans()[0]
        said = [str(caution) for caution in plan.definition().cautions()]
        return (
            plan.params["outside"],
            str(plan.definition().what()),
            [one for one in said if "Until now" in one],
        )

    kept, newer = planned(), planned(newest="on")
    assert kept[:2] == (
        "metallb",
        "Give clients addresses of demo/etcd-demo, as version 1 of its network profile says",
    )
    assert newer[0] == "node_port" and "as version 3" in newer[1] and kept[2] == []
    assert "Until now version 1 of the network profile counts for clients of etcd-demo" in newer[2][0]
    assert "The plan takes version 3" not in browser.get(page).content.decode()
    Plane.objects.filter(name="k8s-3").update(version="v1.30.4-eks-a737599")
    there = browser.get(page).content.decode()
    assert "k8s-3 runs in" in there and "The plan takes version 3 of the profile, which can be used." in there
    assert '<input type="hidden" name="newest"' in there, "the old version cannot serve these planes any more"
    Plane.objects.update(version="")
    ClientAccess.objects.update(profile_version=profile.versions.get(version=3))
    assert "clients by version 3: NodePort" in browser.get(page).content.decode()
    ClientAddress.objects.all().delete()
    ClientAccess.objects.all().delete()
    Placement.objects.update(profile_version=profile.versions.get(version=2))
    there = browser.get(page).content.decode()
    assert "version 2 of the profile, which gives clients none; the plan takes version 3" in there
    assert "no address from outside yet" in there
    refused = browser.post(f"{page}addresses/")
    assert "version 2 of its network profile, which gives clients no addresses" in refused.content.decode()
    assert planned(newest="on")[0] == "node_port"


def test_the_page_says_what_is_lost_and_what_was_never_made(given: Placement, dana: User) -> None:
    given.addresses.get(ordinal=2).delete()
    world.silence("k8s-1")
    page = signed_in(dana).get(f"/placements/{given.pk}/").content.decode()
    assert (
        "2 of 3 addresses are assigned" in page
        and "k8s-3: the service etcd-demo-etcd-out-2 is not there" in page
    )
    assert page.count("nobody knows whether the address does") == 1
    assert "are those that replicas use among themselves" not in page
    given.addresses.all().delete()
    page = signed_in(dana).get(f"/placements/{given.pk}/").content.decode()
    assert "did not get that far" in page and "are those that replicas use among themselves" in page
    run = world.ran(given, "running", job="give-addresses", params=give_job(given, follow=False).params())
    page = signed_in(dana).get(f"/placements/{given.pk}/").content.decode()
    assert "did not get that far" not in page and f'/runs/{run.pk}/">run {run.pk}</a> waits until' in page
