"""Retiring a database of which one plane is lost: cleaned where it can be, and never called retired too early."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from kbconsole.common.errors import ConsoleError
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet.models import Plane
from kbconsole.jobs import services as jobs
from kbconsole.jobs.models import Plan
from kbconsole.jobs.plan_page import page_of
from kbconsole.k8s.kinds import CONFIG_MAP, NAMESPACE, POD, PVC, SERVICE
from networking import services as networking
from placements.jobs import retire
from placements.models import Placement
from tests.driving import drive, ticks
from tests.journeys import traps
from tests.journeys.fleet import PLANES, register, trouble
from tests.operator.rows import BOTH
from tests.people import signed_in
from tests.placements.dns_server import DnsServer

pytestmark = pytest.mark.django_db(transaction=True)
Impatient = Callable[..., None]
OWN = (POD, PVC, SERVICE, CONFIG_MAP)
LOST = "k8s-3"
OTHERS = ("k8s-1", "k8s-2")
POOL = {"pool": "kb-clients", "address_type": "private", "load_balancer_class": ""}
SERVED = {"outside": "metallb", "outside_config": POOL}


@pytest.fixture
def lost(
    request: pytest.FixtureRequest, dana: User, adam: User, embedded: EmbeddedFleet, settings: Settings
) -> Placement:
    """A running database, one plane of which is lost since; the operator was told so."""
    settings.KBCONSOLE_PLANE_SECONDS = 3
    register(embedded, adam)
    profile = networking.create_profile(
        name="served", kind="cilium_mesh", config={}, by=adam, **getattr(request, "param", {})
    )
    placement = traps.in_service(adam, dana, network=profile)
    embedded.fault(LOST, "unreachable")
    traps.set_contexts(embedded, ",".join(PLANES), disabled=LOST)
    return placement


def planned(placement: Placement, by: User) -> Plan:
    plan = traps.retiring(placement, by)
    assert plan.status == "ready", traps.words(plan.failure)
    return plan


def give_up_after(seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retire, "RETURN_SECONDS", seconds)


def test_the_plan_says_that_the_plane_is_unknown_and_the_approver_accepts_it(
    lost: Placement, dana: User, adam: User
) -> None:
    plan = planned(lost, dana)
    page = page_of(plan)
    assert [plane.lane for plane in page.unheard] == [LOST]
    assert page.summary.endswith("Of k8s-3 nothing is known.")
    heard = Plane.objects.get(name=LOST).last_answer_at
    assert heard
    (about,) = [
        str(one.sentence) for one in page.warnings if "nobody knows what is there" in str(one.sentence)
    ]
    assert f"k8s-3 gives no answer (the last one: {heard:%Y-%m-%d %H:%M} UTC)" in about
    shown = signed_in(adam).get(f"/plans/{plan.pk}/").content.decode()
    assert "k8s-3 gave no answer when the plan was made" in shown
    assert "Not known what this touches." in shown
    assert "k8s-3 unknown" in signed_in(adam).get("/approvals/").content.decode()
    others = [
        key for key in ticks(plan) if key not in {w.key for w in page.warnings if str(w.sentence) == about}
    ]
    with pytest.raises(ConsoleError, match="tick each warning"):
        jobs.decide(plan.pk, by=adam, approve=True, seen_hash=plan.hash, accepted=others)


@BOTH
@pytest.mark.parametrize("lost", [SERVED], indirect=True, ids=["served"])
def test_the_planes_that_answer_are_cleaned_and_the_lost_one_when_it_is_back(
    dns: DnsServer, lost: Placement, dana: User, adam: User, embedded: EmbeddedFleet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """With addresses for clients and a name in DNS: the name goes at once, the lost plane's service is named."""
    give_up_after(1, monkeypatch)
    assert dns.texts("etcd-demo.default", "A")
    service = f"etcd-demo-etcd-out-2 ({lost.addresses.get(plane=LOST).endpoints[0]})"
    plan = planned(lost, dana)
    assert any(f"until k8s-3 is cleaned: {service}" in str(one.sentence) for one in page_of(plan).warnings)
    run = drive(traps.started(plan, adam), seconds=60)
    lost.refresh_from_db()
    assert (run.status, lost.status) == ("failed", "attention"), trouble(run)
    assert f"services for clients among it ({service})" in traps.failures(run)[LOST, "clean"]
    assert traps.left(embedded, OTHERS, OWN) == []
    assert traps.cluster(embedded) is None
    assert not any(dns.rrsets.values()), "no name leads to what is being taken away"
    here = f"/placements/{lost.pk}/"
    assert signed_in(dana).get(f"{here}connection.env").status_code == 404
    assert signed_in(dana).get(f"/api/v1{here}connection/").json()["endpoints"] == []
    page = signed_in(dana).get(here).content.decode()
    assert "no address leads to a database any more" in page and "etcdctl" not in page

    still = traps.again(run, dana)
    lost.refresh_from_db()
    assert (still.status, lost.status) == ("failed", "attention"), (
        "a Retry proves nothing of a plane that is away"
    )

    embedded.fault(LOST, None)
    held = traps.left(embedded, [LOST], OWN)
    assert "k8s-3 Pod etcd-demo-etcd-2" in held
    assert "k8s-3 PersistentVolumeClaim data-etcd-demo-etcd-2" in held
    assert "k8s-3 Service etcd-demo-etcd-out-2" in held
    run = traps.again(run, dana)
    lost.refresh_from_db()
    assert (run.status, lost.status) == ("succeeded", "retired"), trouble(run)
    assert traps.left(embedded, PLANES, OWN) == []
    listed = traps.words((run.steps.filter(lane=LOST, phase="clean")[0].finding or {}).get("sentence"))
    assert "Left there, to be removed now: Pod/etcd-demo-etcd-2" in listed
    assert "Service/etcd-demo-etcd-out-2" in listed


