"""Traps after the Cluster was applied: the console goes by each plane's own objects and says what lacks where."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet import services as fleets
from kbconsole.jobs import services as jobs
from kbconsole.jobs.models import Run
from kbconsole.k8s.kinds import CLUSTER_ROLE, CONFIG_MAP, POD, ROLE_BINDING, SERVICE
from placements.rendering import PLACEMENT
from tests.driving import drive
from tests.fleets.protocol import Fleet
from tests.journeys import faulty, traps
from tests.journeys.fleet import PLANES, plan_of, register, trouble
from tests.operator.rows import ALIKE, shows

pytestmark = pytest.mark.django_db(transaction=True)
Impatient = Callable[..., None]


def copied_rbac(adam: User, ada: User) -> Run:
    plan = fleets.plan_rbac_copy(planes=PLANES, take_over=False, by=adam)
    drive(plan.runs.get())
    plan.refresh_from_db()
    if plan.approvals_needed:
        return drive(traps.started(plan, ada))
    return drive(jobs.go_ahead(plan.pk, by=adam, seen_hash=plan.hash))


# a: the role of database pods


@ALIKE
@shows("a")
def test_without_the_cluster_role_the_roles_step_says_so_until_the_role_is_copied(
    dana: User, adam: User, ada: User, fleet: Fleet, impatient: Impatient
) -> None:
    impatient("roles", seconds=6)
    register(fleet, adam)
    placement = traps.waiting(adam, dana)
    with faulty.idle_operator(fleet):  # no pod has its role before
        run = traps.until(traps.started(plan_of(placement), adam), "cluster")
        fleet.client("k8s-3").delete(CLUSTER_ROLE, traps.ROLE)
    run = drive(run, seconds=60)
    assert traps.failures(run) == {
        (
            "k8s-3",
            "roles",
        ): "Waited 6 s in vain. Last seen: k8s-3: etcd-demo-etcd-2 ready, but without a role."
    }
    assert traps.fixes(run, "roles") == [
        f"k8s-3 has no cluster role {traps.ROLE}, or it grants nothing, so its pods may not report their role. "
        "Choose Copy RBAC under Fleet, then look again."
    ]
    assert traps.statuses(run, "roles") == {"k8s-1": "succeeded", "k8s-2": "succeeded", "k8s-3": "failed"}
    assert traps.statuses(run, "agree") == {"console": "skipped"}
    placement.refresh_from_db()
    assert (run.status, placement.status) == ("failed", "attention")
    copied = copied_rbac(adam, ada)
    assert copied.status == "succeeded", trouble(copied)
    run = traps.again(run, dana)
    placement.refresh_from_db()
    assert (run.status, placement.status) == ("succeeded", "in_service"), trouble(run)


def test_a_role_that_was_emptied_is_given_again_by_retry(
    dana: User, adam: User, embedded: EmbeddedFleet, impatient: Impatient
) -> None:
    impatient("roles", seconds=6)
    register(embedded, adam)
    placement = traps.waiting(adam, dana)
    with faulty.idle_operator(embedded):
        run = traps.until(traps.started(plan_of(placement), adam), "cluster")
        embedded.fault("k8s-3", "drift", name="role-empty")
    run = drive(run, seconds=60)
    assert list(traps.failures(run)) == [("k8s-3", "roles")]
    assert "or it grants nothing" in traps.fixes(run, "roles")[0]
    run = traps.again(run, dana)
    assert run.status == "succeeded", trouble(run)


@ALIKE
@shows("a2")
def test_without_the_operators_right_to_bind_the_missing_binding_is_named(
    dana: User, adam: User, fleet: Fleet, impatient: Impatient
) -> None:
    impatient("roles", seconds=6)
    register(fleet, adam)
    placement = traps.waiting(adam, dana)
    rules = (traps.the(fleet, "k8s-3", CLUSTER_ROLE, "kubeblocks-operator") or {})["rules"]
    fewer = [rule for rule in rules if "bind" not in rule["verbs"]]
    traps.change(fleet, "k8s-3", CLUSTER_ROLE, "kubeblocks-operator", {"rules": fewer})
    run = drive(traps.started(plan_of(placement), adam), seconds=60)
    assert list(traps.failures(run)) == [("k8s-3", "roles")]
    said = traps.fixes(run, "roles")[0]
    account = "kb-etcd-demo" if fleet.line == "0.9" else "kb-etcd-3-1.0.2"
    assert said.startswith(
        f"No RoleBinding on k8s-3 gives the account {account} the cluster role {traps.ROLE}."
    )
    assert "tries only once" in said
    traps.change(fleet, "k8s-3", CLUSTER_ROLE, "kubeblocks-operator", {"rules": rules})
    if fleet.line == "0.9":  # the advice: by hand
        traps.copy_object(fleet, ROLE_BINDING, account, "k8s-1", "k8s-3")
    run = traps.again(run, dana)
    assert run.status == "succeeded", trouble(run)


# f: a plane dies


@shows("f dies")
def test_a_plane_that_dies_after_the_cluster_was_applied_holds_all_up_and_retry_ends_in_service(
    dana: User, adam: User, fleet: Fleet, impatient: Impatient
) -> None:
    impatient("services", seconds=5)
    register(fleet, adam)
    placement = traps.waiting(adam, dana)
    with faulty.idle_operator(fleet):  # what it has not begun, it makes nowhere
        run = traps.until(traps.started(plan_of(placement), adam), "cluster", seconds=120)
        faulty.refuse(fleet, "k8s-3")
    run = drive(run, seconds=60)
    said = traps.failures(run)
    assert sorted(said) == [("k8s-1", "services"), ("k8s-2", "services"), ("k8s-3", "services")]
    assert said["k8s-3", "services"].startswith("k8s-3 cannot be reached at ")
    assert "k8s-1: etcd-demo-etcd-peer-0, " in said["k8s-1", "services"]
    assert (
        "while any plane of the database gives it no answer, it makes nothing"
        in traps.fixes(run, "services")[0]
    )
    placement.refresh_from_db()
    assert (run.status, placement.status) == ("failed", "attention")
    assert placement.cluster_uid == (traps.cluster(fleet) or {})["metadata"]["uid"]
    faulty.answer(fleet, "k8s-3")
    run = traps.again(run, dana)
    placement.refresh_from_db()
    assert (run.status, placement.status) == ("succeeded", "in_service"), trouble(run)


def test_a_plane_that_fails_the_console_holds_back_only_its_own_lane(
    dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    register(embedded, adam)
    placement = traps.waiting(adam, dana)
    run = traps.until(traps.started(plan_of(placement), adam), "cluster")
    embedded.fault("k8s-3", "500")
    run = drive(run, seconds=60)
    assert [lane for lane, _phase in traps.failures(run)] == ["k8s-3"]
    assert traps.statuses(run, "roles") == {"k8s-1": "succeeded", "k8s-2": "succeeded", "k8s-3": "skipped"}
    placement.refresh_from_db()
    assert (run.status, placement.status) == ("failed", "attention")
    embedded.fault("k8s-3", None)
    run = traps.again(run, dana)
    placement.refresh_from_db()
    assert (run.status, placement.status) == ("succeeded", "in_service"), trouble(run)


@shows("f dies")
def test_a_dead_plane_is_told_although_the_cluster_says_running(dana: User, adam: User, fleet: Fleet) -> None:
    register(fleet, adam)
    placement = traps.in_service(adam, dana)
    before = placement.observed or {}
    faulty.refuse(fleet, "k8s-3")
    run = traps.checked(placement, dana)
    assert (traps.cluster(fleet) or {})["status"]["phase"] == "Running"
    assert placement.status == "attention"
    said = traps.failures(run)
    assert {lane for lane, _phase in said} == {"k8s-3", "console"}
    assert all(sentence.startswith("k8s-3 cannot be reached at ") for sentence in said.values()), said
    after = placement.observed or {}
    assert after["k8s-3"] == before["k8s-3"]  # what was seen last, with the time at which it was seen
    assert after["k8s-1"]["seen_at"] > before["k8s-1"]["seen_at"]
    faulty.answer(fleet, "k8s-3")
    traps.checked(placement, dana)
    assert placement.status == "in_service"
    assert (placement.observed or {})["k8s-3"]["seen_at"] > before["k8s-3"]["seen_at"]


# c, f: an operator that does not work


@shows("c none known")
def test_while_the_operator_panics_over_a_cluster_of_others_the_steps_tell_to_look_at_it(
    dana: User, adam: User, fleet: Fleet, impatient: Impatient
) -> None:
    impatient("services", seconds=4)
    register(fleet, adam)
    placement = traps.waiting(adam, dana)
    theirs = copy.deepcopy(traps.planned_cluster(placement))
    theirs["metadata"] |= {"name": "bad", "annotations": {PLACEMENT: "nope"}}
    traps.foreign_cluster(fleet, theirs)
    traps.wait_for(lambda: not traps.operator_is_up(fleet))
    run = drive(traps.started(plan_of(placement), adam), seconds=60)
    assert sorted(traps.failures(run)) == [(plane, "services") for plane in PLANES]
    assert all("look at the operator" in fix for fix in traps.fixes(run, "services"))
    corrected = {"metadata": {"annotations": {PLACEMENT: "k8s-1"}}}
    traps.change(fleet, fleet.control_plane, traps.cluster_kind(fleet), "bad", corrected)
    traps.wait_for(lambda: traps.operator_is_up(fleet), seconds=90)
    impatient("services", seconds=90)
    run = traps.again(run, dana)
    assert run.status == "succeeded", trouble(run)


@shows("f restarted", "f disabled")
def test_an_operator_that_was_started_while_a_plane_is_dead_serves_no_other_until_it_is_disabled(
    dana: User, adam: User, fleet: Fleet, impatient: Impatient
) -> None:
    impatient("services", seconds=4)
    register(fleet, adam)
    placement = traps.waiting(adam, dana, planes=PLANES[:2], replicas=2)
    faulty.refuse(fleet, "k8s-3")
    traps.set_arguments(fleet, "--zap-devel", ["--zap-devel=false"])
    run = drive(traps.started(plan_of(placement), adam), seconds=60)
    assert traps.operator_is_up(fleet)  # its readiness tells nothing
    assert sorted(traps.failures(run)) == [(plane, "services") for plane in PLANES[:2]]
    assert "look at the operator" in traps.fixes(run, "services")[0]
    traps.set_contexts(fleet, ",".join(PLANES), disabled="k8s-3")
    impatient("services", seconds=90)
    run = traps.again(run, dana)
    placement.refresh_from_db()
    assert (run.status, placement.status) == ("succeeded", "in_service"), trouble(run)


# b, f: mirrored objects


@shows("f back")
def test_a_mirrored_object_that_is_missing_on_one_plane_is_named_with_its_cure(
    dana: User, adam: User, fleet: Fleet
) -> None:
    register(fleet, adam)
    placement = traps.in_service(adam, dana)
    pod = fleet.client("k8s-1").list(POD, "default")[0]
    own = {"name": "etcd-demo-etcd-leader", "namespace": "default", "labels": pod["metadata"]["labels"]}
    fleet.client("k8s-1").create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": own})
    assert traps.checked(placement, dana).status == "succeeded"  # what a pod keeps for itself is no mirror
    third = fleet.client("k8s-3")
    third.patch(CONFIG_MAP, "etcd-demo-etcd-env", "default", {"metadata": {"finalizers": None}})
    third.delete(CONFIG_MAP, "etcd-demo-etcd-env", "default")
    fleet.client("k8s-2").delete(SERVICE, "etcd-demo-etcd-headless", "default")
    run = traps.checked(placement, dana)
    assert traps.failures(run) == {
        ("console", "agree"): "The planes do not hold the same: "
        "ConfigMap etcd-demo-etcd-env is on k8s-1, k8s-2, but not on k8s-3, "
        "Service etcd-demo-etcd-headless is on k8s-1, k8s-3, but not on k8s-2."
    }
    assert "Copy the object from a plane that has it" in traps.fixes(run, "agree")[0]
    assert placement.status == "attention"
    for kind, name, plane in (
        (CONFIG_MAP, "etcd-demo-etcd-env", "k8s-3"),
        (SERVICE, "etcd-demo-etcd-headless", "k8s-2"),
    ):
        traps.copy_object(fleet, kind, name, "k8s-1", plane)
    run = traps.checked(placement, dana)
    assert (run.status, placement.status) == ("succeeded", "in_service"), trouble(run)


@ALIKE
@shows("e")
def test_kubeblocks_kinds_that_appear_later_are_found_by_the_next_check(
    dana: User, adam: User, fleet: Fleet
) -> None:
    register(fleet, adam)
    placement = traps.in_service(adam, dana)
    traps.install_crds(fleet, "k8s-2")
    run = traps.checked(placement, dana)
    assert placement.status == "attention"
    assert "would delete the pods" in traps.failures(run)["k8s-2", "crds"]


# d, g: order


@pytest.mark.parametrize(
    ("replicas", "planes", "backend"),
    [
        (4, ("k8s-3", "k8s-2", "k8s-1"), "embedded"),
        pytest.param(4, ("k8s-3", "k8s-2", "k8s-1"), "real", marks=pytest.mark.real),
        (5, PLANES, "embedded"),
        (3, ("k8s-2",), "embedded"),
        (1, ("k8s-3", "k8s-1"), "embedded"),
    ],
)
@shows("d, g")
def test_replicas_go_round_the_planes_in_their_order(
    replicas: int, planes: tuple[str, ...], dana: User, adam: User, fleet: Fleet
) -> None:
    register(fleet, adam)
    placement = traps.in_service(adam, dana, replicas=replicas, planes=planes)
    for number, plane in enumerate(planes):
        expected = [f"etcd-demo-etcd-{ordinal}" for ordinal in range(number, replicas, len(planes))]
        assert traps.names(fleet, plane, POD) == expected
        seen = (placement.observed or {})[plane]["pods"]
        assert [pod["name"] for pod in seen] == expected
    for other in set(PLANES) - set(planes):
        assert traps.names(fleet, other, POD) == []
