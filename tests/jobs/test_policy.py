"""One table says who has to agree to what: acts are decided by it, the page shows it, also with one administrator."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import override_settings
from django.utils import timezone

from kbconsole.audit.models import Entry
from kbconsole.common.errors import Refused, Stale
from kbconsole.common.policy import Policy, Rule
from kbconsole.fleet.jobs import CopyRbac
from kbconsole.jobs import services
from kbconsole.jobs.definition import Job, jobs
from kbconsole.jobs.models import Decision, Plan, Run
from kbconsole.people import services as people
from tests.driving import ticks
from tests.jobs.richtoys import made
from tests.jobs.toys import World
from tests.people import person, signed_in

pytestmark = pytest.mark.django_db(transaction=True)
PACKAGES = ("kbconsole", "networking", "placements")


def text(user: User, address: str) -> str:
    shown = signed_in(user).get(address).content.decode()
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", shown).split()))


def alone(plan: Plan, by: User, **given: Any) -> Run:
    return services.go_ahead(plan.pk, by=by, seen_hash=plan.hash, **{"accepted": ticks(plan), **given})


# The table


def test_no_job_has_another_answer_than_its_policy() -> None:
    ours = [job for job in jobs if job.__module__.partition(".")[0] in PACKAGES]
    assert len(ours) > 5
    assert [job for job in ours if job.approvals_needed is not Job.approvals_needed] == []


def test_the_rule_that_asks_for_most_people_counts_and_says_why() -> None:
    policy = Policy(
        rules=(Rule(1), Rule(3, "it is big", lambda n: n > 5), Rule(2, "it is odd", lambda n: n % 2))
    )
    assert [policy.needed(n) for n in (2, 3, 7)] == [1, 2, 3]
    assert [policy.why(n) for n in (2, 3, 7)] == [[], ["it is odd"], ["it is big"]]
    assert Policy().needed(0) == 0


@pytest.mark.parametrize("needed", [0, 1, 3])
def test_the_setting_for_fleet_jobs_is_what_counts_and_what_is_shown(needed: int, vera: User) -> None:
    with override_settings(KBCONSOLE_FLEET_APPROVALS=needed):
        assert CopyRbac(["k8s-1"]).approvals_needed() == needed
        shown = {0: "Nobody else", 1: "1 other administrator", 3: "3 other administrators"}[needed]
        assert f"Copy RBAC Administrators {shown} " in text(vera, "/approvals/policy/")


@pytest.mark.parametrize("who", ["dana", "adam", "vera"])
def test_everybody_with_a_role_reads_the_table(
    who: str, dana: User, adam: User, vera: User, ada: User
) -> None:
    page = text(User.objects.get(username=who), "/approvals/policy/")
    assert "DBAs, for what is theirs or their team's, Administrators 1 other administrator" in page
    assert "if its addresses are public" in page
    assert "if deleting it takes the backups along" in page
    assert (
        "Make a network profile Its first database is marked in the approvals. Administrators Nobody else"
        in page
    )
    assert "Give the role of administrator Administrators 1 other administrator It is given at once" in page
    assert "Replace the credential of a plane It must be of the very same plane." in page
    assert (
        "Read the audit log A DBA reads what they did themselves. Administrators, Auditors"
        in page.replace("Auditors, Administrators", "Administrators, Auditors")
    )
    assert "Whoever may run commands on the server Nobody else" in page
    assert "There are 2 administrators now." in page
    assert "There is only one administrator" not in page


def test_without_a_role_there_is_no_table(nobody: User) -> None:
    assert signed_in(nobody).get("/approvals/policy/").status_code == 404


# Only one administrator


def test_the_only_administrator_decides_alone_and_that_is_said_everywhere(
    adam: User, vera: User, world: World
) -> None:
    plan = made(adam, cautious=True)
    assert "there is only one administrator" in text(adam, "/approvals/?tab=mine")
    assert "Decide alone" in text(adam, f"/plans/{plan.pk}/")
    form = {"seen_hash": plan.hash, "comment": "it cannot wait", "accept": ticks(plan)}
    assert signed_in(adam).post(f"/plans/{plan.pk}/go-ahead/", form).status_code == 302
    decision = Decision.objects.get()
    assert (decision.by, decision.alone, decision.content, len(decision.accepted)) == (
        adam,
        True,
        plan.content,
        1,
    )
    assert Run.objects.filter(job="rich").count() == 1
    entry = Entry.objects.get(act="plan.went_alone")
    assert "Decided alone" in str(entry.sentence) and "it cannot wait" in str(entry.sentence)
    assert not Entry.objects.filter(act="plan.approved").exists()
    for address in ("/approvals/?tab=decided", f"/plans/{plan.pk}/"):
        assert "decided alone: there is only one administrator" in text(vera, address)


def test_alone_every_warning_has_to_be_ticked_too(adam: User, world: World) -> None:
    plan = made(adam, cautious=True)
    assert signed_in(adam).post(f"/plans/{plan.pk}/go-ahead/", {"seen_hash": plan.hash}).status_code == 400
    with pytest.raises(Exception, match="tick each warning"):
        alone(plan, adam, accepted=[])
    assert Plan.objects.get(pk=plan.pk).status == "ready"


def test_a_second_administrator_ends_that_also_while_the_plan_waits(adam: User, world: World) -> None:
    plan = made(adam)
    person("ada", "admin")
    assert "Decide alone" not in text(adam, f"/plans/{plan.pk}/")
    with pytest.raises(Refused, match="needs 1 approvals"):
        alone(plan, adam)


@pytest.mark.parametrize("how", ["inactive", "invited"])
def test_who_cannot_sign_in_is_no_second_administrator(how: str, adam: User, world: World) -> None:
    other = person("ada", "admin")
    if how == "inactive":
        User.objects.filter(pk=other.pk).update(is_active=False)
    else:
        other.set_unusable_password()
        User.objects.filter(pk=other.pk).update(password=other.password)
    assert alone(made(adam), adam).job == "rich"


def test_a_superuser_is_an_administrator_here_as_everywhere(adam: User, world: World) -> None:
    person("root", superuser=True)
    with pytest.raises(Refused):
        alone(made(adam), adam)


def test_what_needs_two_is_never_decided_alone(adam: User, world: World) -> None:
    plan = made(adam, needed=2)
    with pytest.raises(Refused, match="never decided alone"):
        alone(plan, adam)
    assert "never decided alone" in text(adam, f"/plans/{plan.pk}/")


def test_a_dba_does_not_decide_alone(dana: User, world: World) -> None:
    with pytest.raises(Refused):
        alone(made(dana), dana)


@pytest.mark.parametrize("by", ["deactivating", "taking the role", "a new link"])
def test_whoever_puts_the_others_out_does_not_decide_alone_for_a_day(
    by: str, adam: User, world: World
) -> None:
    ada = person("ada", "admin")
    plan = made(adam)
    if by == "deactivating":
        ada.is_active = False
        ada.save()
    elif by == "taking the role":
        ada.groups.clear()
    else:
        people.renew_link(ada.pk, by=adam)
    with pytest.raises(Refused, match="until a short time ago"):
        alone(plan, adam)
    later = timezone.now() + timedelta(hours=25)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kbconsole.jobs.deciders.timezone.now", lambda: later)
        with pytest.raises(Stale, match="valid until"):
            alone(plan, adam)
        Plan.objects.filter(pk=plan.pk).update(valid_until=later + timedelta(hours=1))
        assert alone(plan, adam).job == "rich"


def test_what_a_dba_asked_for_is_approved_by_the_only_administrator_as_ever(
    dana: User, adam: User, world: World
) -> None:
    plan = made(dana)
    with pytest.raises(Refused, match="needs 1 approvals"):
        alone(plan, adam)
    services.decide(plan.pk, by=adam, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    assert not Decision.objects.get().alone


def test_somebody_else_who_leaves_changes_nothing(dana: User, adam: User, world: World) -> None:
    dana.is_active = False
    dana.save()
    assert alone(made(adam), adam).job == "rich"
