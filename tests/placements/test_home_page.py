"""Home: one list of what waits for this person, and what every page of the console carries."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from kbconsole.common.sentences import say
from kbconsole.fleet.models import Credential, Plane
from kbconsole.jobs.models import Decision
from networking.models import Profile
from placements.context import everywhere
from placements.models import Status
from tests.people import person, signed_in
from tests.placements import world


@pytest.fixture
def profile(dana: User) -> Profile:
    world.fleet()
    return world.mesh(dana)


def text(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def verbs(user: User) -> list[str]:
    """Return "Verb: what" of each row, from top to bottom."""
    page = signed_in(user).get("/").content.decode()
    return re.findall(r'<a data-row [^>]*aria-label="([^"]+)"', page)


def test_a_plan_waits_for_administrators_who_had_no_part_in_it(
    dana: User, adam: User, vera: User, profile: Profile
) -> None:
    plan = world.planned(world.placed(dana, profile), reason="For the shop")
    assert verbs(adam) == ["Decide: Place database: demo/etcd-demo"]
    assert "For the shop" in text(signed_in(adam).get("/"))
    assert verbs(dana) == [] and verbs(vera) == []
    assert "An administrator who did not ask for it has to decide." in text(signed_in(dana).get("/"))
    plan.editors = [dana.pk, adam.pk]
    plan.save()
    assert verbs(adam) == []


def test_what_is_broken_waits_for_its_owner_and_for_administrators(
    dana: User, adam: User, vera: User, profile: Profile
) -> None:
    world.in_service(dana, profile, status=Status.ATTENTION)
    other = person("dora", "dba")
    assert verbs(dana) == verbs(adam) == ["Fix: demo/etcd-demo"]
    assert verbs(vera) == ["See: demo/etcd-demo"]
    assert verbs(other) == []


def test_a_plan_that_could_not_be_made_waits_for_who_asked(dana: User, adam: User, profile: Profile) -> None:
    placement = world.placed(dana, profile)
    failure = say("placements.plane_disabled", plane="k8s-3").to_json()
    world.planned(placement, "failed", failure=failure)
    assert verbs(dana) == ["Fix: demo/etcd-demo"]
    assert "k8s-3 is disabled in the operator" in text(signed_in(dana).get("/"))
    world.planned(placement, "ready")
    assert verbs(dana) == []


def test_a_step_that_a_person_has_to_do_waits_for_who_started_it(dana: User, profile: Profile) -> None:
    run = world.ran(world.placed(dana, profile), "waiting")
    step = world.stepped(run, "k8s-1", "pods", "waiting")
    assert verbs(dana) == []
    step.status = "needs_person"
    step.save()
    assert verbs(dana) == ["See: Place database: demo/etcd-demo"]


def test_a_plan_that_needs_nobody_else_waits_for_who_asked(dana: User, profile: Profile) -> None:
    world.planned(world.placed(dana, profile), approvals_needed=0)
    assert verbs(dana) == ["See: Place database: demo/etcd-demo"]
    assert "You wait for others" not in text(signed_in(dana).get("/"))


def test_silent_planes_and_ending_credentials_wait_for_administrators(
    dana: User, adam: User, profile: Profile
) -> None:
    plane = Plane.objects.get(name="k8s-1")
    ends = {"created_by": adam, "expires_at": timezone.now() + timedelta(days=40)}
    credential = Credential.objects.create(plane=plane, ciphertext="", fingerprint="", key_id="", **ends)
    assert verbs(adam) == []
    credential.expires_at = timezone.now() + timedelta(days=7)
    credential.save()
    world.silence("k8s-2")
    assert sorted(verbs(adam)) == ["Renew: k8s-1", "See: k8s-2"]
    assert verbs(dana) == []


def test_the_oldest_stands_first_and_has_the_primary_button(dana: User, adam: User, profile: Profile) -> None:
    world.planned(world.placed(dana, profile, "young"))
    old = world.planned(world.placed(dana, profile, "old"))
    old.made_at = timezone.now() - timedelta(days=1)
    old.save()
    assert [verb.rsplit("/", 1)[1] for verb in verbs(adam)] == ["old", "young"]
    assert signed_in(adam).get("/").content.decode().count("btn-sm btn-primary") == 1


def test_each_role_has_its_own_next_step(dana: User, adam: User, vera: User, nobody: User) -> None:
    assert "Add planes" in text(signed_in(adam).get("/"))
    world.fleet()
    said = {user.username: text(signed_in(user).get("/")) for user in (dana, adam, vera, nobody)}
    assert "Ask for a database: you see what it survives" in said["dana"]
    assert "Open approvals" in said["adam"] and "Open the audit log" in said["vera"]
    assert "Ask an administrator to add nobody to one of the groups dba" in said["nobody"]


def test_runs_under_way_and_of_the_last_day_are_rows(dana: User, adam: User, profile: Profile) -> None:
    world.ran(world.placed(dana, profile, "moves"), "running")
    done = timezone.now() - timedelta(hours=3)
    world.ran(world.in_service(dana, profile, "done"), "succeeded", ended_at=done)
    world.ran(world.in_service(dana, profile, "past"), "succeeded", ended_at=done - timedelta(days=2))
    page = text(signed_in(dana).get("/"))
    assert "Place database: demo/moves" in page and "Place database: demo/done" in page
    assert "demo/past" not in page
    part = signed_in(dana).get("/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part and 'id="home"' in part


def test_home_needs_a_sign_in(client: Any, db: None) -> None:
    assert client.get("/").headers["Location"] == "/sign-in/?next=/"


def test_the_bar_counts_what_this_person_may_decide(
    dana: User, adam: User, ada: User, profile: Profile
) -> None:
    def counted(user: User) -> int:
        found = re.search(r'class="count">(\d+)<', signed_in(user).get("/placements/").content.decode())
        return int(found[1]) if found else 0

    plan = world.planned(world.placed(dana, profile, "one"), approvals_needed=2)
    world.planned(world.placed(dana, profile, "two"), editors=[dana.pk, ada.pk])
    world.planned(world.placed(adam, profile, "three"))
    world.planned(world.placed(dana, profile, "four"), "making")
    assert (counted(adam), counted(ada), counted(dana)) == (2, 2, 0)
    Decision.objects.create(plan=plan, by=adam, verdict="approve", plan_hash=plan.hash, content="")
    assert (counted(adam), counted(ada)) == (1, 2)


def test_the_band_names_silent_planes_to_everybody_with_a_role(
    dana: User, nobody: User, profile: Profile
) -> None:
    assert "gives no answer" not in text(signed_in(dana).get("/placements/"))
    world.silence("k8s-3")
    assert "k8s-3 gives no answer" in text(signed_in(dana).get("/placements/"))
    assert "gives no answer" not in text(signed_in(nobody).get("/placements/"))


def test_what_every_page_carries_costs_two_queries(adam: User, dana: User, profile: Profile) -> None:
    for n in range(12):
        world.planned(world.placed(dana, profile, f"db-{n}"))
    request: Any = RequestFactory().get("/")
    request.user = adam
    assert adam.groups.exists() and everywhere(request)["approvals_waiting"] == 12
    with CaptureQueriesContext(connection) as queries:
        everywhere(request)
    assert len(queries) == 0, "found out once per request"
    request = RequestFactory().get("/")
    request.user = adam
    with CaptureQueriesContext(connection) as queries:
        everywhere(request)
    assert len(queries) <= 2
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    with CaptureQueriesContext(connection) as queries:
        assert everywhere(request) == {}
    assert len(queries) == 0
