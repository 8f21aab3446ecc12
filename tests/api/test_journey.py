"""What people do by API, one request after the other, as they would by browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import translation

from kbconsole.audit.models import Entry
from kbconsole.jobs.models import Decision, Run
from placements.models import Placement, Status
from tests.api.calling import Caller, a_placement, a_wish, made_ready, yes

As = Callable[[str], Caller]
pytestmark = pytest.mark.usefixtures("fleet")


def test_a_dba_asks_and_gets_the_verdict_and_a_plan_that_is_being_made(as_: As) -> None:
    response = as_("dana").post("placements/", a_wish())
    assert response.status_code == 201
    placement = response.json()
    assert response["Location"] == f"/api/v1/placements/{placement['id']}/"
    assert placement["survival"]["kept"] is True
    assert placement["survival"]["headline"]["text"].startswith("Any one plane may be lost")
    assert [row["plane"] for row in placement["replica_rows"]] == ["k8s-1", "k8s-2", "k8s-3"]
    plan = as_("dana").get(f"placements/{placement['id']}/plan/").json()
    assert (plan["status"], plan["requested_by"], plan["steps"]) == ("making", "dana", [])
    assert Run.objects.get(pk=placement["run"]).job == "make-plan"


def test_a_request_that_cannot_be_says_every_wrong_field_and_keeps_nothing(as_: As) -> None:
    body = a_wish(name="Etcd_Demo", planes=["k8s-1", "k8s-1"], replicas=0, profile="nope")
    response = as_("dana").post("placements/", body)
    assert (response.status_code, response["Content-Type"]) == (422, "application/problem+json")
    problem = response.json()
    assert problem["code"] == "wish.wrong"
    assert set(problem["errors"]) == {"name", "planes", "replicas", "profile"}
    assert problem["errors"]["planes"][0]["code"] == "names.plane_twice"
    assert problem["errors"]["planes"][0]["params"] == {"plane": "k8s-1"}
    assert "k8s-1 is in the list twice" in problem["errors"]["planes"][0]["text"]
    assert not Placement.objects.exists()


def test_an_admin_reads_the_plan_and_approves_exactly_its_hash(as_: As) -> None:
    placement = a_placement()
    made_ready(placement)
    adam = as_("adam")
    plan = adam.get(f"placements/{placement.pk}/plan/").json()
    assert plan["why_not_you"] is None
    [step] = plan["steps"]
    assert (step["on"], step["diff"][0]["touch"]) == ("k8s-1", "created")
    assert any("kubectl" in line for line in step["commands"])

    other = adam.post(f"placements/{placement.pk}/approve/", {"hash": "0" * 64})
    assert (other.status_code, other.json()["code"]) == (409, "plan.other_hash")
    missing = adam.post(f"placements/{placement.pk}/approve/", {"comment": "fine"})
    assert (missing.status_code, set(missing.json()["errors"])) == (400, {"hash"})
    body = {"hash": plan["hash"], "comment": "fine"}
    unread = adam.post(f"placements/{placement.pk}/approve/", body)
    assert (unread.status_code, unread.json()["code"]) == (400, "plan.unread")
    assert not Decision.objects.exists()

    [caution] = plan["cautions"]
    done = adam.post(f"placements/{placement.pk}/approve/", {**body, "accepted": [caution["key"]]})
    assert (done.status_code, done.json()["status"]) == (200, "approved")
    [decision] = done.json()["decisions"]
    assert (decision["by"], decision["verdict"], decision["comment"]) == ("adam", "approve", "fine")
    assert decision["plan_hash"] == plan["hash"]
    assert [sentence["code"] for sentence in decision["accepted"]] == [caution["sentence"]["code"]]
    placement.refresh_from_db()
    assert placement.status == Status.APPLYING


def test_nobody_approves_what_they_asked_for_and_the_attempt_is_in_the_audit_log(as_: As) -> None:
    placement = a_placement(by=as_("adam").user)
    plan = made_ready(placement)
    response = as_("adam").post(f"plans/{plan.pk}/approve/", {"hash": plan.hash})
    assert (response.status_code, response.json()["code"]) == (403, "plan.own")
    entry = Entry.objects.latest("seq")
    assert (entry.act, entry.outcome, entry.actor_kind) == ("plan.approved", "denied", "api_token")
    assert (entry.object_kind, entry.object_id) == ("placement", str(placement.pk))
    assert as_("ada").post(f"plans/{plan.pk}/approve/", yes(plan)).status_code == 200


def test_a_rejection_needs_a_comment_and_ends_the_request(as_: As) -> None:
    placement = a_placement()
    plan = made_ready(placement)
    silent = as_("adam").post(f"plans/{plan.pk}/reject/", {"hash": plan.hash})
    assert set(silent.json()["errors"]) == {"comment"}
    done = as_("adam").post(f"plans/{plan.pk}/reject/", {"hash": plan.hash, "comment": "too small"})
    assert done.json()["status"] == "rejected"
    late = as_("ada").post(f"plans/{plan.pk}/approve/", {"hash": plan.hash})
    assert (late.status_code, late.json()["code"]) == (409, "plan.decided")
    assert late.json()["params"]["by"] == "adam"
    assert as_("dana").get(f"placements/{placement.pk}/").json()["status"] == "rejected"


def test_the_owner_changes_a_request_and_the_old_plan_is_void(as_: As) -> None:
    placement = a_placement()
    plan = made_ready(placement)
    changed = as_("dana").put(f"placements/{placement.pk}/", a_wish(disk_gib=30))
    assert (changed.status_code, changed.json()["disk_gib"]) == (200, 30)
    late = as_("adam").post(f"plans/{plan.pk}/approve/", {"hash": plan.hash})
    assert (late.status_code, late.json()["code"]) == (409, "plan.not_ready")


def test_withdrawing_the_plan_and_cancelling_the_request_both_end_it(as_: As) -> None:
    one, other = a_placement("one"), a_placement("other")
    assert as_("dana").post(f"placements/{one.pk}/withdraw/").json()["status"] == "withdrawn"
    assert as_("dana").post(f"placements/{other.pk}/cancel/").json()["status"] == "cancelled"
    statuses = {row["name"]: row["status"] for row in as_("vera").get("placements/").json()["results"]}
    assert statuses == {"one": "cancelled", "other": "cancelled"}


def test_another_dba_is_told_whose_it_is(as_: As) -> None:
    placement = a_placement()
    response = as_("dora").post(f"placements/{placement.pk}/cancel/")
    assert (response.status_code, response.json()["code"]) == (403, "placements.not_yours")
    assert response.json()["params"] == {"owner": "dana"}
    assert Entry.objects.latest("seq").outcome == "denied"


def test_acts_out_of_turn_say_what_the_state_is(as_: As) -> None:
    placement = a_placement()
    for act, body in (("check", {}), ("retire", {"name": "etcd-demo", "policy": "Delete"})):
        response = as_("dana").post(f"placements/{placement.pk}/{act}/", body)
        assert (response.status_code, response.json()["code"]) == (409, "placements.not_now")
        assert "Waiting for approval" in response.json()["detail"]


def test_retiring_needs_the_name_and_makes_a_plan(as_: As) -> None:
    placement = a_placement()
    made_ready(placement)
    Placement.objects.update(
        status=Status.IN_SERVICE, cluster_uid="uid-1", release_line="0.9", definition="etcd-0.9.0"
    )
    wrong = as_("dana").post(f"placements/{placement.pk}/retire/", {"name": "etcd", "policy": "Delete"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "placements.type_name")
    done = as_("dana").post(f"placements/{placement.pk}/retire/", {"name": "etcd-demo", "policy": "Delete"})
    assert (done.status_code, done.json()["job"], done.json()["status"]) == (202, "retire-database", "making")


def test_events_after_a_number_lose_no_line_and_say_when_there_are_no_more(as_: As) -> None:
    placement = a_placement()
    run = placement.runs()[0]
    first = as_("vera").get(f"runs/{run.pk}/events/").json()
    assert (first["last"], first["more"], first["status"]) == (run.last_seq or first["last"], True, "queued")
    assert [event["seq"] for event in first["results"]] == list(range(1, first["last"] + 1))
    as_("dana").post(f"runs/{run.pk}/cancel/")
    then = as_("vera").get(f"runs/{run.pk}/events/", after=first["last"]).json()
    assert then["results"][0]["sentence"]["code"] == "jobs.cancel_asked"
    assert then["results"][0]["sentence"]["text"]
    Run.objects.filter(pk=run.pk).update(status="cancelled")
    assert as_("vera").get(f"runs/{run.pk}/events/", after=then["last"]).json()["more"] is False


def test_the_steps_of_a_run_are_all_there_before_it_begins(as_: As) -> None:
    placement = a_placement()
    plan = made_ready(placement)
    as_("adam").post(f"plans/{plan.pk}/approve/", yes(plan))
    run = as_("dana").get(f"placements/{placement.pk}/").json()["run"]
    shown = as_("dana").get(f"runs/{run}/").json()
    assert (shown["status"], shown["steps"], shown["plan"]) == ("queued", {"pending": 3}, plan.pk)
    steps = as_("dana").get(f"runs/{run}/steps/").json()["results"]
    assert [(step["lane"], step["phase"]) for step in steps] == [
        ("console", "confirm"), ("k8s-1", "baseline"), ("k8s-1", "namespace"),
    ]  # fmt: skip
    assert as_("dana").post(f"runs/{run}/steps/99/check-again/").status_code == 404
    assert as_("dana").post(f"runs/{run}/steps/0/check-again/").status_code == 202
    early = as_("dana").post(f"runs/{run}/retry/")
    assert (early.status_code, early.json()["code"]) == (409, "jobs.not_failed")


def test_an_admin_makes_and_changes_profiles_and_a_stale_change_is_refused(as_: As) -> None:
    body = {"name": "ack", "kind": "cloud_lb", "config": {"provider": "ack", "address_type": "private"}}
    wrong = as_("adam").post("profiles/", {**body, "config": {"provider": "ack", "adress_type": "private"}})
    assert wrong.status_code == 400
    assert {"config.address_type", "config.adress_type"} <= set(wrong.json()["errors"])
    assert as_("adam").post("profiles/", body).status_code == 201
    again = as_("adam").post("profiles/", body)
    assert (again.status_code, again.json()["code"]) == (400, "networking.name_taken")
    change = {"config": {**body["config"], "minimum_disk_gib": 40}, "seen_version": 1}  # type: ignore[dict-item]
    assert as_("adam").put("profiles/ack/", change).json()["version"] == 2
    stale = as_("ada").put("profiles/ack/", change)
    assert (stale.status_code, stale.json()["code"]) == (409, "networking.changed_meanwhile")


def test_a_copy_of_the_role_is_a_plan_that_its_admin_lets_run(as_: As) -> None:
    unknown = as_("adam").post("fleet/copy-rbac/", {"planes": ["k8s-9"]})
    assert (unknown.status_code, unknown.json()["code"]) == (400, "fleet.copy_unknown")
    plan = as_("adam").post("fleet/copy-rbac/", {"planes": ["k8s-1"]})
    assert (plan.status_code, plan.json()["job"]) == (202, "copy-rbac")
    early = as_("adam").post(f"plans/{plan.json()['id']}/go-ahead/", {"hash": "0" * 64})
    assert (early.status_code, early.json()["code"]) == (409, "plan.not_ready")


def test_sentences_and_problems_come_in_the_language_of_the_request(as_: As) -> None:
    dana = as_("dana")
    placement = a_placement()
    path = f"placements/{placement.pk}/check/"
    english = dana.post(path).json()["detail"]
    chinese = dana.post(path, **{"Accept-Language": "zh-hans"}).json()
    assert chinese["code"] == "placements.not_now"
    with translation.override("zh-hans"):
        assert chinese["title"] == translation.gettext("Conflict")
    assert english.startswith("etcd-demo is")


def test_a_dba_reads_only_their_own_acts_in_the_audit_log(as_: As) -> None:
    a_placement(by=as_("dora").user)
    a_placement("mine", by=as_("dana").user)
    mine = as_("dana").get("audit/").json()["results"]
    assert {entry["person"] for entry in mine} == {"dana"}
    all_ = as_("vera").get("audit/", act="placement").json()["results"]
    assert [entry["person"] for entry in all_] == ["dana", "dora"]
    one = as_("vera").get(f"audit/{all_[0]['seq']}/").json()
    assert (one["object_label"], one["canonical"][0]) == ("demo/mine", "{")
    assert as_("dana").get(f"audit/{all_[1]['seq']}/").status_code == 404
