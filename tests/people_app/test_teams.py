"""Teams: who is in them, what that allows, and that the log and the access report know."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User

from kbconsole.audit.access import rights
from kbconsole.audit.models import Entry
from kbconsole.common.errors import Refused, Stale
from kbconsole.jobs.models import Plan, Run
from kbconsole.people import teams
from kbconsole.people.models import Team
from networking.models import Profile
from placements import services
from placements.models import Placement, Status
from tests.api.calling import Caller, a_wish
from tests.people import person, signed_in
from tests.placements import world


@pytest.fixture
def profile(dana: User) -> Profile:
    world.fleet()
    return world.mesh(dana)


@pytest.fixture
def dora(db: None) -> User:
    """Dora is a DBA and in dana's team."""
    return person("dora", "dba")


@pytest.fixture
def shop(adam: User, dana: User, dora: User) -> Team:
    team = teams.create(name="shop", by=adam)
    for member in (dana, dora):
        teams.add_member(team.pk, person_id=member.pk, by=adam)
    return team


@pytest.fixture
def stranger(db: None) -> User:
    return person("stig", "dba")


def text(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def names(response: Any) -> list[str]:
    return re.findall(r'<a data-row href="/placements/\d+/">([^<]+)</a>', response.content.decode())


def test_a_team_is_made_filled_renamed_and_deleted_on_its_page_and_each_is_told(
    adam: User, dana: User
) -> None:
    browser = signed_in(adam)
    page = browser.post("/people/teams/new/", {"name": "shop"}, follow=True)
    team = Team.objects.get()
    assert "No members yet" in text(page)
    here = f"/people/teams/{team.pk}/"
    assert "dana is in the team now." in text(browser.post(f"{here}add/", {"person": dana.pk}, follow=True))
    browser.post(f"{here}rename/", {"name": "orders"})
    full = browser.post(f"{here}delete/")
    assert (full.status_code, "orders still has members." in text(full)) == (409, True)
    browser.post(f"{here}remove/{dana.pk}/")
    assert "The team orders was deleted." in text(browser.post(f"{here}delete/", follow=True))
    log = Entry.objects.filter(act__startswith="team.").order_by("seq")
    assert [str(entry.sentence) for entry in log] == [
        "Made the team shop",
        "Added dana to the team shop",
        "Renamed the team shop to orders",
        "Took dana out of the team orders",
        "Deleted the team orders",
    ]
    assert {entry.actor_label for entry in log} == {"adam"}


def test_a_team_that_a_database_belongs_to_stays_also_when_that_is_retired(
    adam: User, dana: User, profile: Profile
) -> None:
    team = teams.create(name="shop", by=adam)
    world.placed(dana, profile, status=Status.RETIRED, team=team)
    with pytest.raises(Stale, match=r"shop has databases \(1, retired ones count"):
        teams.delete(team.pk, by=adam)
    assert Team.objects.filter(pk=team.pk).exists()


def test_names_of_teams_differ_in_more_than_capitals_and_only_administrators_change_teams(
    adam: User, dana: User, shop: Team
) -> None:
    refused = signed_in(adam).post("/people/teams/new/", {"name": "SHOP"})
    assert (refused.status_code, "There is a team called SHOP already." in text(refused)) == (409, True)
    with pytest.raises(Stale, match="dana is in the team shop already"):
        teams.add_member(shop.pk, person_id=dana.pk, by=adam)
    with pytest.raises(Refused):
        teams.add_member(shop.pk, person_id=adam.pk, by=dana)


def test_a_member_acts_on_the_teams_database_and_a_stranger_is_told_whom_to_ask(
    dana: User, dora: User, stranger: User, shop: Team, profile: Profile
) -> None:
    placement = world.in_service(dana, profile, team=shop)
    where = f"/placements/{placement.pk}/check/"
    refused = signed_in(stranger).post(where)
    assert refused.status_code == 403
    assert "belongs to dana and the team shop. Ask one of them, or an administrator" in text(refused)
    assert "Only dana, the team shop or an administrator may do this." in text(
        signed_in(stranger).get(f"/placements/{placement.pk}/")
    )
    assert signed_in(dora).post(where).status_code == 302
    assert placement.runs().get().by == dora


def test_membership_without_the_role_dba_or_that_has_ended_allows_nothing(
    adam: User, dana: User, dora: User, shop: Team, profile: Profile
) -> None:
    placement = world.in_service(dana, profile, team=shop)
    vera = person("vera", "auditor")
    teams.add_member(shop.pk, person_id=vera.pk, by=adam)
    teams.remove_member(shop.pk, person_id=dora.pk, by=adam)
    for user in (vera, dora):
        with pytest.raises(Refused):
            services.check(placement.pk, by=user)


def test_a_member_takes_the_teams_request_back_and_an_administrator_still_rejects_it(
    adam: User, dana: User, dora: User, shop: Team, profile: Profile
) -> None:
    placement = world.placed(dana, profile, team=shop)
    plan = world.planned(placement)
    assert "Withdraw" in text(signed_in(dora).get(f"/plans/{plan.pk}/"))
    assert "Withdraw" not in text(signed_in(adam).get(f"/plans/{plan.pk}/"))
    with pytest.raises(Refused):
        services.cancel(placement.pk, by=adam)
    services.cancel(placement.pk, by=dora)
    placement.refresh_from_db()
    assert (placement.status, Plan.objects.get(pk=plan.pk).status) == ("cancelled", "withdrawn")


def test_who_asks_chooses_one_of_their_teams_and_nobody_elses(
    dana: User, stranger: User, shop: Team, profile: Profile
) -> None:
    form = world.asked(profile, team=str(shop.pk))
    refused = signed_in(stranger).post("/placements/new/", world.asked(profile, team=str(shop.pk)))
    assert refused.status_code == 302, "where there is no team to choose the field is not there"
    assert Placement.objects.get().team is None
    Placement.objects.update(status=Status.CANCELLED)
    page = signed_in(dana).get("/placements/new/").content.decode()
    assert f'<option value="{shop.pk}" selected>shop</option>' in page, "the only team is suggested"
    assert signed_in(dana).post("/placements/new/", form).status_code == 302
    assert Placement.objects.first().team == shop  # type: ignore[union-attr]  # there are two


def test_by_the_api_too_a_request_goes_to_ones_own_team_and_keeps_it(
    adam: User, dana: User, stranger: User, shop: Team, profile: Profile
) -> None:
    teams.create(name="other", by=adam)
    refused = Caller(stranger).post("placements/", a_wish(team="shop"))
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["team"])
    made = Caller(dana).post("placements/", a_wish(team="shop"))
    assert (made.status_code, made.json()["team"]) == (201, "shop")
    Plan.objects.update(status="ready")
    Run.objects.update(status="succeeded")
    where = f"placements/{made.json()['id']}/"
    other = Caller(dana).put(where, a_wish(team="other"))
    assert other.json()["errors"]["team"][0]["code"] == "wish.team_stays"
    assert Caller(dana).put(where, a_wish(purpose="kept")).json()["team"] == "shop"


def test_home_and_the_filters_know_the_teams_databases(
    dana: User, dora: User, stranger: User, shop: Team, profile: Profile
) -> None:
    broken = world.in_service(dana, profile, "ours", team=shop, status=Status.ATTENTION)
    world.ran(broken, "running")
    world.in_service(stranger, profile, "theirs")
    home = signed_in(dora).get("/").content.decode()
    assert f'id="placement-{broken.pk}"' in home and "Under way" in home
    elsewhere = signed_in(stranger).get("/").content.decode()
    assert f'id="placement-{broken.pk}"' not in elsewhere and "Under way" not in elsewhere
    browser = signed_in(dora)
    asked = {"": ["theirs", "ours"], "team=mine": ["ours"], f"team={shop.pk}": ["ours"], "mine=on": [],
             "team=nonsense": ["theirs", "ours"]}  # fmt: skip
    assert {query: names(browser.get(f"/placements/?{query}")) for query in asked} == asked


def test_the_access_report_tells_who_is_in_which_team_since_when_and_by_whom(shop: Team, dora: User) -> None:
    [right] = [right for right in rights() if right.person == "dora" and right.role == "team shop"]
    assert right.by == "adam" and right.since is not None
    assert right.allows == "change or retire the team's databases, together with the role dba"
