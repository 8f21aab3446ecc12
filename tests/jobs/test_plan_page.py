"""The page of a plan, over HTTP, as each role."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.http import HttpResponse

from kbconsole.audit.models import Entry
from kbconsole.jobs import services
from kbconsole.jobs.models import Decision, Plan, Run
from kbconsole.jobs.plan_page import page_of
from tests.driving import drive
from tests.jobs.richtoys import RichJob, made
from tests.jobs.toys import World
from tests.people import person, signed_in

pytestmark = pytest.mark.django_db(transaction=True)
HTMX = {"HX-Request": "true"}


def url(plan: Plan, act: str = "") -> str:
    return f"/plans/{plan.pk}/{act}"


def text(response: Any) -> str:
    return str(response.content.decode())


def post(user: User, plan: Plan, act: str, **data: Any) -> HttpResponse:
    """Send the form as the page would: with the hash that was read, and every warning ticked."""
    data.setdefault("seen_hash", plan.hash)
    data.setdefault("accept", [warning.key for warning in page_of(plan).warnings])
    return signed_in(user).post(url(plan, f"{act}/"), data)  # type: ignore[return-value]


def test_says_who_wants_what_why_and_counts_what_changes(dana: User, adam: User, world: World) -> None:
    plan = made(dana, how={"k8s-2": "removed", "k8s-3": "unchanged"})
    page = text(signed_in(adam).get(url(plan)))
    assert "Copy RBAC: demo/etcd-1" in page
    assert "dana asks for this" in page
    assert "for the payments team" in page
    assert "Objects on k8s-1, k8s-2: 1 created, 1 removed. Nothing else is touched." in page
    assert plan.hash in page


def test_shows_differences_manifests_and_commands(dana: User, adam: User, world: World) -> None:
    page = text(signed_in(adam).get(url(made(dana, how={"k8s-1": "conflict"}))))
    assert "<del>[&quot;get&quot;]</del><ins>[&quot;get&quot;,&quot;list&quot;]</ins>" in page
    assert "kind: ClusterRole\nmetadata:\n  name: kubeblocks-cluster-pod-role" in page
    assert "kubectl --context k8s-1 apply --server-side -f kubeblocks-cluster-pod-role.yaml" in page
    assert ".rules belongs to helm" in page


def test_a_plan_that_changes_nothing_says_so(dana: User, adam: User, world: World) -> None:
    same = dict.fromkeys(["k8s-1", "k8s-2", "k8s-3"], "unchanged")
    assert "Nothing would change" in text(signed_in(adam).get(url(made(dana, how=same))))


def test_sent_again_it_says_what_differs_from_the_one_before(dana: User, adam: User, world: World) -> None:
    older = made(dana)
    same = made(dana)
    page = text(signed_in(adam).get(url(same)))
    assert f"what differs from plan {older.pk}" in page
    assert "It asks for the same, step by step." in page
    other = made(dana, how={"k8s-2": "unchecked"})
    page = text(signed_in(adam).get(url(other)))
    assert f"what differs from plan {same.pk}" in page
    assert "<span>k8s-2, Apply role: how</span><del>created</del><ins>unchecked</ins>" in page
    assert "1 value of the steps differs" in page
    assert "Sent before" not in text(signed_in(adam).get(url(made(dana, number=2))))


def test_it_is_compared_with_the_version_that_its_reader_decided_about(
    dana: User, adam: User, ada: User, vera: User, world: World
) -> None:
    adams = made(dana, reason="for payments")
    post(adam, adams, "reject", comment="too wide")
    adas = made(dana, how={"k8s-1": "unchanged"}, reason="for payments")
    post(ada, adas, "reject", comment="still too wide")
    made(dana, how={"k8s-1": "removed"})  # that nobody decided about
    other = made(dana, how={"k8s-2": "unchecked"}, reason="for payments, narrower")
    expected = ((adam, adams, "Your decision about that one"), (ada, adas, "Your decision about that one"),
                (vera, adas, "ada about that one"))  # fmt: skip
    for reader, older, whose in expected:
        page = text(signed_in(reader).get(url(other)))
        assert f"what differs from plan {older.pk}<" in page
        assert f"{whose}, " in page and "too wide”" in page
        assert "<span>Why</span><del>for payments</del><ins>for payments, narrower</ins>" in page
        assert page.index("what differs") < page.index("What would change")


def test_warnings_stand_worst_first(dana: User, world: World) -> None:
    plan = made(dana, how={"k8s-1": "unchecked", "k8s-2": "conflict", "k8s-3": "removed"}, cautious=True)
    codes = [warning.sentence.code for warning in page_of(plan).warnings]
    assert codes == ["rich.public", "plan.warn_removes", "plan.warn_conflict", "plan.warn_unchecked"]


@pytest.mark.parametrize("who", ["adam", "dana", "vera"])
def test_everybody_with_a_role_reads(who: str, dana: User, adam: User, vera: User, world: World) -> None:
    plan = made(dana)
    assert signed_in(User.objects.get(username=who)).get(url(plan)).status_code == 200


@pytest.mark.parametrize("act", ["", "news/", "approve/", "reject/", "withdraw/", "go-ahead/"])
def test_who_may_not_see_it_gets_404(act: str, dana: User, vera: User, nobody: User, world: World) -> None:
    hidden = made(dana, hidden=True)
    client = signed_in(vera)
    assert client.get(url(hidden, act)).status_code == 404
    assert client.post(url(hidden, act), {"seen_hash": hidden.hash}).status_code in (404, 405)
    assert signed_in(nobody).get(url(made(dana, number=2), act)).status_code == 404
    assert signed_in(vera).get("/plans/999999/").status_code == 404


def test_while_it_is_made_the_page_watches_the_planning_run(dana: User, world: World) -> None:
    plan = services.make_plan(RichJob(), by=dana)
    page = text(signed_in(dana).get(url(plan)))
    assert 'hx-trigger="every 2s"' in page
    assert f"/runs/{plan.runs.get().pk}/" in page
    assert '<noscript><meta http-equiv="refresh"' in page
    drive(plan.runs.get())
    fragment = text(signed_in(dana).get(url(plan), headers=HTMX))
    assert fragment.lstrip().startswith('<div id="plan">')
    assert "What would change" in fragment


def test_approve_starts_the_run(dana: User, adam: User, world: World) -> None:
    plan = made(dana)
    response = post(adam, plan, "approve", comment="fine")
    assert response.status_code == 302
    assert response["Location"] == url(plan)
    run = Run.objects.get(job="rich")
    page = text(signed_in(dana).get(url(plan)))
    assert f"Open run {run.pk}" in page
    assert "fine" in page
    assert 'id="decide"' not in page


def test_every_warning_has_to_be_ticked(dana: User, adam: User, world: World) -> None:
    plan = made(dana, how={"k8s-1": "conflict"}, cautious=True)
    first, second = [warning.key for warning in page_of(plan).warnings]
    response = post(adam, plan, "approve", accept=[first], comment="my long comment")
    assert response.status_code == 400
    assert "tick each warning" in text(response)
    assert "my long comment" in text(response)
    assert f'value="{first}" form="decide" required checked' in text(response)
    assert f'value="{second}" form="decide" required>' in text(response)
    assert Decision.objects.count() == 0
    assert post(adam, plan, "approve").status_code == 302


def test_a_rejection_needs_its_reason_but_no_ticks(dana: User, adam: User, world: World) -> None:
    plan = made(dana, cautious=True)
    refused = post(adam, plan, "reject", accept=[])
    assert refused.status_code == 400
    assert "Say why you reject it" in text(refused)
    assert Decision.objects.count() == 0
    assert post(adam, plan, "reject", accept=[], comment="too wide").status_code == 302
    page = text(signed_in(dana).get(url(plan)))
    assert "Rejected by adam" in page
    assert "too wide" in page


def test_another_hash_is_a_conflict_and_keeps_what_was_typed(dana: User, adam: User, world: World) -> None:
    plan = made(dana)
    response = post(adam, plan, "approve", seen_hash="0" * 64, comment="typed with care")
    assert response.status_code == 409
    assert "The plan that you saw is not the plan that is here" in text(response)
    assert "typed with care" in text(response)
    assert f'value="{plan.hash}"' in text(response), "the next click is about what is shown now"
    assert "0" * 64 not in text(response)


def test_the_second_click_learns_who_was_first(dana: User, adam: User, ada: User, world: World) -> None:
    plan = made(dana)
    assert post(adam, plan, "approve").status_code == 302
    for late in (adam, ada):
        response = post(late, plan, "reject", comment="I had written this")
        assert response.status_code == 409
        assert "adam was first: Approved at" in text(response)
        assert "I had written this" in text(response)
    assert Decision.objects.count() == 1
    assert Run.objects.filter(job="rich").count() == 1


def test_of_two_decisions_at_once_one_is_kept(dana: User, adam: User, ada: User, world: World) -> None:
    plan = made(dana)
    answers: list[int] = []

    def decide(user: User) -> None:
        try:
            answers.append(post(user, plan, "approve").status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=decide, args=[user]) for user in (adam, ada)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [302, 409]
    assert Decision.objects.count() == 1
    assert Run.objects.filter(job="rich").count() == 1


def test_two_approvals_by_two_people(dana: User, adam: User, ada: User, world: World) -> None:
    plan = made(dana, needed=2)
    post(adam, plan, "approve")
    page = text(signed_in(adam).get(url(plan)))
    assert "You have decided already; a second person is needed." in page
    assert post(adam, plan, "approve").status_code == 409
    assert Run.objects.filter(job="rich").count() == 0
    post(ada, plan, "approve")
    assert Run.objects.filter(job="rich").count() == 1


def test_the_requester_sees_why_not_and_may_withdraw(dana: User, ada: User, world: World) -> None:
    boss = person("boss", "admin")
    plan = made(boss)
    page = text(signed_in(boss).get(url(plan)))
    assert 'aria-disabled="true"' in page
    assert "You asked for this or edited it" in page
    assert "Who may decide: ada." in page
    refused = post(boss, plan, "approve")
    assert refused.status_code == 403
    assert "You asked for this or edited it" in text(refused)
    assert Entry.objects.filter(act="plan.approved", outcome="denied").count() == 1
    assert signed_in(boss).post(url(plan, "withdraw/")).status_code == 302
    assert "Withdrawn by those who asked" in text(signed_in(boss).get(url(plan)))


@pytest.mark.parametrize("who", ["dana2", "vera"])
def test_who_may_not_decide_sees_the_reason(who: str, dana: User, world: World) -> None:
    plan = made(dana)
    other = person(who, "auditor" if who == "vera" else "dba")
    page = text(signed_in(other).get(url(plan)))
    assert "Only an administrator may decide" in page
    assert "withdraw/" not in page
    assert post(other, plan, "approve").status_code == 403
    assert post(other, plan, "withdraw").status_code == 403
    assert Plan.objects.get(pk=plan.pk).status == "ready"


def test_go_ahead_where_nobody_else_is_needed(dana: User, vera: User, world: World) -> None:
    plan = made(dana, needed=0)
    assert "Go ahead" in text(signed_in(dana).get(url(plan)))
    assert post(vera, plan, "go-ahead").status_code == 403
    assert post(dana, plan, "go-ahead", seen_hash="0" * 64).status_code == 409
    response = post(dana, plan, "go-ahead")
    assert response["Location"] == f"/runs/{Run.objects.get(job='rich').pk}/"
    assert "Goes ahead without approval" in text(signed_in(dana).get(url(plan)))


def test_going_ahead_needs_the_ticks_too(dana: User, world: World) -> None:
    plan = made(dana, needed=0, cautious=True)
    assert post(dana, plan, "go-ahead", accept=[]).status_code == 400
    assert post(dana, plan, "go-ahead").status_code == 302


def test_a_failed_plan_says_which_plane_and_why(dana: User, world: World) -> None:
    plan = services.make_plan(RichJob(how={"k8s-2": "nonsense"}), by=dana)
    drive(plan.runs.get())
    page = text(signed_in(dana).get(url(plan)))
    assert "The plan could not be made, so there is nothing to approve" in page
    assert f"/runs/{plan.runs.get().pk}/" in page


def test_each_end_has_its_sentence(dana: User, world: World) -> None:
    plan = made(dana)
    for status, said in (("stale", "Out of date"), ("superseded", "A newer plan for the same subject")):
        Plan.objects.filter(pk=plan.pk).update(status=status)
        page = text(signed_in(dana).get(url(plan)))
        assert said in page
        assert 'id="decide"' not in page


def test_news_while_reading(dana: User, adam: User, ada: User, world: World) -> None:
    plan = made(dana, needed=2)
    watch = signed_in(dana)
    assert watch.get(url(plan, "news/?seen=ready-0"), headers=HTMX).status_code == 204
    post(adam, plan, "approve", comment="one")
    news = watch.get(url(plan, "news/?seen=ready-0"), headers=HTMX)
    assert "adam: Approved" in text(news)
    assert watch.get(url(plan, "news/?seen=ready-1"), headers=HTMX).status_code == 204


def test_an_act_that_came_back_as_a_link_leads_to_the_page(dana: User, adam: User, world: World) -> None:
    plan = made(dana)
    for act in ("approve/", "reject/", "withdraw/", "go-ahead/", "again/"):
        assert signed_in(adam).get(url(plan, act))["Location"] == url(plan)


def test_queries_do_not_grow_with_steps(
    dana: User, adam: User, world: World, django_assert_max_num_queries: Any
) -> None:
    counts = []
    for number, width in ((1, 1), (2, 20)):
        client, plan = signed_in(adam), made(dana, number=number, width=width)
        with django_assert_max_num_queries(16) as seen:
            assert client.get(url(plan)).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]
