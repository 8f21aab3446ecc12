"""What a plane lacks and the operator never makes up for is copied from a plane that has it, by the normal path."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from django.contrib.auth.models import User

from kbconsole.audit.models import Entry
from kbconsole.common.errors import Refused, Stale
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.jobs import services as jobs
from kbconsole.jobs.models import Plan, Run
from kbconsole.k8s.kinds import CLUSTER_ROLE, CONFIG_MAP, POD, ROLE_BINDING, SERVICE, SERVICE_ACCOUNT, Kind
from placements import services as placements
from placements.models import Placement
from placements.rendering import PLACEMENT
from tests.driving import drive
from tests.fleets.protocol import Fleet
from tests.fleets.rights import take_away
from tests.journeys import traps
from tests.journeys.fleet import PLANES, approved, asked, cloud, plan_of, register, trouble, wish
from tests.operator.rows import ALIKE, BOTH
from tests.people import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
Impatient = Callable[..., None]
ENV, HEADLESS, PEER = "etcd-demo-etcd-env", "etcd-demo-etcd-headless", "etcd-demo-etcd-peer-2"
ACCOUNT = "kb-etcd-demo"
JSON: dict[str, Any] = {"content_type": "application/json"}


def lose(fleet: Fleet, plane: str, kind: Kind, name: str) -> None:
    """Delete an object as somebody with kubectl would, finalizers or not."""
    with closing(fleet.client(plane)) as client:
        client.patch(kind, name, "default", {"metadata": {"finalizers": None}})
        client.delete(kind, name, "default")


def the(fleet: Fleet, plane: str, kind: Kind, name: str) -> dict[str, Any]:
    with closing(fleet.client(plane)) as client:
        return client.get(kind, name, "default") or {}


def named(fleet: Fleet, plane: str, kind: Kind) -> list[str]:
    """Return the database's objects of a kind; the account and binding of 1.0 have the definition's name."""
    with closing(fleet.client(plane)) as client:
        found = [str(one["metadata"]["name"]) for one in client.list(kind, "default")]
    return sorted(name for name in found if name.startswith(("etcd-demo", "kb-etcd")))


def theirs(fleet: Fleet, plane: str) -> None:
    """Make a ConfigMap of somebody else's, under the name of one of the database."""
    body = {"name": ENV, "namespace": "default", "labels": {"app": "other"}}
    with closing(fleet.client(plane)) as client:
        client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": body, "data": {"mine": "yes"}})


def repairing(placement: Placement, by: User) -> Plan:
    """Ask for the copies, and let the plan be made."""
    plan = placements.repair(placement.pk, by=by)
    drive(plan.runs.get())
    plan.refresh_from_db()
    return plan


def copies(plan: Plan) -> list[tuple[str, str, str]]:
    """Return what the plan would create, as plane, kind and name."""
    return [
        (diff.lane, one["ref"]["kind"], one["ref"]["name"])
        for diff in plan.diffs.all()
        for one in diff.diff
        if one["touch"] == "created"
    ]


def missed_the_operator(adam: User, dana: User, embedded: EmbeddedFleet) -> tuple[Placement, Run]:
    """Place a database while the operator has k8s-3 disabled, then enable it: it never makes up for what lacks."""
    placement = traps.waiting(adam, dana)
    embedded.fault("k8s-3", "500", users=["operator"])  # so that it begins nothing before it is started anew
    run = traps.until(traps.started(plan_of(placement), adam), "cluster")
    traps.set_contexts(embedded, ",".join(PLANES), disabled="k8s-3")
    traps.wait_for(lambda: bool(named(embedded, "k8s-2", POD)))
    embedded.fault("k8s-3", None)
    traps.set_contexts(embedded, ",".join(PLANES))
    run = drive(run, seconds=60)
    placement.refresh_from_db()
    return placement, run


# The cure itself


