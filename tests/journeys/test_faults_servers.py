"""Faults of servers, on embedded and real ones alike: while planning, before the run, and in its middle."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from kbconsole.demo.resources import RBAC
from kbconsole.fleet import access, identity
from kbconsole.fleet.models import Plane
from kbconsole.fleet.tasks import check_planes
from kbconsole.k8s.kinds import CLUSTER_ROLE, NAMESPACE, POD
from tests.driving import drive
from tests.fleets.protocol import Fleet
from tests.journeys import faulty, traps
from tests.journeys.fleet import approved, asked, mesh, plan_of, register, trouble, wish

pytestmark = pytest.mark.django_db(transaction=True)
BAD = "k8s-3"
OTHERS = ("k8s-1", "k8s-2")
UNREACHABLE, UNAUTHORISED = "k8s.unreachable", "k8s.unauthorised"


def nothing_begun(fleet: Fleet) -> None:
    assert traps.clusters(fleet) == []
    assert faulty.left(fleet) == []


def test_a_plane_that_is_stopped(dana: User, adam: User, fleet: Fleet) -> None:
    register(fleet, adam)
    faulty.refuse(fleet, BAD)
    placement = asked(wish(mesh(adam)), dana)
    making = plan_of(placement).runs.get()
    assert faulty.codes(making) == {(BAD, "dry-run"): UNREACHABLE}
    faulty.finished(making, "console", fleet.control_plane, *OTHERS)
    said = traps.words(plan_of(placement).failure)
    assert said.startswith(f"k8s-3 cannot be reached at {fleet.credential(BAD).server}: nothing accepts the")
    assert "Check that the API server runs" in said
    faulty.answer(fleet, BAD)
    assert faulty.planned_again(placement, dana).status == "ready"

    faulty.refuse(fleet, BAD)
    run = approved(placement, adam)
    assert faulty.codes(run) == {(BAD, "baseline"): UNREACHABLE}
    assert (run.status, placement.status) == ("failed", "attention")
    faulty.finished(run, "console", fleet.control_plane, *OTHERS)
    assert all(fleet.client(plane).get(CLUSTER_ROLE, traps.ROLE) for plane in OTHERS)
    faulty.answer(fleet, BAD)
    assert fleet.client(BAD).get(CLUSTER_ROLE, traps.ROLE) is None
    nothing_begun(fleet)

    run = faulty.made_everywhere(fleet, run, by=dana)
    faulty.refuse(fleet, BAD)
    run = drive(run, seconds=120)
    assert faulty.codes(run) == {(BAD, "services"): UNREACHABLE}
    assert traps.statuses(run, "roles") == {"k8s-1": "succeeded", "k8s-2": "succeeded", BAD: "skipped"}
    placement.refresh_from_db()
    assert (placement.status, bool(placement.cluster_uid)) == ("attention", True)
    faulty.is_honest(run, fleet)
    faulty.answer(fleet, BAD)
    run = traps.again(run, dana)
    assert run.status == "succeeded", trouble(run)
    faulty.runs_on_every_plane(fleet, placement)

    run = traps.started(traps.retiring(placement, dana), adam)
    faulty.refuse(fleet, BAD)
    run = drive(run, seconds=120)
    assert faulty.codes(run) == {(BAD, "baseline"): UNREACHABLE}
    assert traps.clusters(fleet) == ["etcd-demo"]
    assert len(faulty.left(fleet, *OTHERS)) > 4, "nothing goes before every plane has answered"
    faulty.answer(fleet, BAD)
    run = traps.again(run, dana)
    placement.refresh_from_db()
    assert (run.status, placement.status) == ("succeeded", "retired"), trouble(run)
    nothing_begun(fleet)


def test_a_plane_that_hangs(dana: User, adam: User, fleet: Fleet, settings: Settings) -> None:
    register(fleet, adam)
    placement = traps.waiting(adam, dana)
    settings.KBCONSOLE_PLANE_SECONDS = 1
    access.forget_clients()
    with faulty.hanging(fleet, BAD):
        run = approved(placement, adam)
    assert faulty.codes(run) == {(BAD, "baseline"): UNREACHABLE}
    assert "no answer came in time" in traps.failures(run)[BAD, "baseline"]
    slow = run.steps.get(lane=BAD, phase="baseline")
    others = run.steps.filter(lane__in=OTHERS, status="succeeded")
    assert {row.phase for row in others} == {"baseline", "preflight", "namespace", "apply", "prove"}
    assert slow.ended_at
    assert all(row.ended_at and row.ended_at < slow.ended_at for row in others.filter(phase="apply"))
    nothing_begun(fleet)

    settings.KBCONSOLE_PLANE_SECONDS = 10
    access.forget_clients()
    run = faulty.made_everywhere(fleet, run, by=dana)
    settings.KBCONSOLE_PLANE_SECONDS = 1
    access.forget_clients()
    with faulty.hanging(fleet, BAD):
        run = drive(run, seconds=120)
    assert {lane for lane, _phase in faulty.codes(run)} == {BAD}
    assert set(faulty.codes(run).values()) == {UNREACHABLE}
    assert [traps.statuses(run, "roles")[plane] for plane in OTHERS] == ["succeeded", "succeeded"]
    faulty.is_honest(run, fleet)
    settings.KBCONSOLE_PLANE_SECONDS = 10
    access.forget_clients()
    run = traps.again(run, dana)
    assert run.status == "succeeded", trouble(run)
    faulty.runs_on_every_plane(fleet, placement)


def test_a_token_that_the_plane_takes_back(dana: User, adam: User, fleet: Fleet) -> None:
    register(fleet, adam)
    first = faulty.account(fleet, BAD)
    assert faulty.renewed(BAD, first, adam).status == "succeeded"
    placement = traps.waiting(adam, dana)
    faulty.take_token(fleet, BAD, first)
    run = approved(placement, adam)
    assert faulty.codes(run) == {(BAD, "baseline"): UNAUTHORISED}
    said = traps.failures(run)[BAD, "baseline"]
    assert said.startswith("k8s-3 does not accept the stored credential (401).")
    assert "upload a new kubeconfig" in said
    faulty.finished(run, "console", fleet.control_plane, *OTHERS)
    nothing_begun(fleet)
    refused = faulty.renewed(BAD, first, adam)
    assert traps.failures(refused)[BAD, "reachable"].startswith("k8s-3 does not accept")

    second = faulty.account(fleet, BAD)
    assert faulty.renewed(BAD, second, adam).status == "succeeded"
    run = faulty.made_everywhere(fleet, run, by=dana)
    run = drive(run, seconds=120)
    assert run.status == "succeeded", trouble(run)
    faulty.is_honest(run, fleet, first, second)
    faulty.runs_on_every_plane(fleet, placement)


def test_a_right_that_is_taken_away(dana: User, adam: User, fleet: Fleet) -> None:
    register(fleet, adam)
    rules = faulty.rules_of(fleet, BAD)
    faulty.take_right(fleet, BAD, "clusterroles", "patch", group=RBAC, name=traps.ROLE)
    placement = asked(wish(mesh(adam)), dana)
    making = plan_of(placement).runs.get()
    assert faulty.codes(making) == {(BAD, "dry-run"): "k8s.forbidden"}
    faulty.finished(making, "console", fleet.control_plane, *OTHERS)
    assert f"may not do this on k8s-3, ClusterRole {traps.ROLE}: " in traps.words(plan_of(placement).failure)
    assert (
        "grant: patch on clusterroles.rbac.authorization.k8s.io named kubeblocks-cluster-pod-role."
        in traps.words(plan_of(placement).failure)
    )
    faulty.give_back(fleet, BAD, rules)
    assert faulty.planned_again(placement, dana).status == "ready"

    faulty.take_right(fleet, BAD, "clusterroles", "escalate", group=RBAC, name=traps.ROLE)
    run = approved(placement, adam)
    assert faulty.codes(run) == {(BAD, "baseline"): "k8s.forbidden"}
    assert "Ask an administrator of the plane to grant: " in traps.failures(run)[BAD, "baseline"]
    faulty.finished(run, "console", fleet.control_plane, *OTHERS)
    nothing_begun(fleet)
    faulty.give_back(fleet, BAD, rules)

    run = faulty.made_everywhere(fleet, run, by=dana)
    faulty.take_right(fleet, BAD, "pods", "list")
    run = drive(run, seconds=120)
    assert faulty.codes(run) == {(BAD, "pods"): "k8s.forbidden"}
    assert "grant: list on pods." in traps.failures(run)[BAD, "pods"]
    assert traps.statuses(run, "roles") == {"k8s-1": "succeeded", "k8s-2": "succeeded", BAD: "skipped"}
    faulty.is_honest(run, fleet)
    faulty.give_back(fleet, BAD, rules)
    run = traps.again(run, dana)
    assert run.status == "succeeded", trouble(run)
    faulty.runs_on_every_plane(fleet, placement)


def test_another_cluster_behind_the_same_address_is_refused(
    dana: User, adam: User, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "SURE_SECONDS", 0.0)
    register(fleet, adam)
    with faulty.another(fleet, BAD):
        placement = asked(wish(mesh(adam)), dana)
        making = plan_of(placement).runs.get()
        assert {lane for lane, _phase in faulty.codes(making)} == {BAD}
        assert "another Kubernetes cluster than the one" in traps.words(plan_of(placement).failure)
        faulty.finished(making, "console", fleet.control_plane, *OTHERS)
    assert faulty.planned_again(placement, dana).status == "ready"

    with faulty.another(fleet, BAD):
        run = approved(placement, adam)
        assert faulty.codes(run) == {(BAD, "baseline"): "fleet.other_plane"}
        assert fleet.client(BAD).get(CLUSTER_ROLE, traps.ROLE) is None
        faulty.finished(run, "console", fleet.control_plane, *OTHERS)
        nothing_begun(fleet)
        refused = faulty.renewed(BAD, fleet.credential(BAD), adam)
        assert "This is not k8s-3 but another plane" in traps.failures(refused)[BAD, "identity"]

    run = faulty.made_everywhere(fleet, run, by=dana)
    with faulty.another(fleet, BAD):
        run = drive(run, seconds=120)
        assert faulty.codes(run) == {(BAD, "services"): "fleet.other_plane"}
        run = traps.again(run, dana)
        assert {lane for lane, _phase in faulty.codes(run)} == {BAD}
        assert set(faulty.codes(run).values()) == {"fleet.other_plane"}, "a Retry does not write there either"
        assert fleet.client(BAD).get(CLUSTER_ROLE, traps.ROLE)
        check_planes()
        assert "another Kubernetes cluster" in traps.words(Plane.objects.get(name=BAD).last_error)
        faulty.is_honest(run, fleet)
    run = traps.again(run, dana)
    assert run.status == "succeeded", trouble(run)
    faulty.runs_on_every_plane(fleet, placement)

    plan = traps.retiring(placement, dana)
    run = traps.until(traps.started(plan, adam), "preflight")
    with faulty.another(fleet, BAD):
        run = drive(run, seconds=120)
        placement.refresh_from_db()
        assert (run.status, placement.status) == ("failed", "attention"), "nothing is proven by a stranger"
        assert BAD in {lane for lane, _phase in faulty.codes(run)}
        run = traps.again(run, dana)
        placement.refresh_from_db()
        assert (run.status, placement.status) == ("failed", "attention"), "nor by a Retry"
    run = traps.again(run, dana)
    placement.refresh_from_db()
    assert (run.status, placement.status) == ("succeeded", "retired"), trouble(run)
    nothing_begun(fleet)


def test_the_definition_of_clusters_is_removed(dana: User, adam: User, fleet: Fleet) -> None:
    register(fleet, adam)
    placement = traps.waiting(adam, dana)
    with faulty.without_clusters(fleet):
        run = approved(placement, adam)
        assert faulty.codes(run) == {("console", "confirm"): "k8s.kind_missing"}
        said = traps.failures(run)["console", "confirm"]
        assert said.startswith(
            "control-plane does not serve Cluster default/etcd-demo. Install the component"
        )
        assert {row.status for row in run.steps.exclude(phase="confirm")} == {"skipped"}
        assert faulty.left(fleet) == []
        faulty.is_honest(run, fleet)
    run = traps.again(run, dana)
    assert run.status == "succeeded", trouble(run)
    faulty.runs_on_every_plane(fleet, placement)


TEAM = "team-x"


def test_a_namespace_that_is_being_deleted_before_the_run(dana: User, adam: User, fleet: Fleet) -> None:
    faulty.needs_manager(fleet)
    register(fleet, adam)
    faulty.stuck_namespace(fleet, BAD, TEAM)
    placement = asked(wish(mesh(adam), namespace=TEAM), dana)
    assert plan_of(placement).status == "failed"
    told = "The namespace team-x on k8s-3 is being deleted. "
    assert traps.words(plan_of(placement).failure).startswith(told)
    faulty.finished(plan_of(placement).runs.get(), "console", fleet.control_plane, *OTHERS)
    faulty.release_namespace(fleet, BAD, TEAM)
    assert faulty.planned_again(placement, dana).status == "ready"

    faulty.stuck_namespace(fleet, BAD, TEAM)
    run = approved(placement, adam)
    assert traps.failures(run)[BAD, "baseline"].startswith(told)
    assert [lane for lane, _phase in faulty.codes(run)] == [BAD]
    faulty.finished(run, "console", fleet.control_plane, *OTHERS)
    assert traps.clusters(fleet) == []
    faulty.release_namespace(fleet, BAD, TEAM)

    run = traps.again(run, dana)
    assert run.status == "succeeded", trouble(run)
    assert fleet.client(BAD).get(NAMESPACE, TEAM), "the Retry made it"
    faulty.runs_on_every_plane(fleet, placement, TEAM)


def test_a_namespace_that_is_deleted_under_a_running_database(dana: User, adam: User, fleet: Fleet) -> None:
    faulty.needs_manager(fleet)
    register(fleet, adam)
    placement = traps.waiting(adam, dana, namespace=TEAM)
    run = faulty.made_everywhere(fleet, traps.started(plan_of(placement), adam))
    faulty.stuck_namespace(fleet, BAD, TEAM)
    traps.wait_for(lambda: not fleet.client(BAD).list(POD, TEAM), seconds=60)
    faulty.waits(run, BAD, "placements.namespace_going")
    assert [traps.statuses(run, "roles")[plane] for plane in OTHERS] == ["succeeded", "succeeded"]
    faulty.is_honest(run, fleet)
