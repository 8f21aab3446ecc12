"""The main job by services and runner, against the embedded fleet: what the planes really hold."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from kbconsole.audit.models import Entry
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.jobs import services as jobs
from kbconsole.k8s.kinds import CLUSTER_ROLE, CONFIG_MAP, POD, PVC, SERVICE, SERVICE_ACCOUNT
from placements import services as placements
from tests.driving import drive
from tests.fleets.protocol import Fleet
from tests.journeys.fleet import PLANES, approved, asked, cloud, mesh, plan_of, register, trouble, wish
from tests.people import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
LABELS = "app.kubernetes.io/instance=etcd-demo"


@pytest.mark.parametrize("line", ["0.9", "1.0"])
def test_an_etcd_over_three_planes_runs_and_is_retired(
    line: str, dana: User, adam: User, fleet: Fleet
) -> None:
    register(fleet, adam)
    placement = asked(wish(mesh(adam)), dana)
    plan = plan_of(placement)
    assert plan.status == "ready", plan.failure
    assert not fleet.client("k8s-1").list(POD, "default")

    run = approved(placement, adam)
    assert run.status == "succeeded", trouble(run)
    assert placement.status == "in_service"
    for number, plane in enumerate(PLANES):
        pods = fleet.client(plane).list(POD, "default", labels=LABELS)
        assert [pod["metadata"]["name"] for pod in pods] == [f"etcd-demo-etcd-{number}"]
        assert fleet.client(plane).get(CLUSTER_ROLE, "kubeblocks-cluster-pod-role")
    assert placement.observed
    seen = {pod["name"]: pod for there in placement.observed.values() for pod in there["pods"]}
    assert sorted(seen) == [f"etcd-demo-etcd-{n}" for n in range(3)]
    assert sorted(pod["role"] for pod in seen.values()) == ["follower", "follower", "leader"]

    retire = placements.retire(placement.pk, typed_name="etcd-demo", policy="Delete", by=dana)
    drive(retire.runs.get())
    run = approved(placement, adam)
    assert run.status == "succeeded", trouble(run)
    assert placement.status == "retired"
    for plane in PLANES:
        shared = () if line == "1.0" else (SERVICE_ACCOUNT,)  # on 1.0 by all databases of a definition
        for kind in (POD, PVC, SERVICE, CONFIG_MAP, *shared):
            assert not fleet.client(plane).list(kind, "default", labels=LABELS), (plane, kind.kind)
    acts = set(Entry.objects.values_list("act", flat=True))
    assert {"placement.requested", "plan.approved", "run.ended", "placement.retire_requested"} <= acts


@pytest.mark.parametrize("line", ["0.9", "1.0"])
def test_with_cloud_load_balancers_every_replica_has_its_address(
    line: str, dana: User, adam: User, fleet: Fleet
) -> None:
    register(fleet, adam)
    placement = asked(wish(cloud(adam)), dana)
    run = approved(placement, adam)
    assert run.status == "succeeded", trouble(run)
    for number, plane in enumerate(PLANES):
        assert placement.observed
        services = placement.observed[plane]["services"]
        middle = "-peer" if line == "0.9" else ""
        balanced = [service for service in services if service["type"] == "LoadBalancer"]
        assert [service["name"] for service in balanced] == [f"etcd-demo-etcd{middle}-{number}"]
        assert balanced[0]["addresses"]


def test_a_dead_plane_stops_the_run_before_its_first_write(
    dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    register(embedded, adam)
    placement = asked(wish(mesh(adam)), dana)
    embedded.fault("k8s-3", "unreachable")
    run = approved(placement, adam)
    assert run.status == "failed"
    assert placement.status == "attention"
    assert run.steps.get(phase="cluster").status == "skipped"
    assert "k8s-3" in str(trouble(run))
    embedded.fault("k8s-3", None)
    jobs.retry(run.pk, by=dana)
    run = drive(run, seconds=60)
    assert run.status == "succeeded", trouble(run)
    placement.refresh_from_db()
    assert placement.status == "in_service"


def test_every_object_links_to_its_entries_in_the_log(
    dana: User, adam: User, vera: User, embedded: EmbeddedFleet
) -> None:
    register(embedded, adam)
    profile = mesh(adam)
    placement = asked(wish(profile), dana)
    run = approved(placement, adam)
    browser = signed_in(vera)
    for page, query in {
        f"/placements/{placement.pk}/": f"object=placement:{placement.pk}",
        f"/plans/{plan_of(placement).pk}/": f"object=placement:{placement.pk}",
        f"/runs/{run.pk}/": f"run={run.pk}",
        "/fleet/k8s-1/": "plane=k8s-1",
        "/networks/": f"object=profile:{profile.pk}",
    }.items():
        assert f"/audit/?{query}" in browser.get(page).content.decode(), page
        assert 'id="entry-' in browser.get(f"/audit/?{query}").content.decode(), query