@BOTH
def test_what_the_operator_missed_on_a_disabled_plane_is_copied_and_the_database_runs(
    dana: User, adam: User, embedded: EmbeddedFleet, impatient: Impatient
) -> None:
    impatient("services", "pods", "roles", seconds=6)
    register(embedded, adam)
    placement, run = missed_the_operator(adam, dana, embedded)
    assert (run.status, placement.status) == ("failed", "attention"), trouble(run)
    assert ("k8s-3", "services") in traps.failures(run), trouble(run)
    checked = traps.checked(placement, dana)
    assert "is on k8s-1, k8s-2, but not on k8s-3" in traps.failures(checked)["console", "agree"]

    plan = repairing(placement, dana)
    assert (plan.status, plan.approvals_needed) == ("ready", 1), plan.failure
    made = copies(plan)
    assert {lane for lane, _kind, _name in made} == {"k8s-3"}
    assert ("k8s-3", "ConfigMap", ENV) in made and ("k8s-3", "Service", HEADLESS) in made
    run = approved(placement, adam)
    assert (run.status, placement.status) == ("succeeded", "in_service"), trouble(run)
    assert named(embedded, "k8s-3", POD) == ["etcd-demo-etcd-2"]
    for kind in (CONFIG_MAP, SERVICE, SERVICE_ACCOUNT, ROLE_BINDING):
        assert named(embedded, "k8s-3", kind) == named(embedded, "k8s-1", kind), kind
    marks = {
        plane: the(embedded, plane, CONFIG_MAP, ENV)["metadata"]["annotations"][PLACEMENT] for plane in PLANES
    }
    assert marks == {plane: plane for plane in PLANES}
    assert traps.checked(placement, dana).status == "succeeded"


@ALIKE
def test_a_pod_that_lacks_its_settings_comes_up_after_the_copy(dana: User, adam: User, fleet: Fleet) -> None:
    register(fleet, adam)
    placement = traps.in_service(adam, dana)
    lose(fleet, "k8s-3", CONFIG_MAP, ENV)
    lose(fleet, "k8s-2", SERVICE, HEADLESS)
    fleet.client("k8s-3").delete(POD, "etcd-demo-etcd-2", "default")
    traps.wait_for(lambda: "CreateContainerConfigError" in str(the(fleet, "k8s-3", POD, "etcd-demo-etcd-2")))
    run = traps.checked(placement, dana)
    assert placement.status == "attention"
    assert "CreateContainerConfigError" in traps.failures(run)["k8s-3", "pods"]
    assert "Copy the missing objects" in traps.fixes(run, "pods")[0]

    plan = repairing(placement, dana)
    assert copies(plan) == [("k8s-3", "ConfigMap", ENV), ("k8s-2", "Service", HEADLESS)]
    run = approved(placement, adam)
    assert (run.status, placement.status) == ("succeeded", "in_service"), trouble(run)
    headless = the(fleet, "k8s-2", SERVICE, HEADLESS)
    assert headless["spec"]["clusterIP"] == "None"
    other = the(fleet, "k8s-1", SERVICE, HEADLESS)
    assert headless["spec"]["selector"] == other["spec"]["selector"]
    assert headless["metadata"]["labels"] == other["metadata"]["labels"]
    assert headless["metadata"]["ownerReferences"] == other["metadata"]["ownerReferences"]
    assert the(fleet, "k8s-3", CONFIG_MAP, ENV)["data"] == the(fleet, "k8s-1", CONFIG_MAP, ENV)["data"]


