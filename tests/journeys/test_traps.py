"""Traps before anything is written: contexts, namespaces, KubeBlocks CRDs, names of others. Nothing half-made."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet import services as fleets
from kbconsole.jobs.models import Plan, Run
from kbconsole.k8s.kinds import CLUSTER_ROLE, NAMESPACE, POD
from placements import services as placements
from placements.wishes import WishRefused
from tests.driving import drive
from tests.fleets.protocol import Fleet
from tests.journeys import traps
from tests.journeys.fleet import PLANES, approved, asked, mesh, plan_of, register, trouble, wish
from tests.operator.rows import ALIKE, shows

pytestmark = pytest.mark.django_db(transaction=True)


def refused(plan: Plan) -> str:
    assert plan.status == "failed"
    return traps.words(plan.failure)


# a2: rights


@shows("a2")
def test_the_preflight_tells_of_a_missing_right_to_bind(adam: User, fleet: Fleet) -> None:
    admin = fleet.client("k8s-3")
    rules = (admin.get(CLUSTER_ROLE, "kbconsole") or {})["rules"]
    fewer = [{**rule, "verbs": [verb for verb in rule["verbs"] if verb != "bind"]} for rule in rules]
    admin.patch(CLUSTER_ROLE, "kbconsole", "", {"rules": fewer})
    contexts = [fleet.control_plane, "k8s-3"]
    draft = fleets.upload_draft(data=fleet.kubeconfig(contexts=contexts).encode(), by=adam)
    control = fleet.control_plane
    run = drive(
        fleets.choose(draft=draft, contexts=contexts, control_plane=control, also_plane=False, by=adam)
    )
    warned = [row for row in run.steps.filter(lane="k8s-3") if (row.finding or {})["verdict"] == "warn"]
    said = [traps.words((row.finding or {})["sentence"]) for row in warned]
    assert any("bind" in sentence and traps.ROLE in sentence for sentence in said), said


# b: namespaces


@ALIKE
@shows("b")
def test_a_missing_namespace_is_made_before_the_cluster(dana: User, adam: User, fleet: Fleet) -> None:
    register(fleet, adam)
    placement = traps.waiting(adam, dana, namespace="orders")
    fleet.client("k8s-2").create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "orders"}})
    run = approved(placement, adam)
    assert run.status == "failed"  # somebody made it meanwhile: that is not what was approved
    assert "k8s-2 changed since the plan was made" in traps.failures(run)["k8s-2", "baseline"]
    placements.plan_again(placement.pk, by=dana)
    drive(plan_of(placement).runs.get())
    run = approved(placement, adam)
    assert run.status == "succeeded", trouble(run)
    made = max(row.ended_at for row in run.steps.filter(phase="namespace") if row.ended_at)
    begun = run.steps.get(phase="cluster").started_at
    assert begun
    assert made < begun
    for number, plane in enumerate(PLANES):
        assert traps.names(fleet, plane, POD, "orders") == [f"etcd-demo-etcd-{number}"]


def test_a_namespace_deleted_after_the_plan_is_not_what_was_approved(
    dana: User, adam: User, fleet: Fleet
) -> None:
    register(fleet, adam)
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "orders"}}
    for plane in (fleet.control_plane, *PLANES):
        fleet.client(plane).create(space)
    placement = traps.waiting(adam, dana, namespace="orders")
    fleet.client("k8s-3").delete(NAMESPACE, "orders")
    traps.wait_for(lambda: "orders" not in traps.names(fleet, "k8s-3", NAMESPACE, ""), seconds=60)
    run = approved(placement, adam)
    assert list(traps.failures(run)) == [("k8s-3", "baseline")]
    assert "Nothing was written there. Make the plan again." in traps.failures(run)["k8s-3", "baseline"]
    assert traps.clusters(fleet) == []
    assert "orders" not in traps.names(fleet, "k8s-3", NAMESPACE, "")


def test_a_namespace_that_is_being_deleted_is_named_and_waited_for(
    dana: User, adam: User, fleet: Fleet
) -> None:
    register(fleet, adam)
    held = {"name": "held", "namespace": "orders", "finalizers": ["example.org/held"]}
    admin = fleet.client("k8s-2")
    admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "orders"}})
    admin.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": held})
    admin.delete(NAMESPACE, "orders")
    placement = asked(wish(mesh(adam), namespace="orders"), dana)
    said = refused(plan_of(placement))
    assert said == ("The namespace orders on k8s-2 is being deleted. Wait until it is gone, then try again.")


# c: contexts


CHANGED = (  # contexts, those disabled, what is said
    ("k8s-1,k8s-3", "", "The operator does not know the plane “k8s-2”."),
    ("k8s-1, k8s-2,k8s-3", "", "The operator does not know the plane “k8s-2”."),
    ("k8s-1,k8s-2,k8s-3", "k8s-2", "k8s-2 is disabled in the operator"),
    ("", "", "The operator does not know the plane “k8s-1”."),
)


@shows("c", "f disabled", "no contexts")
def test_contexts_that_changed_are_refused_at_plan_and_at_run(dana: User, adam: User, fleet: Fleet) -> None:
    register(fleet, adam)
    placement = traps.waiting(adam, dana)
    late = asked(wish(placement.profile, "etcd-late"), dana)
    run: Run | None = None
    for contexts, disabled, said in CHANGED:
        traps.set_contexts(fleet, contexts, disabled)
        run = traps.again(run, dana) if run else approved(placement, adam)
        assert list(traps.failures(run)) == [("console", "confirm")]
        assert said in traps.failures(run)["console", "confirm"]
        assert run.steps.filter(status="succeeded").count() == 0
        placements.plan_again(late.pk, by=dana)
        drive(plan_of(late).runs.get())
        assert said in refused(plan_of(late))
    assert traps.clusters(fleet) == []
    assert not fleet.client("k8s-1").get(CLUSTER_ROLE, traps.ROLE)
    traps.set_contexts(fleet, "k8s-1,k8s-2,k8s-3")
    assert run is not None
    run = traps.again(run, dana)
    assert run.status == "succeeded", trouble(run)


@shows("c", "c none known")
def test_a_wish_names_planes_as_the_operator_does_character_by_character(
    dana: User, adam: User, fleet: Fleet
) -> None:
    register(fleet, adam)
    profile = mesh(adam)
    for wrong in ("k8s-2 ", "K8S-2", "k8s-4", "k8s-1,k8s-2", ""):
        with pytest.raises(WishRefused) as no:
            placements.request(wish(profile, planes=("k8s-1", wrong)), by=dana)
        assert list(no.value.fields) == ["planes"], wrong
    assert not Plan.objects.filter(job="place-database").exists()


def test_a_namespace_that_the_operator_does_not_look_at_is_refused(
    dana: User, adam: User, fleet: Fleet
) -> None:
    register(fleet, adam)
    traps.set_arguments(fleet, "--managed-namespaces", ["--managed-namespaces=orders,payments"])
    said = refused(plan_of(asked(wish(mesh(adam)), dana)))
    assert said.startswith("The operator looks at the namespaces orders, payments only")


# e: KubeBlocks CRDs in a plane


@shows("e")
def test_kubeblocks_kinds_in_a_plane_are_refused_at_plan_and_at_run(
    dana: User, adam: User, fleet: Fleet
) -> None:
    register(fleet, adam)
    placement = traps.waiting(adam, dana)
    late = asked(wish(placement.profile, "etcd-late"), dana)
    traps.install_crds(fleet, "k8s-2")
    run = approved(placement, adam)
    assert list(traps.failures(run)) == [("k8s-2", "preflight")]
    assert "k8s-2" in run.lanes
    assert "would delete the pods" in traps.failures(run)["k8s-2", "preflight"]
    assert traps.statuses(run, "namespace")["k8s-2"] == "skipped"
    assert traps.clusters(fleet) == []
    placements.plan_again(late.pk, by=dana)
    drive(plan_of(late).runs.get())
    assert "would delete the pods" in refused(plan_of(late))


# Clusters of others


def test_a_cluster_of_somebody_else_is_never_touched(dana: User, adam: User, fleet: Fleet) -> None:
    register(fleet, adam)
    placement = traps.waiting(adam, dana)
    late = asked(wish(placement.profile, "etcd-late"), dana)
    said = "The control plane has a Cluster default/{} already, which this placement did not make."
    uids = {name: traps.foreign_cluster(fleet, traps.planned_cluster(p))
            for name, p in (("etcd-demo", placement), ("etcd-late", late))}  # fmt: skip
    run = approved(placement, adam)
    assert said.format("etcd-demo") in traps.failures(run)["console", "confirm"]
    placements.plan_again(late.pk, by=dana)
    drive(plan_of(late).runs.get())
    assert said.format("etcd-late") in refused(plan_of(late))
    for name, uid in uids.items():
        there = traps.cluster(fleet, name) or {}
        assert there["metadata"]["uid"] == uid
        assert "kbconsole" not in str(there["metadata"].get("managedFields"))


def test_a_cluster_that_appears_while_a_run_waits_for_its_retry_is_not_touched(
    dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    register(embedded, adam)
    placement = traps.waiting(adam, dana)
    embedded.fault("k8s-3", "500")
    run = approved(placement, adam)
    assert run.steps.get(phase="cluster").status == "skipped"
    uid = traps.foreign_cluster(embedded, traps.planned_cluster(placement))
    embedded.fault("k8s-3", None)
    run = traps.again(run, dana)
    refused = traps.failures(run)
    # Whichever the console meets first: the Cluster, or what its operator has made for it on k8s-3 by now.
    assert {(embedded.control_plane, "cluster"), ("k8s-3", "preflight")} & set(refused), trouble(run)
    said = " ".join(refused.values())
    assert "which this placement did not make" in said or "k8s-3 still holds" in said
    there = traps.cluster(embedded) or {}
    assert there["metadata"]["uid"] == uid
    assert "kbconsole" not in str(there["metadata"].get("managedFields"))
    placement.refresh_from_db()
    assert placement.cluster_uid == ""
