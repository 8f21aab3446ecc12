"""Faults that only embedded servers have, and trouble that is nobody's fault: told honestly, nothing half-made."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from kbconsole.common.errors import Stale
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.jobs import services as jobs
from kbconsole.jobs.models import Run
from kbconsole.k8s.kinds import CLUSTER_ROLE, KB_CLUSTER_V1ALPHA1, POD, SERVICE
from placements import services as placements
from placements.models import Placement
from placements.wishes import WishRefused
from tests.driving import drive
from tests.journeys.fleet import approved, asked, mesh, plan_of, register, trouble, wish

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def waiting(dana: User, adam: User, embedded: EmbeddedFleet) -> Placement:
    """A request whose plan waits for approval."""
    register(embedded, adam)
    placement = asked(wish(mesh(adam)), dana)
    assert plan_of(placement).status == "ready", plan_of(placement).failure
    return placement


def mended(run: Run, by: User) -> Run:
    jobs.retry(run.pk, by=by)
    return drive(run, seconds=60)


@pytest.mark.parametrize("fault", ["500", "429", "403", "drop"])
def test_a_faulty_plane_holds_back_only_itself_and_retry_goes_on(
    fault: str, waiting: Placement, dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    embedded.fault("k8s-3", fault)
    run = approved(waiting, adam)
    assert run.status == "failed"
    assert [row[0] for row in trouble(run) if row[2] == "failed"] == ["k8s-3"]
    assert "k8s-3" in next(row[3] for row in trouble(run) if row[2] == "failed")
    assert embedded.client("k8s-1").get(CLUSTER_ROLE, "kubeblocks-cluster-pod-role")
    assert not embedded.client(embedded.control_plane).list(KB_CLUSTER_V1ALPHA1, "default")
    embedded.fault("k8s-3", None)
    run = mended(run, dana)
    assert run.status == "succeeded", trouble(run)


def test_a_name_with_left_overs_is_refused_when_the_plan_is_made(
    dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    register(embedded, adam)
    labels = {"app.kubernetes.io/managed-by": "kubeblocks", "app.kubernetes.io/instance": "etcd-demo"}
    service = {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "etcd-demo-etcd-peer-0", "namespace": "default", "labels": labels},
        "spec": {"ports": [{"port": 2380}]},
    }  # fmt: skip
    embedded.client("k8s-2").create(service)
    placement = asked(wish(mesh(adam)), dana)
    plan = plan_of(placement)
    assert plan.status == "failed"
    assert plan.failure
    assert plan.failure["code"] == "placements.leftovers"
    assert plan.failure["params"]["plane"] == "k8s-2"
    embedded.client("k8s-2").delete(SERVICE, "etcd-demo-etcd-peer-0", "default")
    placements.plan_again(placement.pk, by=dana)
    drive(placement.plans()[0].runs.get())
    assert plan_of(placement).status == "ready"


def test_a_second_request_for_the_same_name_is_refused_with_its_owner(
    waiting: Placement, dana: User, adam: User
) -> None:
    with pytest.raises(WishRefused) as refused:
        placements.request(wish(waiting.profile), by=dana)
    assert "dana already has a database default/etcd-demo" in str(refused.value.fields["name"][0])


def test_a_change_after_approval_voids_it(waiting: Placement, adam: User, embedded: EmbeddedFleet) -> None:
    from_before = plan_of(waiting)
    waiting.profile.version += 1
    waiting.profile.save()
    run = approved(waiting, adam)
    assert run.status == "failed"
    from_before.refresh_from_db()
    assert from_before.status == "stale"
    assert not embedded.client(embedded.control_plane).list(KB_CLUSTER_V1ALPHA1, "default")
    assert not embedded.client("k8s-1").list(POD, "default")


def test_a_request_that_never_got_its_cluster_can_be_taken_back(
    waiting: Placement, dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    embedded.fault("k8s-3", "500")
    approved(waiting, adam)
    assert waiting.status == "attention"
    placements.cancel(waiting.pk, by=dana)
    waiting.refresh_from_db()
    assert waiting.status == "cancelled"


def test_while_the_answer_to_the_cluster_is_lost_only_retry_goes_on(
    waiting: Placement, dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    after_the_dry_run = {"methods": ["PATCH"], "path": "/clusters/", "skip": 1}
    embedded.fault(embedded.control_plane, "drop", when="after", users=["kbconsole"], **after_the_dry_run)
    run = approved(waiting, adam)
    assert (run.status, waiting.cluster_uid) == ("failed", "")
    assert embedded.client(embedded.control_plane).list(KB_CLUSTER_V1ALPHA1, "default")
    for act in (placements.cancel, placements.plan_again):
        with pytest.raises(Stale, match="Choose Retry on the run"):
            act(waiting.pk, by=dana)
    embedded.fault(embedded.control_plane, None)
    run = mended(run, dana)
    waiting.refresh_from_db()
    assert (run.status, waiting.status) == ("succeeded", "in_service"), trouble(run)
