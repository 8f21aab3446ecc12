"""Traps of retiring: the operator leaves much behind, and what is removed must be ours."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.jobs import services as jobs
from kbconsole.k8s.kinds import CONFIG_MAP, POD, PVC, ROLE_BINDING, SERVICE, SERVICE_ACCOUNT
from placements import services as placements
from placements.models import Placement
from placements.rendering import PLACEMENT
from tests.driving import drive, ticks
from tests.fleets.protocol import Fleet
from tests.journeys import traps
from tests.journeys.fleet import PLANES, approved, asked, cloud, plan_of, register, trouble, wish
from tests.operator.rows import BOTH, shows

pytestmark = pytest.mark.django_db(transaction=True)
Impatient = Callable[..., None]
OWN = (POD, PVC, SERVICE, CONFIG_MAP)
ACCOUNT = (SERVICE_ACCOUNT, ROLE_BINDING)


def balanced(adam: User, dana: User) -> Placement:
    """Return a running database whose replicas have load balancers."""
    placement = asked(wish(cloud(adam)), dana)
    run = approved(placement, adam)
    assert run.status == "succeeded", trouble(run)
    return placement


def deleted_behind_its_back(fleet: Fleet) -> dict[str, object]:
    """Delete the Cluster with kubectl, and wait for the operator. Returns what it was."""
    client, kind = fleet.client(fleet.control_plane), traps.cluster_kind(fleet)
    before = client.patch(kind, "etcd-demo", "default", {"spec": {"terminationPolicy": "Delete"}})
    client.delete(kind, "etcd-demo", "default")
    traps.wait_for(lambda: traps.cluster(fleet) is None)
    return before


@BOTH
@shows("h deleted", "happy names")
def test_after_retiring_every_plane_is_clean_of_what_the_operator_leaves(
    dana: User, adam: User, fleet: Fleet
) -> None:
    register(fleet, adam)
    placement = balanced(adam, dana)
    assert len(traps.left(fleet, PLANES, [SERVICE])) >= 6
    plan = traps.retiring(placement, dana)
    assert plan.status == "ready", traps.words(plan.failure)
    phases = list(dict.fromkeys(step.phase for step in plan.steps()))
    served = ["unserve", "none_left"]  # also of a database whose rows tell of no client service
    assert phases == ["preflight", "policy", "delete", "gone", "clean", "proof", *served]
    run = drive(traps.started(plan, adam), seconds=60)
    placement.refresh_from_db()
    assert (run.status, placement.status) == ("succeeded", "retired"), trouble(run)
    assert traps.left(fleet, PLANES, OWN) == []
    shared = ["ServiceAccount kb-etcd-3-1.0.2", "RoleBinding kb-etcd-3-1.0.2-pod"]
    kept = [f"{plane} {one}" for plane in PLANES for one in (shared if fleet.line == "1.0" else [])]
    assert sorted(traps.left(fleet, PLANES, ACCOUNT)) == sorted(kept)
    once_more = asked(wish(placement.profile), dana)
    assert plan_of(once_more).status == "ready", plan_of(once_more).failure


@pytest.mark.parametrize("line", ["1.0"])
@shows("happy names")
def test_an_account_that_databases_share_stays_and_the_other_one_goes_on(
    dana: User, adam: User, ada: User, fleet: Fleet
) -> None:
    register(fleet, adam)
    first = traps.in_service(adam, dana)
    other = asked(wish(first.profile, "etcd-other"), dana)
    assert approved(other, adam).status == "succeeded"
    plan = traps.retiring(first, dana, "WipeOut")
    assert plan.approvals_needed == 2
    jobs.decide(plan.pk, by=adam, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    assert not plan.runs.exclude(job="make-plan").exists()
    run = drive(traps.started(plan, ada), seconds=60)
    assert run.status == "succeeded", trouble(run)
    kept = traps.left(fleet, PLANES, [*OWN, *ACCOUNT])
    assert not [name for name in kept if "etcd-demo" in name]
    for plane in PLANES:
        assert f"{plane} ServiceAccount kb-etcd-3-1.0.2" in kept
        assert f"{plane} RoleBinding kb-etcd-3-1.0.2-pod" in kept
    assert traps.checked(other, dana).status == "succeeded"
    once_more = asked(wish(first.profile), dana)
    assert plan_of(once_more).status == "ready", plan_of(once_more).failure


def test_left_overs_on_a_plane_that_was_away_are_cleaned_by_retry(
    dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    register(embedded, adam)
    placement = traps.in_service(adam, dana)
    run = traps.until(traps.started(traps.retiring(placement, dana), adam), "policy")
    embedded.fault("k8s-3", "500")
    run = drive(run, seconds=60)
    assert {lane for lane, _phase in traps.failures(run)} == {"k8s-3"}
    assert traps.left(embedded, PLANES[:2], [*OWN, *ACCOUNT]) == []
    assert "k8s-3 ServiceAccount kb-etcd-demo" in traps.left(embedded, PLANES, ACCOUNT)
    placement.refresh_from_db()
    assert (run.status, placement.status) == ("failed", "attention")
    embedded.fault("k8s-3", None)
    run = traps.again(run, dana)
    placement.refresh_from_db()
    assert (run.status, placement.status) == ("succeeded", "retired"), trouble(run)
    assert traps.left(embedded, PLANES, [*OWN, *ACCOUNT]) == []


def test_a_retry_does_not_clean_under_a_cluster_that_somebody_made_meanwhile(
    dana: User, adam: User, embedded: EmbeddedFleet, impatient: Impatient
) -> None:
    impatient("proof")
    register(embedded, adam)
    placement = traps.in_service(adam, dana)
    theirs = traps.cluster(embedded) or {}
    theirs["metadata"]["annotations"][PLACEMENT] = "k8s-3"
    run = traps.until(traps.started(traps.retiring(placement, dana), adam), "policy")
    embedded.fault("k8s-3", "500")
    run = drive(run, seconds=60)
    embedded.fault("k8s-3", None)
    traps.foreign_cluster(embedded, theirs)
    traps.wait_for(lambda: "etcd-demo-etcd-0" in traps.names(embedded, "k8s-3", POD))
    run = traps.again(run, dana)
    assert "still there: Cluster etcd-demo" in traps.failures(run)["k8s-3", "clean"]
    assert "k8s-3 ConfigMap etcd-demo-etcd-env" in traps.left(embedded, PLANES, OWN)
    assert "data-etcd-demo-etcd-0" in traps.names(embedded, "k8s-3", PVC)


@shows("f deleted")
def test_pods_and_volumes_of_a_plane_that_the_operator_has_disabled_go_too(
    dana: User, adam: User, fleet: Fleet
) -> None:
    register(fleet, adam)
    placement = traps.in_service(adam, dana)
    traps.set_contexts(fleet, ",".join(PLANES), disabled="k8s-2")
    run = drive(traps.started(traps.retiring(placement, dana), adam), seconds=60)
    assert run.status == "succeeded", trouble(run)
    removed = [item for row in run.steps.filter(phase="clean", lane="k8s-2") for item in row.outcome or []]
    assert {"Pod", "PersistentVolumeClaim"} <= {item["ref"]["kind"] for item in removed}
    assert traps.left(fleet, PLANES, [*OWN, *ACCOUNT]) == []


@shows("h again")
def test_left_overs_of_any_kind_refuse_the_name(dana: User, adam: User, fleet: Fleet) -> None:
    register(fleet, adam)
    first = traps.in_service(adam, dana)
    deleted_behind_its_back(fleet)
    for plane in PLANES:
        for kind in (SERVICE, CONFIG_MAP):
            for name in traps.names(fleet, plane, kind):
                fleet.client(plane).patch(kind, name, "default", {"metadata": {"finalizers": None}})
                fleet.client(plane).delete(kind, name, "default")
    Placement.objects.filter(pk=first.pk).update(status="retired")
    plan = plan_of(asked(wish(first.profile), dana))
    assert plan.status == "failed"
    said = traps.words(plan.failure)
    assert "still holds RoleBinding/kb-etcd-demo, ServiceAccount/kb-etcd-demo of an earlier database" in said


def test_a_database_whose_cluster_is_gone_already_is_cleaned_all_the_same(
    dana: User, adam: User, fleet: Fleet
) -> None:
    register(fleet, adam)
    placement = traps.in_service(adam, dana)
    deleted_behind_its_back(fleet)
    assert traps.checked(placement, dana).status == "failed"
    plan = traps.retiring(placement, dana)
    assert "policy" not in [step.phase for step in plan.steps()]
    run = drive(traps.started(plan, adam), seconds=60)
    placement.refresh_from_db()
    assert (run.status, placement.status) == ("succeeded", "retired"), trouble(run)
    assert traps.left(fleet, PLANES, [*OWN, *ACCOUNT]) == []


def test_a_cluster_that_replaced_ours_is_not_deleted(dana: User, adam: User, fleet: Fleet) -> None:
    register(fleet, adam)
    placement = traps.in_service(adam, dana)
    plan = traps.retiring(placement, dana)
    uid = traps.foreign_cluster(fleet, deleted_behind_its_back(fleet))
    run = drive(traps.started(plan, adam), seconds=60)
    assert "it is not the one that this placement made" in traps.failures(run)["console", "confirm"]
    later = traps.retiring(placement, dana)
    assert "Nothing of it is touched." in traps.words(later.failure)
    there = traps.cluster(fleet) or {}
    assert there["metadata"]["uid"] == uid
    assert "deletionTimestamp" not in there["metadata"]
    traps.wait_for(lambda: traps.names(fleet, "k8s-3", POD) == ["etcd-demo-etcd-2"])


def test_a_retirement_that_stopped_is_planned_again_as_a_retirement(
    dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    register(embedded, adam)
    placement = balanced(adam, dana)
    plan = traps.retiring(placement, dana)
    embedded.fault("k8s-3", "500")
    drive(traps.started(plan, adam), seconds=60)
    placement.refresh_from_db()
    assert placement.status == "attention"
    embedded.fault("k8s-3", None)
    again = placements.plan_again(placement.pk, by=dana)
    assert again.job == "retire-database"
