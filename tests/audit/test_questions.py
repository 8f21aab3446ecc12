"""An auditor's questions, answered by links: what each shows of what really happened, and what not."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urljoin

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.utils import timezone

from kbconsole.audit import questions
from kbconsole.audit.models import Entry
from kbconsole.audit.services import record
from kbconsole.common.errors import Refused
from kbconsole.jobs import services
from kbconsole.jobs.definition import job_sentence
from kbconsole.jobs.models import Plan
from tests.audit.test_pages import did
from tests.driving import ticks
from tests.jobs.richtoys import made
from tests.jobs.toys import World
from tests.people import signed_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def auditor(vera: User) -> Client:
    return signed_in(vera)


def answers(auditor: Client, question: str) -> str:
    """Follow the link of a question and return the list."""
    found = {one.label: one.url for one in auditor.get("/audit/").context["questions"]}
    response = auditor.get(urljoin("/audit/", found[question]), headers={"HX-Request": "true"})
    assert response.status_code == 200
    return str(response.content.decode())


def test_the_quarters_changes_name_who_asked_and_who_approved(
    auditor: Client, dana: User, adam: User, world: World
) -> None:
    plan = made(dana, cautious=True)
    services.decide(plan.pk, by=adam, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    shown = answers(auditor, "This quarter's changes, who asked and who approved")
    assert "Approved plan" in shown
    assert "asked for by dana" in shown
    assert "adam" in shown
    assert "Asked for a plan" not in shown
    entry = Entry.objects.get(act="plan.approved")
    assert "Asked for by" in auditor.get(f"/audit/{entry.seq}/").content.decode()


def test_what_went_ahead_alone_is_its_own_question(
    auditor: Client, dana: User, adam: User, world: World
) -> None:
    plan = made(dana)
    services.decide(plan.pk, by=adam, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    alone = made(dana, number=2)
    Plan.objects.filter(pk=alone.pk).update(approvals_needed=0)
    services.go_ahead(alone.pk, by=dana, seen_hash=alone.hash)
    shown = answers(auditor, "What went ahead without another person?")
    assert f"Ran plan {alone.hash[:12]} without another person" in shown
    assert "asked for by dana" in shown
    assert "Approved plan" not in shown
    assert "Ran plan" in answers(auditor, "This quarter's changes, who asked and who approved")


def test_removed_data_is_the_retirements_and_nothing_else(auditor: Client) -> None:
    did("x")
    for job in ("retire-database", "place-database"):
        _ended(job)
    shown = answers(auditor, "What data was removed?")
    assert shown.count('id="entry-') == 1
    assert (
        "retire-database"
        in Entry.objects.get(act="run.ended", params__job__code="job.retire-database").canonical
    )


def _ended(job: str) -> None:
    with transaction.atomic():
        record("run.ended", by="worker", job=job_sentence(job), status="s", done=7, all=7)


def test_refusals_failures_roles_and_sign_ins_have_their_links(auditor: Client, dana: User) -> None:
    did("a failed thing", outcome="failure")
    did("a refused thing", outcome="denied", error=Refused("roles.sign_in").sentence)
    dana.is_active = False
    dana.save()
    assert "a refused thing" in answers(auditor, "What was refused?")
    assert "a failed thing" in answers(auditor, "What failed?")
    roles = answers(auditor, "Which roles changed?")
    assert "Deactivated dana" in roles
    assert "thing" not in roles
    assert "thing" in answers(auditor, "Everything")
    assert "Who may do what" in answers(auditor, "Who may do what?")


@pytest.mark.parametrize(
    ("now", "first"),
    [
        ("2026-01-01", "2026-01-01"),
        ("2026-06-30", "2026-04-01"),
        ("2026-08-15", "2026-07-01"),
        ("2026-12-31", "2026-10-01"),
    ],
)
def test_a_quarter_begins_with_its_first_day(monkeypatch: pytest.MonkeyPatch, now: str, first: str) -> None:
    moment = datetime.fromisoformat(f"{now}T12:00").replace(tzinfo=UTC)
    monkeypatch.setattr(timezone, "localtime", lambda: moment)
    assert questions._quarter() == first


def test_several_acts_stand_in_one_filter(auditor: Client) -> None:
    did("a thing")
    shown = auditor.get("/audit/?act=nothing, pages").content.decode()
    assert "a thing" in shown
    assert "No entry matches" in auditor.get("/audit/?act=nothing,more").content.decode()


def test_a_time_with_a_zone_is_shown_in_the_consoles(auditor: Client) -> None:
    did("a thing")
    shown = auditor.get("/audit/", {"from": "2026-11-01T08:00+08:00"}).content.decode()
    assert 'value="2026-11-01T00:00"' in shown
    assert f"Time zone: {timezone.get_current_timezone_name()}" in shown
    assert (
        "2026-13-45T00:00+08:00"
        in auditor.get("/audit/", {"from": "2026-13-45T00:00+08:00"}).content.decode()
    )
