"""A request that came back is edited and sent again: the same placement, and who approves sees what differs."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from kbconsole.audit.models import Entry
from kbconsole.common.errors import Stale
from kbconsole.jobs import services as jobs
from kbconsole.jobs.models import Decision, Plan, Run
from kbconsole.jobs.tasks import tick
from kbconsole.jobs.undoing import UndoRun, undo
from networking.models import Profile
from placements import services
from placements.jobs.earlier import namespaces_left
from placements.jobs.repair import RepairMirrors
from placements.models import ClientAccess, Placement, Status
from placements.services import facts_of, place_job
from placements.views.present import broken_run
from tests.api.calling import made_ready
from tests.driving import ticks
from tests.people import person, signed_in
from tests.placements import world

pytestmark = pytest.mark.django_db(transaction=True)
NO = "Take five replicas."


@pytest.fixture
def profile(dana: User) -> Profile:
    world.fleet()
    return world.mesh(dana)


def shown(user: User, address: str) -> str:
    page = signed_in(user).get(address)
    assert page.status_code == 200, address
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", page.content.decode()).split()))


def edit(user: User, placement: Placement, profile: Profile, **changes: Any) -> Any:
    form = world.asked(profile, **{"name": placement.name} | changes)
    return signed_in(user).post(f"/placements/{placement.pk}/edit/", form)


def decide(plan: Plan, by: User, act: str, comment: str = "") -> Any:
    form = {"seen_hash": plan.hash, "comment": comment, "accept": ticks(plan)}
    return signed_in(by).post(f"/plans/{plan.pk}/{act}/", form)


def test_two_people_from_a_rejection_to_an_approval(dana: User, adam: User, profile: Profile) -> None:
    sent = signed_in(dana).post("/placements/new/", world.asked(profile))
    placement = Placement.objects.get()
    assert sent["Location"] == f"/placements/{placement.pk}/"
    first = made_ready(placement)
    here = f'href="/placements/{placement.pk}/edit/"'
    assert here in signed_in(dana).get(f"/plans/{first.pk}/").content.decode()
    decide(first, adam, "reject", NO)
    for reader, sees in ((dana, True), (adam, False)):
        assert (here in signed_in(reader).get(f"/plans/{first.pk}/").content.decode()) == sees
    assert "Edit and send again" in shown(dana, f"/placements/{placement.pk}/")
    form = signed_in(dana).get(f"/placements/{placement.pk}/edit/").content.decode()
    assert NO in form and 'value="etcd-demo"' in form and "Trying it out" in form
    again = edit(dana, placement, profile, replicas="5", purpose="Trying it out, safely")
    assert again["Location"] == f"/placements/{placement.pk}/"
    placement.refresh_from_db()
    assert (placement.status, placement.replicas) == (Status.WAITING, 5)
    second = made_ready(placement)
    page = shown(adam, f"/plans/{second.pk}/")
    assert f"Sent before: what differs from plan {first.pk}" in page
    assert re.search(rf"Your decision about that one, \d+ s ago : Rejected – “{NO}”", page)
    assert "Replicas 3 5" in page and "Why Trying it out Trying it out, safely" in page
    assert page.index("Sent before") < page.index("What would change")
    assert decide(second, adam, "approve").status_code == 302
    placement.refresh_from_db()
    assert (placement.status, Run.objects.filter(job="place-database").count()) == (Status.APPLYING, 1)
    told = str(Entry.objects.get(act="placement.sent_again").sentence)
    assert told == (
        "Edited the request for etcd-demo, which was Rejected, and sent it again; other than before: "
        "Replicas, What it is for"
    )


def test_a_namespace_that_an_earlier_run_made_on_a_plane_that_was_dropped_is_named(
    dana: User, profile: Profile
) -> None:
    placement = world.placed(dana, profile, status=Status.ATTENTION)
    ClientAccess.objects.create(placement=placement, outside="metallb", zone="db.example.org.")
    failed = world.ran(placement, "failed")
    for plane, touch in (("k8s-2", "created"), ("k8s-3", "created"), ("k8s-4", "unchanged")):
        made = [{"touch": touch, "uid": "u", "ref": {"kind": "Namespace", "name": "demo"}}]
        world.stepped(failed, plane, "namespace", "succeeded", int(plane[-1]), outcome=made)
    assert edit(dana, placement, profile, planes=["k8s-1", "k8s-2"]).status_code == 302
    placement.refresh_from_db()
    assert not ClientAccess.objects.exists(), "nothing was made for clients of what was asked for before"
    said = [str(one) for one in place_job(placement).informed().cautions()]
    assert [text for text in said if "made the namespace" in text] == [
        "An earlier run of this request made the namespace demo on k8s-3, which the request does not use any more. The "
        "console has no right to delete namespaces. See that nothing is in it, then: "
        "kubectl --context k8s-3 delete namespaces demo --ignore-not-found"
    ]
    world.in_service(dana, profile, "another", planes=["k8s-3"])
    assert place_job(placement).informed().namespaces_left == [], "another database lives there"
    made = [{"touch": "created", "uid": "u", "ref": {"kind": "Namespace", "name": "demo"}}]
    world.stepped(failed, "k8s-0", "namespace", "succeeded", 9, outcome=made)
    used = [("k8s-1", "demo"), ("k8s-2", "demo")]
    assert namespaces_left(placement, failed.job, used) == [], "and its Cluster is in the control plane"


def test_what_was_taken_back_is_sent_again(dana: User, profile: Profile) -> None:
    placement = world.placed(dana, profile)
    made = world.planned(placement)
    services.cancel(placement.pk, by=dana)
    assert edit(dana, placement, profile).status_code == 302
    placement.refresh_from_db()
    assert (placement.status, placement.plans()[0].status) == (Status.WAITING, "making")
    assert Plan.objects.get(pk=made.pk).status == "withdrawn"


def failed(placement: Placement, **changes: Any) -> Run:
    """Let the run of an approved plan fail."""
    plan = world.planned(placement, "approved")
    Placement.objects.filter(pk=placement.pk).update(status=Status.ATTENTION, **changes)
    return world.ran(placement, "failed", plan=plan)


def test_what_failed_before_its_cluster_is_sent_again_and_its_old_run_is_history(
    dana: User, profile: Profile
) -> None:
    placement = world.placed(dana, profile)
    run = failed(placement)
    assert jobs.retry_refusal(run) is None
    assert "Edit and send again" in shown(dana, f"/placements/{placement.pk}/")
    assert edit(dana, placement, profile, planes=["k8s-1"], replicas="1").status_code == 302
    with pytest.raises(Stale, match="out of date"):
        jobs.retry(run.pk, by=dana)
    placement.refresh_from_db()
    assert (placement.status, placement.planes) == (Status.WAITING, ["k8s-1"])


def test_a_plan_to_undo_its_run_hides_neither_the_run_nor_who_shaped_it_nor_what_was_approved(
    dana: User, adam: User, profile: Profile
) -> None:
    placement = world.placed(dana, profile)
    run = failed(placement)
    approved = placement.plans()[0]
    Plan.objects.filter(pk=approved.pk).update(editors=[dana.pk, adam.pk])
    job = UndoRun(run.pk, run.job, run.params)
    words: dict[str, Any] = {"job": job.slug, "params": job.params()}
    world.planned(placement, undoes=run, **words)
    world.ran(placement, "succeeded", **words)
    placement.refresh_from_db()
    assert broken_run(placement, list(placement.runs())) == run
    assert adam.pk in services.plan_again(placement.pk, by=dana).editors
    back = world.planned(placement, undoes=run, **words)
    services.cancel(placement.pk, by=dana)
    statuses = dict(placement.plans().values_list("pk", "status"))
    assert (statuses[approved.pk], statuses[back.pk]) == ("withdrawn", "withdrawn")
    with pytest.raises(Stale, match="out of date"):
        jobs.retry(run.pk, by=dana)


def test_copies_that_pods_may_use_are_not_taken_back(dana: User, profile: Profile) -> None:
    placement = world.in_service(dana, profile)
    job = RepairMirrors(**facts_of(placement), uid=placement.cluster_uid)
    plan = world.planned(placement, "approved")
    run = world.ran(placement, "succeeded", job=job.slug, params=job.params(), plan=plan)
    copied = [{"touch": "created", "uid": "u", "ref": {"kind": "ConfigMap", "name": "x"}, "warnings": []}]
    step = world.stepped(run, "k8s-1", "copy", "succeeded", outcome=copied)
    step.content = {"change": {"action": "ensure-namespace", "plane": "k8s-1", "name": "x"}}
    step.save()
    with pytest.raises(Stale, match="its pods may use it by now"):
        undo(run.pk, by=dana)


def test_a_database_whose_cluster_was_made_or_may_have_been_is_not(dana: User, profile: Profile) -> None:
    made, unsure = world.placed(dana, profile, "made"), world.placed(dana, profile, "unsure")
    failed(made, cluster_uid="uid-of-it")
    step = world.stepped(failed(unsure), "k8s-0", "cluster", "failed", troubles=3)
    step.content = {"change": {"action": "apply-cluster"}}
    step.save()
    for placement, why in (
        (made, "has its Cluster already"),
        (unsure, "Nobody knows yet whether the Cluster"),
    ):
        assert (
            f"/placements/{placement.pk}/edit/"
            not in signed_in(dana).get(f"/placements/{placement.pk}/").content.decode()
        )
        for answer in (
            signed_in(dana).get(f"/placements/{placement.pk}/edit/"),
            edit(dana, placement, profile),
        ):
            assert answer.status_code == 409
            assert why in answer.content.decode()
        placement.refresh_from_db()
        assert placement.status == Status.ATTENTION


@pytest.mark.parametrize("status", [Status.APPLYING, Status.IN_SERVICE, Status.RETIRED])
def test_what_runs_or_is_gone_is_not_sent_again(status: Status, dana: User, profile: Profile) -> None:
    placement = world.placed(dana, profile, status=status)
    assert signed_in(dana).get(f"/placements/{placement.pk}/edit/").status_code == 409
    assert edit(dana, placement, profile).status_code == 409
    assert "Edit and send again" not in shown(dana, f"/placements/{placement.pk}/")


def test_a_name_that_somebody_took_meanwhile_needs_another(dana: User, profile: Profile) -> None:
    placement = world.placed(dana, profile, status=Status.REJECTED)
    world.placed(person("dirk", "dba"), profile)
    refused = edit(dana, placement, profile)
    assert refused.status_code == 422
    assert "dirk already has a database demo/etcd-demo" in refused.content.decode()
    assert Placement.objects.get(pk=placement.pk).status == Status.REJECTED
    assert edit(dana, placement, profile, name="etcd-other").status_code == 302
    placement.refresh_from_db()
    assert (placement.status, placement.name) == (Status.WAITING, "etcd-other")


def test_only_those_whose_it_is_send_it_again_and_who_edits_does_not_approve(
    dana: User, adam: User, vera: User, profile: Profile
) -> None:
    placement = world.placed(dana, profile, status=Status.REJECTED)
    world.planned(placement, "rejected")
    for other in (person("dirk", "dba"), vera):
        assert edit(other, placement, profile).status_code == 403
    assert edit(adam, placement, profile, size="m").status_code == 302
    plan = made_ready(placement)
    assert {dana.pk, adam.pk} <= set(plan.editors)
    assert decide(plan, adam, "approve").status_code == 403
    assert Decision.objects.count() == 0


def test_an_expired_plan_leaves_the_request_waiting_and_says_what_to_do(
    dana: User, adam: User, profile: Profile
) -> None:
    placement = world.placed(dana, profile)
    plan = world.planned(placement, valid_until=timezone.now() - timedelta(minutes=1))
    for _ in range(2):  # before beat came, and after
        page = shown(dana, f"/placements/{placement.pk}/")
        assert "Nobody decided about the plan in time, so it expired." in page
        assert "Make the plan again" in page and "Edit and send again" in page
        assert "Nobody decided about its plan in time" in shown(dana, "/")
        assert "Decide" not in shown(adam, "/")
        tick()
    placement.refresh_from_db()
    assert (placement.status, Plan.objects.get(pk=plan.pk).status) == (Status.WAITING, "expired")
    signed_in(dana).post(f"/placements/{placement.pk}/plan-again/")
    assert placement.plans()[0].status == "making"
    assert "Nobody decided" not in shown(dana, "/")


@pytest.mark.parametrize("act", ["retire", "repair"])
def test_an_expired_change_of_a_database_is_made_again_as_it_was_asked(
    act: str, dana: User, profile: Profile
) -> None:
    placement = world.in_service(dana, profile)
    how = {"typed_name": placement.name, "policy": "WipeOut"} if act == "retire" else {}
    asked = getattr(services, act)(placement.pk, by=dana, reason="not used any more", **how)
    Run.objects.update(status="succeeded", ended_at=timezone.now())
    over = timezone.now() - timedelta(minutes=1)
    Plan.objects.filter(pk=asked.pk).update(status="ready", valid_until=over, approvals_needed=1)
    tick()
    assert "A plan of dana expired" in shown(dana, f"/placements/{placement.pk}/")
    assert "Nobody decided about its plan in time" in shown(dana, "/")
    signed_in(dana).post(f"/plans/{asked.pk}/again/")
    again = placement.plans()[0]
    assert (again.pk > asked.pk, again.job, again.reason) == (True, asked.job, "not used any more")
    assert again.params == asked.params
