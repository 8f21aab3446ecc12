"""What was decided stays readable as it was, when plane, profile, person, job and even the database's row are gone."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db.models import ProtectedError
from django.test import Client

from kbconsole.audit.models import Entry
from kbconsole.fleet.models import Plane
from kbconsole.jobs import services
from kbconsole.jobs.models import Plan
from networking.models import Profile
from placements.models import Placement, Status
from tests.api.calling import a_fleet, a_placement, a_profile, made_ready
from tests.driving import ticks
from tests.people import person, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def decided(adam: User, dana: User) -> Plan:
    a_fleet()
    a_profile()
    plan = made_ready(a_placement(by=dana))
    services.decide(
        plan.pk,
        by=person("ada", "admin"),
        approve=True,
        seen_hash=plan.hash,
        comment="a ticket",
        accepted=ticks(plan),
    )
    return plan


def readable(reader: Client, plan: Plan) -> str:
    """Read all that an auditor reads, and return the plan's page without what tells the reader apart."""
    entry = Entry.objects.get(act="plan.approved")
    shown = reader.get(f"/plans/{plan.pk}/")
    assert shown.status_code == 200
    page = str(shown.content.decode())
    for words in (plan.hash, "etcd-demo", "k8s-1", "Namespace", "ada", "dana", "a ticket"):
        assert words in page, words
    log = reader.get(f"/audit/{entry.seq}/").content.decode()
    assert "etcd-demo" in log
    assert "asked for by dana" in reader.get("/audit/?act=plan.approved").content.decode()
    for address in ("/approvals/?tab=decided", *(f"/runs/{run.pk}/" for run in plan.runs.all())):
        assert reader.get(address).status_code == 200, address
    call_command("plan_hash", plan.pk, verbosity=0)
    return page


def test_a_plan_reads_the_same_after_its_planes_are_gone(decided: Plan, vera: User) -> None:
    reader = signed_in(vera)
    readable(reader, decided)
    Plane.objects.all().delete()
    readable(reader, decided)


def test_a_plan_reads_the_same_after_its_people_are_deactivated_and_lost_their_roles(
    decided: Plan, vera: User
) -> None:
    User.objects.filter(username__in=["dana", "ada", "adam"]).update(is_active=False)
    for name in ("dana", "ada", "adam"):
        User.objects.get(username=name).groups.clear()
    readable(signed_in(vera), decided)


def test_somebody_who_asked_or_decided_cannot_be_deleted_only_deactivated(decided: Plan, dana: User) -> None:
    for user in (dana, User.objects.get(username="ada")):
        with pytest.raises(ProtectedError):
            user.delete()


def test_a_plan_reads_the_same_after_profile_and_placement_are_gone(decided: Plan, vera: User) -> None:
    Placement.objects.update(status=Status.RETIRED)
    Placement.objects.all().delete()
    Profile.objects.all().delete()
    Plane.objects.all().delete()
    readable(signed_in(vera), decided)


def test_an_entry_names_a_person_who_was_deleted(vera: User) -> None:
    leaver = User.objects.create_user("leaver")
    signed_in(leaver).post("/sign-out/")
    leaver.delete()
    assert "leaver signed out." in signed_in(vera).get("/audit/").content.decode()
