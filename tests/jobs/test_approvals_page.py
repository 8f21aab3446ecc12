"""The queue of approvals, over HTTP, as each role."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User

from kbconsole.fleet.models import Plane
from kbconsole.jobs import services
from kbconsole.jobs.approvals import waiting_for
from kbconsole.jobs.models import Plan
from tests.driving import ticks
from tests.jobs.richtoys import made
from tests.jobs.toys import World
from tests.people import person, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


def show(user: User, query: str = "", headers: dict[str, str] | None = None) -> str:
    response = signed_in(user).get(f"/approvals/{query}", headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def listed(page: str) -> list[int]:
    return [int(n) for n in re.findall(r'<li id="plan-(\d+)">', page)]


def test_what_waits_for_me_oldest_first(dana: User, adam: User, world: World) -> None:
    first, second = made(dana, number=1), made(dana, number=2, reason="OPS-4711")
    made(dana, number=3, needed=0)
    page = show(adam)
    assert listed(page) == [first.pk, second.pk]
    for word in ("dana", "Copy RBAC", "demo/etcd-2", "k8s-1, k8s-2, k8s-3", "OPS-4711"):
        assert word in page


def test_marks_say_what_needs_care(dana: User, adam: User, ada: User, world: World) -> None:
    how = {"k8s-1": "removed", "k8s-2": "conflict", "k8s-3": "unchecked"}
    plan = made(dana, how=how, cautious=True, needed=2)
    page = show(adam)
    for mark in (
        "public",
        "removes objects (1)",
        "fields of another owner",
        "not fully checked",
        "approval 1 of 2",
    ):
        assert mark in page
    services.decide(plan.pk, by=ada, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    assert "second approver missing" in show(adam)
    assert listed(show(ada)) != [plan.pk] or "Decided last" in show(ada)


def test_nobody_is_asked_about_their_own_request(adam: User, ada: User, world: World) -> None:
    plan = made(adam)
    assert "Nothing waits for your decision" in show(adam)
    assert listed(show(adam, "?tab=mine")) == [plan.pk]
    assert listed(show(ada)) == [plan.pk]


def test_a_dba_sees_how_their_own_stand(dana: User, adam: User, world: World) -> None:
    mine, other = made(dana, number=1), made(person("dirk", "dba"), number=2)
    assert listed(show(dana)) == [mine.pk]
    assert "For me" not in show(dana)
    for plan in (mine, other):
        services.decide(plan.pk, by=adam, approve=False, seen_hash=plan.hash, comment="too wide")
    page = show(dana, "?tab=decided")
    assert listed(page) == [mine.pk]
    assert "too wide" in page


def test_an_empty_queue_shows_the_last_five_decisions(dana: User, adam: User, world: World) -> None:
    plans = [made(dana, number=n) for n in range(1, 8)]
    for plan in plans:
        services.decide(plan.pk, by=adam, approve=False, seen_hash=plan.hash, comment="no")
    page = show(adam)
    assert "Nothing waits for your decision" in page
    assert listed(page) == [plan.pk for plan in plans[:1:-1]]


def test_after_a_decision_the_next_one_opens(dana: User, adam: User, world: World) -> None:
    first, second = made(dana, number=1), made(dana, number=2)
    client = signed_in(adam)
    assert f"/plans/{first.pk}/?queue=1" in show(adam)
    assert 'name="queue"' in client.get(f"/plans/{first.pk}/?queue=1").content.decode()
    to = client.post(f"/plans/{first.pk}/approve/", {"seen_hash": first.hash, "queue": "1"})
    assert to["Location"] == f"/plans/{second.pk}/?queue=1"
    to = client.post(f"/plans/{second.pk}/approve/", {"seen_hash": second.hash, "queue": "1"})
    assert to["Location"] == "/approvals/"


def test_the_message_says_what_was_decided_and_leads_back(dana: User, adam: User, world: World) -> None:
    first, second = made(dana, number=1), made(dana, number=2)
    client = signed_in(adam)
    client.post(f"/plans/{first.pk}/reject/", {"seen_hash": first.hash, "queue": "1", "comment": "no"})
    page = client.get(f"/plans/{second.pk}/?queue=1").content.decode()
    assert "Rejected: Copy RBAC for demo/etcd-1." in page
    assert f'<a href="/plans/{first.pk}/">Back to plan {first.pk}</a>' in page


def news(user: User, tab: str) -> Any:
    """Ask as the page would that this person has open."""
    address = re.search(r'hx-get="(/approvals/news/[^"]+)"', show(user, f"?tab={tab}"))
    assert address
    return lambda: signed_in(user).get(address[1].replace("&amp;", "&"))


def test_an_open_list_tells_of_new_ones_and_of_decided_ones_and_stays_as_it_is(
    dana: User, adam: User, ada: User, world: World
) -> None:
    first = made(dana, number=1)
    waiting, mine = news(adam, "waiting"), news(dana, "mine")
    assert (waiting().status_code, mine().status_code) == (204, 204)
    made(dana, number=2)
    made(dana, number=3)
    told = waiting().content.decode()
    assert "2 new" in told and 'href="/approvals/?tab=waiting"' in told
    assert "<li" not in told, "rows would move what is being read"
    made(ada, number=4)
    assert "2 new" in mine().content.decode(), "what others ask for is not new here"
    waiting = news(adam, "waiting")
    services.decide(first.pk, by=ada, approve=False, seen_hash=first.hash, comment="no")
    assert "Something here was decided or changed" in waiting().content.decode()
    assert signed_in(adam).get("/approvals/news/?tab=%00&seen=nonsense,,-").status_code == 200


def test_a_plan_on_a_plane_that_gives_no_answer_would_fail_now(dana: User, adam: User, world: World) -> None:
    plan = made(dana)
    assert "would fail now" not in show(adam)
    Plane.objects.create(name="k8s-3", uid="u-3", last_error={"code": "x", "params": {}})
    Plane.objects.create(name="k8s-9", uid="u-9", last_error={"code": "x", "params": {}})
    for page in (show(adam), signed_in(adam).get(f"/plans/{plan.pk}/").content.decode()):
        assert "would fail now: k8s-3<" in page
    services.decide(plan.pk, by=adam, approve=False, seen_hash=plan.hash, comment="no")
    assert "would fail now" not in show(adam, "?tab=decided")


def test_a_row_says_until_when_it_is_valid(dana: User, adam: User, world: World) -> None:
    plan = made(dana)
    page = " ".join(re.sub(r"<[^>]+>", " ", show(adam)).split())
    assert re.search(r"waiting, ready \d+ s ago expires in (23|24) h", page)
    assert plan.valid_until and plan.made_at


def test_the_list_comes_as_a_fragment(dana: User, adam: User, world: World) -> None:
    made(dana)
    page = show(adam, "?tab=waiting", {"HX-Request": "true"})
    assert page.startswith('<div id="approvals"')


def test_an_unknown_tab_is_the_first_one(adam: User, world: World) -> None:
    assert "Nothing waits for your decision" in show(adam, "?tab=%00")


def test_without_a_role_there_is_no_page(nobody: User) -> None:
    assert signed_in(nobody).get("/approvals/").status_code == 404


def test_what_is_hidden_from_a_person_is_not_listed(dana: User, adam: User, ada: User, world: World) -> None:
    hidden = made(dana, hidden=True)
    assert [plan.pk for plan in waiting_for(adam)] == [hidden.pk]
    assert waiting_for(ada) == []


def test_queries_do_not_grow_with_rows(
    dana: User, adam: User, world: World, django_assert_max_num_queries: Any
) -> None:
    plan = made(dana)
    counts = []
    for rows in (10, 60):
        for number in range(Plan.objects.count(), rows):
            copy = Plan.objects.get(pk=plan.pk)
            copy.pk, copy.subject_id = None, str(number)
            copy.save(force_insert=True)
        for tab in ("waiting", "mine", "decided"):
            client = signed_in(adam)
            with django_assert_max_num_queries(12) as seen:
                assert client.get(f"/approvals/?tab={tab}").status_code == 200
            counts.append(len(seen))
        assert len(waiting_for(adam)) == rows
    assert counts[:3] == counts[3:]
