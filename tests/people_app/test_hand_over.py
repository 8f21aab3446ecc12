"""Handing a database over: by its owner or an administrator, to somebody who can look after it, with a reason."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User

from kbconsole.audit.models import Entry
from kbconsole.common.errors import Refused, Stale
from kbconsole.jobs import services as jobs
from kbconsole.people import services as people
from kbconsole.people import teams
from kbconsole.people.models import Team
from placements import services
from placements.hand_over import hand_over
from placements.models import Placement, Status
from tests.api.calling import Caller
from tests.people import person, signed_in
from tests.placements import world


@pytest.fixture
def dora(db: None) -> User:
    return person("dora", "dba")


@pytest.fixture
def shop(adam: User) -> Team:
    return teams.create(name="shop", by=adam)


@pytest.fixture
def placement(dana: User) -> Placement:
    world.fleet()
    return world.in_service(dana, world.mesh(dana))


def text(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_an_owner_hands_over_and_the_log_and_the_story_say_why(
    dana: User, dora: User, shop: Team, placement: Placement
) -> None:
    here = f"/placements/{placement.pk}/"
    assert f'href="{here}hand-over/"' in signed_in(dana).get(here).content.decode()
    form = {"owner": "dora", "team": shop.pk, "reason": "I move to the billing team"}
    page = signed_in(dana).post(f"{here}hand-over/", form, follow=True)
    assert "etcd-demo belongs to dora now." in text(page)
    entry = Entry.objects.get(act="placement.handed_over")
    assert str(entry.sentence) == "Handed etcd-demo over: from dana, no team to dora, team shop"
    assert (entry.actor_label, entry.reason) == ("dana", "I move to the billing team")
    assert str(entry.sentence) in text(page) and "“I move to the billing team”" in text(page)
    assert "hand-over/" not in page.content.decode(), "it is dana's no more"
    services.check(placement.pk, by=dora)
    with pytest.raises(Refused):
        services.check(placement.pk, by=dana)


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"owner": "vera"}, "owner", "Nobody active with the role DBA is called vera"),
        ({"owner": "gone"}, "owner", "Nobody active with the role DBA is called gone"),
        ({"owner": "dana"}, "owner", "It belongs to dana, no team already"),
        ({"team": "nothing"}, "team", "There is no such team"),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_nothing_changes(
    dana: User, dora: User, vera: User, placement: Placement, change: dict[str, Any], field: str, said: str
) -> None:
    User.objects.filter(pk=person("gone", "dba").pk).update(is_active=False)
    body = {"owner": "dora", "reason": "why not", **change}
    answer = Caller(dana).post(f"placements/{placement.pk}/hand-over/", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][field][0]["text"].startswith(said)
    placement.refresh_from_db()
    assert placement.owner == dana


def test_by_the_api_what_is_left_out_stays(dana: User, dora: User, shop: Team, placement: Placement) -> None:
    api, where = Caller(dana), f"placements/{placement.pk}/hand-over/"
    first = api.post(where, {"team": "shop", "reason": "colleagues step in"}).json()
    assert (first["owner"], first["team"]) == ("dana", "shop")
    assert api.post(where, {"owner": "dora", "reason": " "}).status_code == 400
    second = api.post(where, {"owner": "dora", "reason": "holidays"}).json()
    assert (second["owner"], second["team"]) == ("dora", "shop")
    assert Caller(dora).get("placements/", team="shop").json()["results"][0]["name"] == "etcd-demo"
    last = Caller(dora).post(where, {"team": None, "reason": "the team is over"}).json()
    assert (last["owner"], last["team"]) == ("dora", None)


def test_members_act_but_do_not_give_away_and_what_is_over_stays(
    adam: User, dana: User, dora: User, shop: Team, placement: Placement
) -> None:
    teams.add_member(shop.pk, person_id=dora.pk, by=adam)
    Placement.objects.filter(pk=placement.pk).update(team=shop)
    with pytest.raises(Refused, match="Only dana or an administrator may hand this database over"):
        hand_over(placement.pk, owner="dora", team=None, reason="mine now", by=dora)
    assert signed_in(dora).get(f"/placements/{placement.pk}/hand-over/").status_code == 403
    hand_over(placement.pk, owner="dora", team=None, reason="dana is away", by=adam)
    Placement.objects.filter(pk=placement.pk).update(status=Status.RETIRED)
    with pytest.raises(Stale):
        hand_over(placement.pk, owner="dana", team=None, reason="too late", by=adam)


def test_giving_a_database_away_lets_nobody_approve_what_they_asked_for(adam: User, dana: User) -> None:
    world.fleet()
    placement = world.placed(adam, world.mesh(dana))
    plan = world.planned(placement)
    hand_over(placement.pk, owner="dana", team=None, reason="dana will run it", by=adam)
    refusal = jobs.may_decide(plan, adam)
    assert refusal is not None and refusal.sentence.code == "plan.own"
    plan.delete()
    world.planned(placement, "failed")
    again = services.plan_again(placement.pk, by=dana)
    refusal = jobs.may_decide(again, adam)
    assert refusal is not None and refusal.sentence.code == "plan.own"


def test_the_page_of_somebody_deactivated_leads_to_what_they_still_own(
    adam: User, dana: User, dora: User, placement: Placement
) -> None:
    world.planned(placement)
    world.in_service(dana, placement.profile, "over", status=Status.RETIRED)
    people.deactivate(dana.pk, by=adam)
    page = signed_in(adam).get(f"/people/{dana.pk}/")
    assert "Somebody else should take these over." in text(page)
    assert f'href="/placements/{placement.pk}/hand-over/"' in page.content.decode()
    assert "Waits for a decision, asked for by this person" in text(page) and "demo/over" not in text(page)
    hand_over(placement.pk, owner="dora", team=None, reason="dana left", by=adam)
    assert "/hand-over/" not in signed_in(adam).get(f"/people/{dana.pk}/").content.decode()


def test_the_list_marks_a_database_whose_owner_is_deactivated(
    adam: User, dana: User, placement: Placement
) -> None:
    browser = signed_in(adam)
    assert "Deactivated" not in text(browser.get("/placements/"))
    people.deactivate(dana.pk, by=adam)
    assert "dana Deactivated" in text(browser.get("/placements/"))
