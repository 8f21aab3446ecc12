"""What a server could not check when the plan was made is dry-run again, right before its phase."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.jobs import services as jobs
from kbconsole.jobs.models import Run, RunStep
from kbconsole.k8s.kinds import NAMESPACE
from placements.models import Placement
from tests.driving import drive, ticks
from tests.journeys import traps
from tests.journeys.fleet import asked, mesh, plan_of, register, trouble, wish
from tests.people import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
TEAM = "team-a"


@pytest.fixture
def waiting(dana: User, adam: User, embedded: EmbeddedFleet) -> Placement:
    """A request for a database in a namespace that is nowhere yet."""
    register(embedded, adam)
    placement = asked(wish(mesh(adam), namespace=TEAM), dana)
    assert plan_of(placement).status == "ready", plan_of(placement).failure
    return placement


def begun(placement: Placement, adam: User) -> Run:
    plan = plan_of(placement)
    jobs.decide(plan.pk, by=adam, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    return plan.runs.exclude(job="make-plan").get()


def with_namespace(placement: Placement, adam: User, embedded: EmbeddedFleet) -> Run:
    """Return a run that has made the namespaces and failed before the Cluster, by a fault that is over."""
    run = begun(placement, adam)
    embedded.fault("k8s-1", "403", methods=["PATCH"], path="/clusterroles/", skip=1)  # after the baseline
    run = drive(run, seconds=40)
    assert traps.statuses(run, "namespace")[embedded.control_plane] == "succeeded", trouble(run)
    assert again(run).status == "skipped"
    embedded.fault("k8s-1", None)
    return run


def again(run: Run) -> RunStep:
    """Return the step that repeats the dry run of the Cluster."""
    return run.steps.get(phase="cluster", content__check__action="plan-dry-run-again")


def said(row: RunStep) -> str:
    return traps.words((row.finding or {}).get("sentence"))


def writes(embedded: EmbeddedFleet) -> list[str]:
    """Return the writes of Clusters by the console that were no dry run."""
    requests = embedded.requests(embedded.control_plane)
    return [path for user, method, path, _code in requests
            if user == "kbconsole" and method != "GET" and "/clusters/" in path and "dryRun" not in path]  # fmt: skip


def only_cluster(skip: int) -> dict[str, Any]:
    """Return which requests a fault meets: applies of the Cluster, after as many."""
    return {"methods": ["PATCH"], "path": "/clusters/", "skip": skip}


@pytest.mark.parametrize("line", ["0.9", "1.0"])
def test_the_plan_shows_the_second_dry_run_and_the_run_makes_it_before_the_cluster(
    line: str, waiting: Placement, adam: User, embedded: EmbeddedFleet
) -> None:
    plan = plan_of(waiting)
    page = signed_in(adam).get(f"/plans/{plan.pk}/").content.decode()
    assert "It will be checked again before this step" in page
    assert "Dry run again, now that the namespace is there" in page
    run = drive(begun(waiting, adam), seconds=60)
    assert run.status == "succeeded", trouble(run)
    look, change = run.steps.filter(phase="cluster")
    assert look.content["change"] is None
    assert "Cluster team-a/etcd-demo" in said(look)
    assert look.ended_at
    assert change.started_at
    assert look.ended_at <= change.started_at


def test_what_the_server_refuses_by_then_stops_the_phase_with_its_answer(
    waiting: Placement, dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    run = begun(waiting, adam)
    embedded.fault(embedded.control_plane, "403", **only_cluster(skip=1))  # the first is the baseline
    run = drive(run, seconds=40)
    assert (run.status, again(run).status) == ("failed", "failed"), trouble(run)
    assert "Nothing was written in this phase" in said(again(run))
    assert "has lost this right" in said(again(run))
    assert writes(embedded) == []
    embedded.fault(embedded.control_plane, None)
    run = traps.again(run, dana)
    assert run.status == "succeeded", trouble(run)


def test_an_object_that_somebody_made_meanwhile_is_named_with_its_owner(
    waiting: Placement, dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    run = with_namespace(waiting, adam, embedded)
    theirs = traps.planned_cluster(waiting)
    theirs["spec"]["componentSpecs"][0]["replicas"] = 1
    traps.foreign_cluster(embedded, theirs)
    run = traps.again(run, dana)
    assert again(run).status == "failed", trouble(run)
    assert "Cluster team-a/etcd-demo is on control-plane meanwhile" in said(again(run))
    assert "by kubectl-create" in said(again(run))
    assert writes(embedded) == []


def test_a_namespace_that_is_gone_again_is_said(
    waiting: Placement, dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    run = with_namespace(waiting, adam, embedded)
    admin = embedded.client(embedded.control_plane)
    admin.delete(NAMESPACE, TEAM)
    traps.wait_for(lambda: admin.get(NAMESPACE, TEAM) is None)
    run = traps.again(run, dana)
    assert "the namespace of Cluster team-a/etcd-demo is gone again on control-plane" in said(again(run))
    assert writes(embedded) == []


def test_a_retry_of_the_change_repeats_its_dry_run(
    waiting: Placement, dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    run = begun(waiting, adam)
    embedded.fault(embedded.control_plane, "403", **only_cluster(skip=2))
    run = drive(run, seconds=40)
    assert (again(run).status, again(run).attempt) == ("succeeded", 1), trouble(run)
    assert run.steps.filter(phase="cluster").last().status == "failed"  # type: ignore[union-attr]
    embedded.fault(embedded.control_plane, None)
    run = traps.again(run, dana)
    assert run.status == "succeeded", trouble(run)
    assert again(run).attempt == 2


def test_a_retry_after_the_answer_was_lost_finds_its_own_object_and_goes_on(
    waiting: Placement, dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    run = begun(waiting, adam)
    embedded.fault(embedded.control_plane, "drop", when="after", users=["kbconsole"], **only_cluster(skip=2))
    run = drive(run, seconds=40)
    assert run.status == "failed"
    assert traps.clusters(embedded) == ["etcd-demo"]
    embedded.fault(embedded.control_plane, None)
    run = traps.again(run, dana)
    assert run.status == "succeeded", trouble(run)


def test_a_database_whose_namespace_the_plan_made_is_retired_under_another_policy(
    dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    register(embedded, adam)
    placement = traps.in_service(adam, dana, namespace="orders")
    plan = traps.retiring(placement, dana)
    assert plan.status == "ready", traps.words(plan.failure)
    assert [step.phase for step in plan.steps() if step.phase == "policy"] == ["policy"]
