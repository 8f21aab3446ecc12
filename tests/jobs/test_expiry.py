"""A plan is valid for a day; what nobody decided by then is void, with every approval that it had."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import override_settings
from django.utils import timezone

from kbconsole.audit.models import Entry
from kbconsole.common.errors import Stale
from kbconsole.jobs import expiry, services
from kbconsole.jobs.approvals import waiting_for
from kbconsole.jobs.models import Decision, Plan, Run
from kbconsole.jobs.tasks import tick
from tests.driving import drive, ticks
from tests.jobs.richtoys import made
from tests.jobs.toys import World
from tests.people import signed_in

pytestmark = pytest.mark.django_db(transaction=True)


def aged(plan: Plan, **ago: float) -> Plan:
    """Let the plan's time end so long ago."""
    Plan.objects.filter(pk=plan.pk).update(valid_until=timezone.now() - timedelta(**ago))
    plan.refresh_from_db()
    return plan


def shown(user: User, address: str) -> str:
    return str(signed_in(user).get(address).content.decode())


def approve(plan: Plan, by: User) -> Plan:
    return services.decide(plan.pk, by=by, approve=True, seen_hash=plan.hash, accepted=ticks(plan))


@override_settings(KBCONSOLE_PLAN_HOURS=3)
def test_its_time_is_the_settings_and_counts_from_when_it_was_made(dana: User, world: World) -> None:
    plan = made(dana)
    assert plan.made_at and plan.valid_until == plan.made_at + timedelta(hours=3)
    with override_settings(KBCONSOLE_PLAN_HOURS=1):
        plan.refresh_from_db()
        assert plan.valid_until == plan.made_at + timedelta(hours=3), "what was shown stays"


def test_beat_expires_what_is_over_and_nothing_else(dana: User, adam: User, world: World) -> None:
    over, open_, decided = made(dana, number=1), made(dana, number=2), made(dana, number=3)
    services.decide(decided.pk, by=adam, approve=False, seen_hash=decided.hash, comment="no")
    aged(over, seconds=1)
    aged(decided, hours=1)
    tick()
    tick()
    found = [Plan.objects.get(pk=plan.pk).status for plan in (over, open_, decided)]
    assert found == ["expired", "ready", "rejected"]
    entry = Entry.objects.get(act="plan.expired")
    assert (entry.actor_label, entry.plan_hash, entry.object_label) == ("system", over.hash, "demo/etcd-1")


def test_nobody_decides_too_late_also_before_beat_came(dana: User, adam: User, world: World) -> None:
    plan = aged(made(dana), milliseconds=1)
    assert waiting_for(adam) == []
    with pytest.raises(Stale, match="This plan was valid until"):
        approve(plan, adam)
    page = shown(adam, f"/plans/{plan.pk}/")
    assert "Expired: nobody decided in time." in page
    assert 'id="decide"' not in page
    assert signed_in(adam).post(f"/plans/{plan.pk}/approve/", {"seen_hash": plan.hash}).status_code == 409
    assert (Decision.objects.count(), Run.objects.filter(job="rich").count()) == (0, 0)
    assert Plan.objects.get(pk=plan.pk).status == "ready", "beat says so; a refused decision writes nothing"


def test_what_nobody_else_decides_expires_too(dana: User, world: World) -> None:
    plan = aged(made(dana, needed=0), minutes=1)
    with pytest.raises(Stale, match="valid until"):
        services.go_ahead(plan.pk, by=dana, seen_hash=plan.hash)
    assert expiry.expire_due() == 1


def test_the_first_of_two_approvals_is_void_with_the_plan(
    dana: User, adam: User, ada: User, world: World
) -> None:
    plan = approve(made(dana, needed=2), adam)
    with pytest.raises(Stale):
        approve(aged(plan, minutes=1), ada)
    tick()
    page = shown(dana, f"/plans/{plan.pk}/")
    assert "The approval of adam is void with it." in page
    signed_in(dana).post(f"/plans/{plan.pk}/again/")
    again = Plan.objects.exclude(pk=plan.pk).get()
    drive(again.runs.get())
    again.refresh_from_db()
    assert approve(again, ada).status == "ready", "it needs both anew"
    assert approve(again, adam).status == "approved"


def test_a_decision_in_time_is_not_taken_back_by_beat(dana: User, adam: User, world: World) -> None:
    plan = made(dana)
    late = Plan.objects.get(pk=plan.pk)
    approve(plan, adam)
    aged(plan, hours=1)
    assert not expiry.expire(late.pk)
    assert Plan.objects.get(pk=plan.pk).status == "approved"


@pytest.mark.parametrize("how", ["failed", "stale", "expired", "overdue"])
def test_the_plan_is_made_again_from_its_page(how: str, dana: User, vera: User, world: World) -> None:
    plan = made(dana, cautious=True)
    if how == "overdue":
        aged(plan, hours=1)
    else:
        Plan.objects.filter(pk=plan.pk).update(status=how)
    again = f"/plans/{plan.pk}/again/"
    assert again in shown(dana, f"/plans/{plan.pk}/")
    assert again not in shown(vera, f"/plans/{plan.pk}/")
    assert signed_in(vera).post(again).status_code == 403
    sent = signed_in(dana).post(again)
    made_now = Plan.objects.latest("pk")
    assert sent["Location"] == f"/plans/{made_now.pk}/"
    assert (made_now.status, made_now.params, made_now.reason) == ("making", plan.params, plan.reason)
    assert Plan.objects.get(pk=plan.pk).status == ("expired" if how == "overdue" else how)
    assert again not in shown(dana, f"/plans/{plan.pk}/")
    assert signed_in(dana).post(again).status_code == 409


def test_a_plan_that_waits_is_not_made_again(dana: User, world: World) -> None:
    refused: Any = signed_in(dana).post(f"/plans/{made(dana).pk}/again/")
    assert refused.status_code == 409