def test_addresses_and_finalizers_are_not_copied(dana: User, adam: User, fleet: Fleet) -> None:
    register(fleet, adam)
    placement = traps.in_service(adam, dana)
    note = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "service.cilium.io/global": "true"}
    fleet.client("k8s-1").patch(SERVICE, PEER, "default", {"metadata": {"annotations": note}})
    lose(fleet, "k8s-3", SERVICE, PEER)
    repairing(placement, dana)
    planned = next(step.change for step in plan_of(placement).steps() if step.phase == "copy")
    body = planned.canonical()["object"] if planned else {}
    assert "clusterIP" not in body["spec"] and "finalizers" not in body["metadata"]
    assert body["metadata"]["annotations"] == {"service.cilium.io/global": "true", PLACEMENT: "k8s-3"}
    assert planned and planned.commands()[0].startswith("kubectl --context k8s-3 create ")
    run = approved(placement, adam)
    assert run.status == "succeeded", trouble(run)
    here, there = (the(fleet, plane, SERVICE, PEER) for plane in ("k8s-3", "k8s-1"))
    assert here["spec"]["clusterIP"] and "finalizers" not in here["metadata"]
    assert here["spec"]["selector"] == there["spec"]["selector"]


def test_a_binding_that_the_operator_tried_only_once_is_copied(
    dana: User, adam: User, fleet: Fleet, impatient: Impatient
) -> None:
    impatient("roles", seconds=6)
    register(fleet, adam)
    placement = traps.waiting(adam, dana)
    with closing(fleet.client("k8s-3")) as admin, closing(fleet.client("k8s-3", "operator")) as operator:
        rules = (admin.get(CLUSTER_ROLE, "kubeblocks-operator") or {})["rules"]
        fewer = [one for one in rules if "bind" not in one["verbs"]]
        admin.patch(CLUSTER_ROLE, "kubeblocks-operator", "", {"rules": fewer})
        bind = {"group": "rbac.authorization.k8s.io", "resource": "clusterroles", "name": traps.ROLE}
        traps.wait_for(lambda: not operator.can_i("bind", **bind))
    run = drive(traps.started(plan_of(placement), adam), seconds=60)
    assert list(traps.failures(run)) == [("k8s-3", "roles")]
    placement.refresh_from_db()
    plan = repairing(placement, dana)
    assert copies(plan) == [("k8s-3", "RoleBinding", ACCOUNT)], plan.failure
    run = approved(placement, adam)
    assert (run.status, placement.status) == ("succeeded", "in_service"), trouble(run)


def test_a_namespace_that_was_deleted_is_made_first(dana: User, adam: User, embedded: EmbeddedFleet) -> None:
    register(embedded, adam)
    placement = traps.in_service(adam, dana)
    lose(embedded, "k8s-3", CONFIG_MAP, ENV)
    plan = repairing(placement, dana)
    phases = [step.phase for step in plan.steps() if step.on == "k8s-3"]
    assert phases.index("namespace") < phases.index("copy") < phases.index("services")
    assert [step.on for step in plan.steps() if step.phase == "namespace"] == ["k8s-3"]


