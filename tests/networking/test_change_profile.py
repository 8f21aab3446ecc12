"""Changing a profile where somebody else has to agree: a plan of the console's own, in the same list as all others."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from kbconsole.audit.models import Entry
from kbconsole.common.errors import Refused
from kbconsole.jobs.models import Plan, Run
from networking import services
from networking.jobs import ChangeProfile
from networking.models import Profile
from tests.api.calling import Caller
from tests.driving import drive, ticks
from tests.people import signed_in
from tests.placements import world

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("two_people")]
FORM = {
    "config-provider": "ack",
    "config-address_type": "public",
    "config-minimum_disk_gib": "40",
    "seen_version": 1,
}


@pytest.fixture
def two_people() -> Any:
    with override_settings(KBCONSOLE_FLEET_APPROVALS=1):
        yield


@pytest.fixture
def profile(adam: User, ada: User) -> Profile:
    return world.cloud(adam)


def asked(profile: Profile, by: User, **changes: Any) -> Plan:
    """Ask on the page; return the plan once a worker has made it."""
    form = FORM | {"reason": "bigger disks"} | changes
    sent = signed_in(by).post(f"/networks/{profile.pk}/edit/", form)
    plan = Plan.objects.latest("pk")
    assert sent["Location"] == f"/plans/{plan.pk}/"
    drive(plan.runs.get())
    plan.refresh_from_db()
    assert plan.status == "ready", plan.failure
    return plan


def text(user: User, address: str) -> str:
    shown = signed_in(user).get(address).content.decode()
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", shown).split()))


def approve(plan: Plan, by: User) -> Run:
    form = {"seen_hash": plan.hash, "accept": ticks(plan)}
    assert signed_in(by).post(f"/plans/{plan.pk}/approve/", form).status_code == 302
    return drive(plan.runs.exclude(job="make-plan").get())


def test_it_waits_with_its_difference_and_is_saved_as_approved(
    dana: User, adam: User, ada: User, profile: Profile
) -> None:
    world.fleet()
    world.placed(dana, profile)
    assert "Show the plan" in text(adam, f"/networks/{profile.pk}/edit/")
    plan = asked(profile, adam)
    row = text(ada, "/approvals/")
    for words in (
        "Change the network profile ack-intranet",
        "adam",
        "“bigger disks”",
        "addresses become public",
    ):
        assert words in row
    page = text(ada, f"/plans/{plan.pk}/")
    assert "minimum_disk_gib" in page and "address_type private public" in page
    assert "1 databases use ack-intranet. They stay as they are" in page
    assert signed_in(adam).post(f"/plans/{plan.pk}/approve/", {"seen_hash": plan.hash}).status_code == 403
    profile.refresh_from_db()
    assert profile.version == 1, "nothing is saved before somebody agreed"
    assert approve(plan, ada).status == "succeeded"
    profile.refresh_from_db()
    assert (profile.version, profile.config["address_type"]) == (2, "public")
    assert Entry.objects.get(act="networking.profile_changed").actor_label == "worker"
    assert profile.versions.get(version=2).made_by == adam, "who asked for it, not who agreed"
    assert Entry.objects.get(act="plan.approved", outcome="success").actor_label == "ada"


def test_what_somebody_changed_meanwhile_is_not_overwritten(adam: User, ada: User, profile: Profile) -> None:
    plan = asked(profile, adam)
    theirs = {**profile.config, "minimum_disk_gib": 30}
    Profile.objects.filter(pk=profile.pk).update(version=2, config=theirs)
    assert approve(plan, ada).status == "failed"
    assert Plan.objects.get(pk=plan.pk).status == "stale"
    assert Profile.objects.get(pk=profile.pk).config == theirs
    late = signed_in(ada).post(f"/networks/{profile.pk}/edit/", FORM)
    assert late.status_code == 409


def test_nobody_goes_around_it(dana: User, adam: User, ada: User, profile: Profile) -> None:
    with pytest.raises(Refused, match="needs 1 approvals"):
        services.change_profile(profile, config={}, seen_version=1, by=adam)
    body = {"config": {"provider": "ack", "address_type": "public"}, "seen_version": 1, "reason": "by script"}
    answer = Caller(adam).put(f"profiles/{profile.name}/", body)
    assert (answer.status_code, answer.json()["job"], answer.json()["reason"]) == (
        202,
        ChangeProfile.slug,
        "by script",
    )
    assert Caller(dana).put(f"profiles/{profile.name}/", body).status_code == 403
    assert Profile.objects.get(pk=profile.pk).version == 1


def test_a_step_that_is_repeated_saves_once(adam: User, ada: User, profile: Profile) -> None:
    change = asked(profile, adam).steps()[0].change
    assert change is not None
    assert [change.carry_out().touched[0].touch for _ in range(2)] == ["updated", "unchanged"]
    assert Profile.objects.get(pk=profile.pk).version == 2
    assert Entry.objects.filter(act="networking.profile_changed").count() == 1
