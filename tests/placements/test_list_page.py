"""The list of databases: a row for the whole life of each, filters in the address, and honest badges."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from networking.models import Profile
from placements.models import Status
from tests.people import signed_in
from tests.placements import world

LIST = "/placements/"


@pytest.fixture
def profile(dana: User) -> Profile:
    world.fleet()
    return world.mesh(dana)


def text(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def names(response: Any) -> list[str]:
    return re.findall(r'<a data-row href="/placements/\d+/">([^<]+)</a>', response.content.decode())


def row(response: Any, pk: int) -> str:
    found = re.search(rf'<tr id="placement-{pk}">(.*?)</tr>', response.content.decode(), re.DOTALL)
    assert found
    return found[1]


def test_a_row_tells_state_badges_dots_verdict_owner_and_proof(dana: User, profile: Profile) -> None:
    placement = world.in_service(dana, profile)
    shown = row(signed_in(dana).get(LIST), placement.pk)
    for word in (
        "In service",
        "Matches plan",
        "Healthy",
        "survives the loss of any one plane",
        "dana",
        "s ago",
    ):
        assert word in shown
    dots = re.findall(r'<li class="([^"]+)" title="([^"]+)"', shown)
    assert [classes for classes, _title in dots] == ["tone-ok", "tone-ok leader", "tone-ok"]
    assert dots[1][1] == "etcd-demo-etcd-1 on k8s-2: ready · leader"


def test_what_nobody_saw_is_unknown_and_never_green(dana: User, profile: Profile) -> None:
    blind = world.in_service(dana, profile, "blind", observed=None, proven_at=None)
    behind = world.in_service(dana, profile, "behind")
    world.silence("k8s-3")
    page = signed_in(dana).get(LIST)
    for placement in (blind, behind):
        shown = row(page, placement.pk)
        assert "Not compared with plan" in shown and "Health unknown" in shown
    assert re.findall(r'<li class="(tone-\w+)', row(page, blind.pk)) == ["tone-quiet"] * 3
    assert re.findall(r'<li class="(tone-\w+)', row(page, behind.pk)) == ["tone-ok", "tone-ok", "tone-quiet"]


@pytest.mark.parametrize(
    ("ready", "word"),
    [((True, True, True), "Healthy"), ((True, True, False), "Degraded"), ((True, False, False), "Down")],
)
def test_health_follows_the_quorum_of_what_was_seen(
    dana: User, profile: Profile, ready: tuple[bool, bool, bool], word: str
) -> None:
    placement = world.in_service(dana, profile, observed=world.seen("etcd-demo", ready=ready))
    assert word in row(signed_in(dana).get(LIST), placement.pk)


def test_a_placement_that_does_not_survive_says_which_plane_matters(dana: User, profile: Profile) -> None:
    placement = world.placed(dana, profile, replicas=4)
    assert "stops without k8s-1" in row(signed_in(dana).get(LIST), placement.pk)


def test_filters_live_in_the_address(dana: User, adam: User, profile: Profile) -> None:
    other = world.cloud(dana, "clouds")
    world.in_service(dana, profile, "one")
    world.placed(adam, profile, "two", planes=["k8s-1"])
    world.placed(dana, other, "three", planes=["k8s-2", "k8s-3"])
    browser = signed_in(dana)
    asked = {
        "": ["three", "two", "one"], "mine=on": ["three", "one"], "state=waiting": ["three", "two"],
        "plane=k8s-1": ["two", "one"], "plane=k8s-3": ["three", "one"], f"profile={other.pk}": ["three"],
        "mine=on&plane=k8s-1": ["one"], "state=nonsense": ["three", "two", "one"],
        "plane=%25": ["three", "two", "one"], "before=x": ["three", "two", "one"],
    }  # fmt: skip
    assert {query: names(browser.get(f"{LIST}?{query}")) for query in asked} == asked


def test_pages_go_on_where_the_last_one_ended(dana: User, profile: Profile) -> None:
    for n in range(30):
        world.placed(dana, profile, f"db-{n:02}", status=Status.RETIRED)
    browser = signed_in(dana)
    first = browser.get(f"{LIST}?mine=on")
    assert names(first) == [f"db-{n:02}" for n in range(29, 4, -1)]
    older = re.search(r'rel="next" href="([^"]+)"', first.content.decode())
    assert older and "mine=on" in older[1]
    second = browser.get(older[1].replace("&amp;", "&"))
    assert names(second) == [f"db-{n:02}" for n in range(4, -1, -1)]
    assert 'rel="next"' not in second.content.decode() and 'rel="prev"' in second.content.decode()


def test_an_empty_list_offers_the_next_step_to_who_may_take_it(
    dana: User, vera: User, nobody: User, profile: Profile
) -> None:
    assert "No database yet" in text(signed_in(dana).get(LIST))
    assert 'href="/placements/new/"' in signed_in(dana).get(LIST).content.decode()
    looking = signed_in(vera).get(LIST)
    assert "This needs the role DBA or Administrator." in text(looking)
    assert 'href="/placements/new/"' not in looking.content.decode()
    world.placed(dana, profile)
    assert names(signed_in(vera).get(LIST)) == ["etcd-demo"]
    assert names(signed_in(nobody).get(LIST)) == []
    filtered = signed_in(dana).get(f"{LIST}?state=retired")
    assert "No database fits these filters" in text(filtered) and "Clear the filters" in text(filtered)


def test_the_list_refreshes_by_itself_only_while_something_moves(dana: User, profile: Profile) -> None:
    world.in_service(dana, profile, "still")
    browser = signed_in(dana)
    assert "hx-trigger" not in browser.get(LIST).content.decode()
    world.placed(dana, profile, "moves")
    page = browser.get(f"{LIST}?mine=on")
    assert 'hx-trigger="every 2s"' in page.content.decode()
    part = browser.get(f"{LIST}?mine=on", headers={"HX-Request": "true"})
    assert "<html" not in part.content.decode() and names(part) == ["moves", "still"]


@pytest.mark.parametrize("path", [LIST, "/"])
def test_a_page_asks_as_often_for_sixty_rows_as_for_ten(dana: User, profile: Profile, path: str) -> None:
    def asked(browser: Client) -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert browser.get(path).status_code == 200
        return len(queries)

    browser = signed_in(dana)
    counts = []
    for goal in (10, 60):
        for n in range(goal if goal == 10 else 50):
            attention = world.in_service(dana, profile, f"db-{goal}-{n}", status=Status.ATTENTION)
            world.ran(attention, "running" if n % 2 else "failed")
            waits = world.placed(dana, profile, f"waits-{goal}-{n}")
            world.planned(waits, "ready" if n % 2 else "failed")
        counts.append(asked(browser))
    assert counts[0] == counts[1] and counts[0] <= 25