@BOTH
def test_services_that_are_on_one_plane_by_intention_are_not_copied(
    dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    register(embedded, adam)
    placement = asked(wish(cloud(adam)), dana)
    assert approved(placement, adam).status == "succeeded"
    lose(embedded, "k8s-1", SERVICE, HEADLESS)
    assert copies(repairing(placement, dana)) == [("k8s-1", "Service", HEADLESS)]


# The way there


def test_where_nothing_is_missing_the_plan_says_that_nothing_would_change(
    dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    register(embedded, adam)
    placement = traps.in_service(adam, dana)
    plan = repairing(placement, dana)
    assert plan.status == "ready" and copies(plan) == []
    page = signed_in(adam).get(f"/plans/{plan.pk}/").content.decode()
    assert "Nothing would change" in page
    run = approved(placement, adam)
    assert (run.status, placement.status) == ("succeeded", "in_service"), trouble(run)


def test_it_is_offered_where_the_finding_shows_and_approved_by_somebody_else(
    dana: User, adam: User, vera: User, embedded: EmbeddedFleet
) -> None:
    register(embedded, adam)
    placement = traps.in_service(adam, dana)
    lose(embedded, "k8s-3", CONFIG_MAP, ENV)
    run = traps.checked(placement, dana)
    act = f'action="/placements/{placement.pk}/repair/"'
    owner, auditor = signed_in(dana), signed_in(vera)
    for page in (f"/placements/{placement.pk}/", f"/runs/{run.pk}/"):
        assert act in owner.get(page).content.decode(), page
        seen = auditor.get(page).content.decode()
        assert act not in seen and "Copy the missing objects" in seen, page
    answer = owner.post(f"/placements/{placement.pk}/repair/")
    plan = placement.plans()[0]
    assert answer.headers["Location"] == f"/plans/{plan.pk}/"
    drive(plan.runs.get())
    plan.refresh_from_db()
    with pytest.raises(Refused):
        jobs.decide(plan.pk, by=dana, approve=True, seen_hash=plan.hash)
    run = approved(placement, adam)
    assert run.status == "succeeded", trouble(run)
    asked_for = Entry.objects.get(act="placement.repair_requested")
    assert (asked_for.person, asked_for.outcome) == ("dana", "success")
    ended = [str(one.sentence) for one in Entry.objects.filter(act="run.change_ended", plane="k8s-3")]
    assert any(f"Copy ConfigMap default/{ENV} from k8s-1" in sentence for sentence in ended), ended
    for page in (f"/placements/{placement.pk}/", f"/runs/{run.pk}/"):
        assert owner.get(page).status_code == 200


def test_a_second_click_makes_no_second_plan_and_says_why(
    dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    register(embedded, adam)
    placement = traps.in_service(adam, dana)
    before, browser = Plan.objects.count(), signed_in(dana)
    assert browser.post(f"/placements/{placement.pk}/repair/").status_code == 302
    again = browser.post(f"/placements/{placement.pk}/repair/")
    assert again.status_code == 409 and "Where it runs" in again.content.decode()
    assert "is being made since" in again.content.decode()
    assert Plan.objects.count() == before + 1


def test_what_was_mended_meanwhile_is_not_written_to(dana: User, adam: User, embedded: EmbeddedFleet) -> None:
    register(embedded, adam)
    placement = traps.in_service(adam, dana)
    lose(embedded, "k8s-3", CONFIG_MAP, ENV)
    plan = repairing(placement, dana)
    traps.copy_object(embedded, CONFIG_MAP, ENV, "k8s-1", "k8s-3")
    version = the(embedded, "k8s-3", CONFIG_MAP, ENV)["metadata"]["resourceVersion"]
    run = approved(placement, adam)
    plan.refresh_from_db()
    assert (run.status, plan.status, placement.status) == ("failed", "stale", "attention")
    assert the(embedded, "k8s-3", CONFIG_MAP, ENV)["metadata"]["resourceVersion"] == version
    traps.checked(placement, dana)
    assert placement.status == "in_service"


# What is refused


def refusal(placement: Placement, by: User) -> str:
    plan = repairing(placement, by)
    assert plan.status == "failed", copies(plan)
    return traps.words(plan.failure)


def test_what_no_plane_has_cannot_be_copied(dana: User, adam: User, embedded: EmbeddedFleet) -> None:
    register(embedded, adam)
    placement = traps.in_service(adam, dana)
    for plane in PLANES:
        lose(embedded, plane, ROLE_BINDING, ACCOUNT)
    said = refusal(placement, dana)
    assert said.startswith(f"Nothing to copy from: no plane of etcd-demo has RoleBinding {ACCOUNT}.")


def test_an_object_of_somebody_else_with_that_name_is_not_touched(
    dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    register(embedded, adam)
    placement = traps.in_service(adam, dana)
    lose(embedded, "k8s-3", CONFIG_MAP, ENV)
    theirs(embedded, "k8s-3")
    said = refusal(placement, dana)
    assert said.startswith(f"k8s-3 has a ConfigMap default/{ENV} that does not belong to this database")
    assert the(embedded, "k8s-3", CONFIG_MAP, ENV)["data"] == {"mine": "yes"}


def test_somebody_elses_object_that_appears_after_the_approval_is_not_touched(
    dana: User, adam: User, fleet: Fleet
) -> None:
    register(fleet, adam)
    placement = traps.in_service(adam, dana)
    lose(fleet, "k8s-3", CONFIG_MAP, ENV)
    plan = repairing(placement, dana)
    theirs(fleet, "k8s-3")
    run = drive(traps.started(plan, adam), seconds=40)
    assert run.status == "failed"
    assert "does not belong to this database" in traps.failures(run)["k8s-3", "baseline"]
    assert the(fleet, "k8s-3", CONFIG_MAP, ENV)["data"] == {"mine": "yes"}


def test_planes_that_hold_different_ones_are_not_copied_from(
    dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    register(embedded, adam)
    placement = traps.in_service(adam, dana)
    lose(embedded, "k8s-3", CONFIG_MAP, ENV)
    embedded.client("k8s-2").patch(CONFIG_MAP, ENV, "default", {"data": {"PEER_ENDPOINT": "elsewhere"}})
    assert "the console does not know which to copy" in refusal(placement, dana)


def test_without_its_own_cluster_nothing_is_copied(dana: User, adam: User, embedded: EmbeddedFleet) -> None:
    register(embedded, adam)
    placement = traps.in_service(adam, dana)
    Placement.objects.update(cluster_uid="another")
    assert "is not the one that this placement made" in refusal(placement, dana)
    Placement.objects.update(cluster_uid="")
    with pytest.raises(Stale, match="never got as far as its Cluster"):
        placements.repair(placement.pk, by=dana)


def test_to_a_plane_that_the_operator_has_disabled_nothing_is_copied(
    dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    register(embedded, adam)
    placement = traps.in_service(adam, dana)
    lose(embedded, "k8s-3", CONFIG_MAP, ENV)
    traps.set_contexts(embedded, ",".join(PLANES), disabled="k8s-3")
    assert refusal(placement, dana).startswith("The operator has k8s-3 disabled now")


def test_without_the_right_to_create_the_plan_names_it(dana: User, adam: User, fleet: Fleet) -> None:
    register(fleet, adam)
    placement = traps.in_service(adam, dana)
    lose(fleet, "k8s-3", CONFIG_MAP, ENV)
    take_away(fleet, "k8s-3", "create", "configmaps")
    said = refusal(placement, dana)
    assert "k8s-3" in said and "create" in said and "configmaps" in said.lower(), said


# By the API


def test_by_the_api_it_is_planned_for_who_may_and_refused_for_others(
    dana: User, adam: User, vera: User, nobody: User, embedded: EmbeddedFleet
) -> None:
    register(embedded, adam)
    placement = traps.in_service(adam, dana)
    lose(embedded, "k8s-3", CONFIG_MAP, ENV)
    address = f"/api/v1/placements/{placement.pk}/repair/"
    refused = {user.username: signed_in(user).post(address, **JSON).status_code for user in (vera, nobody)}
    assert refused == {"vera": 403, "nobody": 403}
    assert Entry.objects.filter(act="placement.repair_requested", outcome="success").count() == 0
    wrong = signed_in(dana).post(address, {"plane": "k8s-3"}, **JSON)
    assert wrong.status_code == 400
    answer = signed_in(dana).post(address, {"reason": "It lacks its settings"}, **JSON)
    body = answer.json()
    assert (answer.status_code, body["job"], body["status"]) == (202, "repair-mirrors", "making")
    plan = Plan.objects.get(pk=body["id"])
    assert plan.reason == "It lacks its settings"
    again = signed_in(dana).post(address, **JSON)
    assert again.status_code == 409 and again.headers["Content-Type"] == "application/problem+json"
    drive(plan.runs.get())
    run = approved(placement, adam)
    assert (run.status, placement.status) == ("succeeded", "in_service"), trouble(run)
