"""One box finds what a person may see, by name or number, and opens what is called exactly that."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from kbconsole.audit.services import record
from kbconsole.common.search import LONGEST, MOST, Query, searchers
from kbconsole.fleet.models import Plane
from kbconsole.jobs.models import Plan, Run
from kbconsole.people.models import Team
from networking.models import Profile
from placements.models import Status
from tests.api.calling import a_fleet, a_placement, made_ready
from tests.people import signed_in
from tests.placements import world


def found(person: User, text: str, **more: str) -> Any:
    return signed_in(person).get("/search/", {"q": text, **more})


def titles(answer: Any) -> list[str]:
    return re.findall(r'<a data-row href="[^"]+">([^<]+)</a>', answer.content.decode())


@pytest.fixture
def plan(dana: User) -> Plan:
    """A request whose plan waits, over three planes and a profile."""
    a_fleet()
    return made_ready(a_placement("etcd-orders"))


@pytest.fixture
def profile(dana: User) -> Profile:
    return world.mesh(dana)


def test_every_word_has_to_be_found_whatever_the_field(dana: User, adam: User, profile: Profile) -> None:
    world.placed(
        dana, profile, "etcd-a", namespace="shop", purpose="Locks of the order service", ticket="OPS-7"
    )
    world.placed(adam, profile, "etcd-b", namespace="bank", purpose="Locks of the ledger")
    for text in ("shop", "order LOCKS", "ops-7", "dana locks", "shop/etcd"):
        assert titles(found(dana, text)) == ["etcd-a"], text
    assert titles(found(dana, "locks")) == ["etcd-b", "etcd-a"]
    assert titles(found(dana, "order ledger")) == []


def test_what_is_called_exactly_that_opens_at_once(dana: User, plan: Plan) -> None:
    pages = {
        "etcd-orders": f"/placements/{plan.subject_id}/",
        "demo/ETCD-orders": f"/placements/{plan.subject_id}/",
        "k8s-2": "/fleet/k8s-2/",
        "mesh": f"/networks/{Profile.objects.get().pk}/",
        f"plan {plan.pk}": f"/plans/{plan.pk}/",
        plan.hash: f"/plans/{plan.pk}/",
        f"Run #{plan.runs.get().pk}": f"/runs/{plan.runs.get().pk}/",
    }
    assert {text: found(dana, text).get("Location") for text in pages} == pages


def test_a_number_alone_shows_everything_that_has_it(dana: User, plan: Plan) -> None:
    number = 10**6
    about = {
        "job": plan.job,
        "params": plan.params,
        "subject_kind": "placement",
        "subject_label": "shop/etcd-a",
    }
    Plan.objects.create(pk=number, requested_by=dana, **about)
    Run.objects.create(pk=number, by=dana, **about)
    assert titles(found(dana, str(number))) == [f"Plan {number}", f"Run {number}"]


def test_a_name_in_use_again_leads_to_the_database_that_has_it_now(dana: User, profile: Profile) -> None:
    world.placed(dana, profile, "etcd-a", status=Status.RETIRED)
    living = world.placed(dana, profile, "etcd-a")
    world.placed(dana, profile, "etcd-gone", status=Status.RETIRED)
    assert found(dana, "etcd-a")["Location"] == f"/placements/{living.pk}/"
    assert titles(found(dana, "etcd-gone")) == ["etcd-gone"]


def test_nobody_finds_what_they_may_not_see(dana: User, adam: User, nobody: User, plan: Plan) -> None:
    with transaction.atomic():
        entry = record("audit.access_exported", by=adam)
    assert found(adam, f"entry {entry.seq}")["Location"] == f"/audit/{entry.seq}/"
    assert titles(found(dana, f"entry {entry.seq}")) == []
    for text in ("etcd-orders", "k8s-1", "mesh", str(plan.pk), plan.hash):
        answer = found(nobody, text)
        assert titles(answer) == [] and "You have no role yet" in answer.content.decode()


def test_people_are_found_by_those_who_may_read_about_them(dana: User, vera: User, adam: User) -> None:
    team = Team.objects.create(name="Payments")
    for reader in (adam, vera):
        assert found(reader, "DANA")["Location"] == f"/people/{dana.pk}/"
    assert titles(found(dana, "vera")) == [] and "<dt>People</dt>" not in found(dana, "").content.decode()
    assert found(dana, "payments")["Location"] == f"/people/teams/{team.pk}/"


def test_a_long_group_ends_with_a_link_to_all_of_it(dana: User, profile: Profile) -> None:
    for number in range(MOST + 3):
        world.placed(dana, profile, f"etcd-{number:02}")
        Plane.objects.create(
            name=f"etcd-plane-{number:02}", uid=f"more-{number}", server="https://127.0.0.1:1"
        )
    answer = found(dana, "etcd")
    assert len(titles(answer)) == 2 * MOST
    databases, planes = re.findall(r'<a href="([^"]*q=etcd[^"]*)">', answer.content.decode())
    assert len(titles(signed_in(dana).get(databases))) == MOST + 3
    assert len(titles(signed_in(dana).get(planes.replace("&amp;", "&")))) == MOST + 3


def test_many_things_need_no_more_queries_than_few(dana: User, profile: Profile) -> None:
    def queries() -> int:
        found(dana, "etcd")
        with CaptureQueriesContext(connection) as caught:
            found(dana, "etcd")
        return len(caught)

    world.placed(dana, profile, "etcd-x")
    few = queries()
    for number in range(30):
        world.placed(dana, profile, f"etcd-{number}")
        world.mesh(dana, f"etcd-{number}")
    assert queries() == few


@pytest.mark.parametrize(
    "text",
    ["%", "e_c%", "\\", "'; DROP TABLE placements_placement; --", "<script>alert(1)</script>", "\x00",
     "９９", "9" * 400, "z " * 5000, "𝕏" * 300, "run 99999999999999999999", "{{ 7|add:7 }}", "%(name)s"],
    ids=lambda text: ascii(text)[:20],
)  # fmt: skip
def test_no_text_breaks_it(dana: User, profile: Profile, text: str) -> None:
    world.placed(dana, profile, "etcd-a")
    answer = found(dana, text)
    assert answer.status_code == 200
    assert titles(answer) == []
    shown = Query.of(text.replace("\x00", "�")).text
    assert len(shown) <= LONGEST
    assert f"“{escape(shown)}”" in answer.content.decode()


def test_without_a_word_or_a_hit_it_says_what_can_be_found(dana: User, adam: User) -> None:
    for text in ("", "   ", "nowhere"):
        answer = found(dana, text).content.decode()
        assert "name, namespace, ticket, purpose, owner or team" in answer
    assert "Nothing that you may see fits “nowhere”" in found(dana, "nowhere").content.decode()


def test_every_kind_of_thing_has_a_place_of_its_own() -> None:
    places = [one.place for one in searchers()]
    assert len(set(places)) == len(places) >= 6