def test_a_plane_that_is_back_before_the_run_is_cleaned_with_the_others(
    lost: Placement, dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    plan = planned(lost, dana)
    embedded.fault(LOST, None)
    run = drive(traps.started(plan, adam), seconds=60)
    lost.refresh_from_db()
    assert (run.status, lost.status) == ("succeeded", "retired"), trouble(run)
    assert traps.left(embedded, PLANES, OWN) == []


def test_a_plane_that_comes_back_while_the_run_waits_needs_nobody(
    lost: Placement, dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    run = traps.started(planned(lost, dana), adam)
    traps.until(run, "proof")
    assert run.steps.filter(lane=LOST, status="succeeded").count() == 0
    embedded.fault(LOST, None)
    run = drive(run, seconds=60)
    lost.refresh_from_db()
    assert (run.status, lost.status) == ("succeeded", "retired"), trouble(run)
    assert traps.left(embedded, PLANES, OWN) == []


def test_while_the_operator_has_the_plane_enabled_the_run_says_what_holds_the_cluster(
    lost: Placement, dana: User, adam: User, embedded: EmbeddedFleet, impatient: Impatient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    traps.set_contexts(embedded, ",".join(PLANES))
    impatient("gone", seconds=1)
    give_up_after(1, monkeypatch)
    plan = planned(lost, dana)
    assert any("lets no Cluster go" in str(one.sentence) for one in page_of(plan).warnings)
    run = drive(traps.started(plan, adam), seconds=60)
    assert run.status == "failed"
    assert traps.fixes(run, "gone")[0].startswith(
        "The operator does not let it go while k8s-3 gives no answer"
    )
    assert "k8s-1 Pod etcd-demo-etcd-0" in traps.left(embedded, OTHERS, OWN), (
        "nothing goes before the Cluster"
    )
    traps.set_contexts(embedded, ",".join(PLANES), disabled=LOST)
    run = traps.again(run, dana)
    assert traps.left(embedded, OTHERS, OWN) == [], trouble(run)


def test_another_plane_behind_the_address_of_the_lost_one_is_not_cleaned(
    lost: Placement, dana: User, adam: User, embedded: EmbeddedFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_up_after(1, monkeypatch)
    plan = planned(lost, dana)
    embedded.fault(LOST, None)
    run = traps.started(plan, adam)
    system = embedded.client(LOST).get(NAMESPACE, "kube-system") or {}
    row = run.steps.filter(lane=LOST, phase="clean")[0]
    assert row.content["check"]["uid"] == system["metadata"]["uid"]
    row.content["check"]["uid"] = "another"
    row.save()
    run = drive(run, seconds=60)
    assert "another Kubernetes cluster" in traps.failures(run)[LOST, "clean"]
    assert "k8s-3 Pod etcd-demo-etcd-2" in traps.left(embedded, [LOST], OWN)
