"""One database: does it work, how does one connect, what happened, and what may this person do now."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from kbconsole.audit.models import Entry
from kbconsole.audit.object_links import url_for
from kbconsole.common.sentences import say
from kbconsole.jobs import services
from kbconsole.jobs.models import Decision, Plan, Run
from networking.models import Profile
from placements.models import Placement, Status
from tests.people import signed_in
from tests.placements import world


@pytest.fixture
def profile(dana: User) -> Profile:
    world.fleet()
    return world.mesh(dana)


def text(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def see(user: User, placement: Placement) -> Any:
    return signed_in(user).get(f"/placements/{placement.pk}/")


def act(user: User, placement: Placement, name: str) -> Any:
    return signed_in(user).post(f"/placements/{placement.pk}/{name}/")


def replica(response: Any, ordinal: int) -> str:
    found = re.search(rf'<tr id="replica-{ordinal}">(.*?)</tr>', response.content.decode(), re.DOTALL)
    assert found
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())


def test_the_header_says_in_one_sentence_how_it_is(vera: User, dana: User, profile: Profile) -> None:
    page = text(see(vera, world.in_service(dana, profile)))
    assert re.search(r"3 replicas on 3 planes, leader on k8s-2, proven \d+ s ago", page)
    assert "survives the loss of any one plane" in page


def test_planned_stands_beside_what_was_seen_and_when(dana: User, profile: Profile) -> None:
    page = see(dana, world.in_service(dana, profile))
    seen = "etcd-demo-etcd-1 k8s-2 ready leader k8s-2-n0 10.1.0.7 192.0.2.2:2380 Copy LoadBalancer k8s-2, "
    assert re.fullmatch(re.escape(seen) + r"\d+ s ago", replica(page, 1))
    waiting = see(dana, world.placed(dana, profile, "later"))
    assert replica(waiting, 2) == "later-etcd-2 k8s-3 planned – – – – –"


def test_a_silent_plane_leaves_its_replicas_unknown(dana: User, profile: Profile) -> None:
    placement = world.in_service(dana, profile)
    world.silence("k8s-2")
    page = see(dana, placement)
    assert "k8s-2 gives no answer, so nobody knows how its replicas are." in text(page)
    assert replica(page, 1).startswith("etcd-demo-etcd-1 k8s-2 unknown –")
    assert "leader on" not in text(page)


def test_client_addresses_are_shown_only_for_services_that_were_seen(dana: User, profile: Profile) -> None:
    peers = text(see(dana, world.in_service(dana, profile)))
    assert "No address from outside: the network profile gives clients none" in peers
    assert "etcdctl" not in peers and "no password, no TLS" in peers
    observed = world.seen("open", client_port=True)
    clients = text(see(dana, world.in_service(dana, profile, "open", observed=observed)))
    assert "etcdctl --endpoints=http://192.0.2.1:2379,http://192.0.2.2:2379,http://192.0.2.3:2379" in clients
    assert "gives clients none" not in clients and "no password, no TLS" in clients


def test_proof_lists_each_check_of_the_last_run_with_its_sentence(dana: User, profile: Profile) -> None:
    placement = world.in_service(dana, profile)
    run = world.ran(placement, "succeeded", ended_at=timezone.now())
    passed = {
        "verdict": "pass",
        "sentence": say("placements.pods_ready", pods=["etcd-demo-etcd-0"]).to_json(),
    }
    world.stepped(run, "k8s-1", "pods", "succeeded", 0, finding=passed, ended_at=timezone.now())
    page = text(see(dana, placement))
    assert "1 of 1 checks passed" in page and "etcd-demo-etcd-0 ready." in page
    world.stepped(run, "k8s-2", "pods", "pending", 1)
    assert "1 of 2 checks passed" in text(see(dana, placement))
    assert "Nobody has looked yet." in text(see(dana, placement))


def test_the_story_is_newest_first_and_leads_on(dana: User, adam: User, profile: Profile) -> None:
    placement = world.in_service(dana, profile, purpose="For the shop")
    plan = world.planned(placement, "approved")
    Decision.objects.create(plan=plan, by=adam, verdict="approve", comment="Go", plan_hash="", content="")
    run = world.ran(placement, "succeeded")
    page = see(dana, placement)
    said = text(page)
    lines = [
        f"Run {run.pk}: Place database",
        "Approved the plan",
        "Plan: Place database",
        "Asked for this database",
    ]
    assert [said.index(line) for line in lines] == sorted(said.index(line) for line in lines)
    assert "“Go” adam" in said and "“For the shop” dana" in said
    assert (
        f'href="/runs/{run.pk}/"' in page.content.decode()
        and f'href="/plans/{plan.pk}/"' in page.content.decode()
    )


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("making", "The plan is being made: the console asks the planes what would change."),
        ("ready", "An administrator has to agree before anything is made"),
        ("failed", "The plan could not be made. k8s-3 is disabled in the operator"),
        ("stale", "The plan is out of date: something changed since it was made."),
    ],
)
def test_while_it_waits_it_says_for_whom(dana: User, profile: Profile, status: str, said: str) -> None:
    placement = world.placed(dana, profile)
    failure = say("placements.plane_disabled", plane="k8s-3").to_json() if status == "failed" else None
    plan = world.planned(placement, status, failure=failure)
    page = see(dana, placement)
    assert said in text(page) and "See the plan" in text(page)
    assert ("Make the plan again" in text(page)) == (status in ("failed", "stale"))
    assert 'hx-trigger="every 2s"' in page.content.decode()
    moved = signed_in(dana).get(f"/placements/{placement.pk}/plan/")
    assert moved.headers["Location"] == f"/plans/{plan.pk}/"


def test_a_rejection_is_told_with_its_comment(dana: User, adam: User, profile: Profile) -> None:
    placement = world.placed(dana, profile, status=Status.REJECTED)
    plan = world.planned(placement, "rejected")
    Decision.objects.create(plan=plan, by=adam, verdict="reject", comment="Take 3", plan_hash="", content="")
    assert "Rejected by adam: “Take 3”. Nothing was made." in text(see(dana, placement))


def test_attention_says_what_where_since_when_and_what_next(dana: User, profile: Profile) -> None:
    observed = world.seen("etcd-demo", ready=(True, True, False))
    placement = world.in_service(dana, profile, status=Status.ATTENTION, observed=observed)
    run = world.ran(placement, "failed", ended_at=timezone.now() - timedelta(minutes=9))
    finding = {
        "verdict": "fail", "sentence": say("placements.pods_waiting", plane="k8s-3", what="Pending").to_json(),
        "fix": say("placements.services_fix", plane="k8s-3").to_json(),
    }  # fmt: skip
    world.stepped(run, "k8s-3", "pods", "failed", finding=finding)
    page = see(dana, placement)
    said = text(page)
    assert "k8s-3: Pending k8s-3 · Pods. Place database" in said
    assert "stopped 9 min ago" in said and "2 of 3 replicas were ready when last seen." in said
    assert "What to do: If it stays so, look at the operator" in said
    assert f'href="/runs/{run.pk}/">Open the run; Retry is there' in page.content.decode()
    assert "Make the plan again" in said


def test_of_what_failed_the_first_stands_open_and_what_nobody_looked_at_is_folded(
    dana: User, profile: Profile
) -> None:
    placement = world.in_service(dana, profile, status=Status.ATTENTION)
    run = world.ran(placement, "failed", ended_at=timezone.now())
    for position, plane in enumerate(("k8s-1", "k8s-2")):
        said = say("placements.pods_waiting", plane=plane, what="Pending").to_json()
        world.stepped(
            run, plane, "pods", "failed", position, finding={"verdict": "fail", "sentence": said, "fix": None}
        )
    world.stepped(run, "k8s-3", "roles", "skipped", 2)
    page = see(dana, placement).content.decode()
    failing = re.search(r'<ul [^>]*id="proof-failing">(.*?)</ul>', page, re.DOTALL)
    assert failing and "k8s-1: Pending" in failing[1] and "k8s-2: Pending" not in failing[1]
    assert '<details class="fold" id="proof-fold">' in page
    Run.objects.update(status="running", ended_at=None)
    run.steps.update(status="pending", finding=None)
    assert '<details class="fold" id="proof-fold" open>' in see(dana, placement).content.decode()


def test_each_plane_has_the_time_at_which_it_was_read_itself(dana: User, profile: Profile) -> None:
    observed = world.seen("etcd-demo")
    observed["k8s-3"]["seen_at"] = (timezone.now() - timedelta(hours=3)).isoformat()
    placement = world.in_service(dana, profile, observed=observed)
    page = see(dana, placement)
    assert replica(page, 2).endswith("k8s-3, 3 h ago") and not replica(page, 1).endswith("3 h ago")
    retiring = text(signed_in(dana).get(f"/placements/{placement.pk}/retire/"))
    assert "k8s-3 services as read 3 h ago" in retiring
    assert retiring.count("services as read 3 h ago") == 1


@pytest.mark.parametrize("fix", ["mirror_fix", "services_fix", "pods_fix", "binding_lacks"])
def test_what_a_copy_may_mend_is_offered_with_the_trouble(
    dana: User, vera: User, profile: Profile, fix: str
) -> None:
    placement = world.in_service(dana, profile, status=Status.ATTENTION)
    run = world.ran(placement, "failed", ended_at=timezone.now())
    finding = {"verdict": "fail", "sentence": say("placements.no_leader").to_json(),
               "fix": say(f"placements.{fix}", plane="k8s-3").to_json()}  # fmt: skip
    world.stepped(run, "k8s-3", "services", "failed", finding=finding)
    offered = re.compile(
        rf'action="/placements/{placement.pk}/repair/"[^>]*>(?:<input[^>]*>)<button[^>]*>Copy the'
    )
    assert offered.search(see(dana, placement).content.decode())
    assert not offered.search(see(vera, placement).content.decode())
    run.steps.update(finding={**finding, "fix": None})
    assert not offered.search(see(dana, placement).content.decode())


@pytest.mark.parametrize("name", ["repair", "plan-again", "edit"])
def test_while_a_plan_is_being_made_another_one_is_refused_in_place(
    dana: User, profile: Profile, name: str
) -> None:
    placement = world.in_service(dana, profile, status=Status.ATTENTION)
    if name == "edit":
        placement = world.placed(dana, profile, "waiting")
    assert act(dana, placement, "plan-again").status_code == 302
    body = world.asked(profile, name="waiting", replicas="5") if name == "edit" else {}
    again = signed_in(dana).post(f"/placements/{placement.pk}/{name}/", body)
    assert again.status_code == 409
    assert f"A plan for {placement.name} is being made since" in text(again)
    assert "Somebody was faster" not in text(again)
    assert placement.plans().count() == 1


def test_a_run_under_way_shows_what_it_has_seen_so_far_and_refreshes(dana: User, profile: Profile) -> None:
    placement = world.placed(
        dana, profile, status=Status.APPLYING, release_line="0.9", definition="etcd-0.9.0"
    )
    run = world.ran(placement, "running", started_at=timezone.now())
    facts = world.seen("etcd-demo")["k8s-2"]
    world.stepped(run, "k8s-2", "pods", "succeeded", facts=facts, ended_at=timezone.now())
    page = signed_in(dana).get(f"/placements/{placement.pk}/", headers={"HX-Request": "true"})
    assert "<html" not in page.content.decode() and 'hx-trigger="every 2s"' in page.content.decode()
    assert "Place database is under way: 3 replicas on 3 planes." in text(page)
    assert replica(page, 1).startswith("etcd-demo-etcd-1 k8s-2 ready leader")
    assert replica(page, 0).startswith("etcd-demo-etcd-0 k8s-1 unknown")
    assert f'href="/runs/{run.pk}/"' in page.content.decode()
    Run.objects.update(status="succeeded")
    Placement.objects.update(status=Status.IN_SERVICE)
    assert "hx-trigger" not in see(dana, placement).content.decode()


def test_check_again_queues_a_run_once(dana: User, profile: Profile) -> None:
    placement = world.in_service(dana, profile)
    assert act(dana, placement, "check").headers["Location"] == f"/placements/{placement.pk}/"
    assert Run.objects.get().job == "check-database"
    assert "Watch the run" in text(see(dana, placement))
    again = act(dana, placement, "check")
    assert again.status_code == 409
    assert "is under way for demo/etcd-demo since" in text(again) and "Where it runs" in text(again)
    assert Run.objects.count() == 1


def test_take_back_cancels_the_request_and_its_plan(dana: User, profile: Profile) -> None:
    placement = world.placed(dana, profile)
    world.planned(placement)
    assert act(dana, placement, "cancel").status_code == 302
    placement.refresh_from_db()
    assert placement.status == Status.CANCELLED and Plan.objects.get().status == "withdrawn"
    assert "The request was taken back. No database was made." in text(see(dana, placement))
    again = act(dana, placement, "cancel")
    assert again.status_code == 409 and "etcd-demo is Cancelled now" in text(again)


def test_plan_again_makes_a_new_plan(dana: User, profile: Profile) -> None:
    placement = world.placed(dana, profile)
    world.planned(placement, "stale")
    answer = act(dana, placement, "plan-again")
    newest = placement.plans().first()
    assert newest is not None and newest.status == "making"
    assert answer.headers["Location"] == f"/plans/{newest.pk}/"


def test_what_was_taken_back_after_its_run_failed_cannot_be_retried(dana: User, profile: Profile) -> None:
    placement = world.placed(dana, profile, status=Status.ATTENTION)
    run = world.ran(placement, "failed", plan=world.planned(placement, "approved"))
    assert services.retry_refusal(run) is None
    assert act(dana, placement, "cancel").status_code == 302
    assert signed_in(dana).post(f"/runs/{run.pk}/retry/").status_code == 409
    assert Placement.objects.get(pk=placement.pk).status == "cancelled"
    plan = text(signed_in(dana).get(f"/plans/{run.plan_id}/"))
    assert "Nothing was changed on any plane" not in plan
    assert f"Open run {run.pk}" in plan


@pytest.mark.parametrize("name", ["check", "cancel", "plan-again", "repair", "retire"])
def test_others_may_look_but_not_act_and_the_refusal_is_kept(
    dana: User, vera: User, nobody: User, profile: Profile, name: str
) -> None:
    status = Status.IN_SERVICE if name in ("check", "repair", "retire") else Status.WAITING
    placement = world.in_service(dana, profile, status=status)
    world.planned(placement)
    assert act(vera, placement, name).status_code == 403
    assert "This database belongs to dana." in text(act(vera, placement, name))
    assert act(nobody, placement, name).status_code == 404
    assert signed_in(dana).get(f"/placements/{placement.pk}/{name}/").status_code in (200, 405)
    assert Entry.objects.filter(outcome="denied").count() == 2
    assert not Run.objects.exists()


def test_what_never_got_its_cluster_has_nothing_to_copy(dana: User, profile: Profile) -> None:
    placement = world.in_service(dana, profile, cluster_uid="", status=Status.ATTENTION)
    assert "so there is nothing to copy." in text(see(dana, placement))
    answer = act(dana, placement, "repair")
    assert answer.status_code == 409 and "never got as far as its Cluster" in text(answer)
    for status in (Status.WAITING, Status.RETIRED):
        Placement.objects.update(status=status)
        assert act(dana, placement, "repair").status_code == 409
    assert not Plan.objects.exists()


def test_buttons_that_one_may_not_use_say_why(dana: User, adam: User, vera: User, profile: Profile) -> None:
    placement = world.in_service(dana, profile)
    mine, theirs = see(dana, placement), see(vera, placement)
    assert "Check again" in text(mine) and "Only dana or an administrator may do this." not in text(mine)
    assert text(theirs).count("Only dana or an administrator may do this.") == 4
    assert "/retire/" in mine.content.decode() and "/retire/" not in theirs.content.decode()
    assert "Only dana" not in text(see(adam, placement))
    waiting = world.placed(dana, profile, "waiting")
    world.planned(waiting)
    assert "Only who asked for it may take it back. You can reject its plan." in text(see(adam, waiting))


def test_without_a_role_there_is_no_such_page(dana: User, nobody: User, profile: Profile) -> None:
    placement = world.in_service(dana, profile)
    assert see(nobody, placement).status_code == 404
    assert see(dana, placement).status_code == 200
    assert signed_in(dana).get("/placements/999/").status_code == 404
    assert signed_in(dana).get(f"/placements/{placement.pk}/plan/").status_code == 404


def test_the_audit_log_links_to_the_page() -> None:
    assert url_for("placement", "7") == "/placements/7/"


def test_the_page_asks_as_often_after_sixty_runs_as_after_ten(
    dana: User, adam: User, profile: Profile
) -> None:
    placement = world.in_service(dana, profile)
    browser, counts = signed_in(dana), []
    for more in (10, 50):
        for _n in range(more):
            plan = world.planned(placement, "approved")
            Decision.objects.create(plan=plan, by=adam, verdict="approve", plan_hash="", content="")
            run = world.ran(placement, "succeeded")
            world.stepped(run, "k8s-1", "pods", "succeeded")
        with CaptureQueriesContext(connection) as queries:
            browser.get(f"/placements/{placement.pk}/")
        counts.append(len(queries))
    assert counts[0] == counts[1] and counts[0] <= 15
