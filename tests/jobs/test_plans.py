"""Plans: made, decided upon by other people, run exactly as approved."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from kbconsole.audit.models import Entry
from kbconsole.common.errors import ConsoleError, Refused, Stale
from kbconsole.common.sentences import say
from kbconsole.jobs import services
from kbconsole.jobs.definition import Step
from kbconsole.jobs.models import Decision, Plan, Run
from kbconsole.jobs.run_page import refusals
from tests.driving import drive, ticks
from tests.jobs.toys import Put, ToyJob, Trouble, World
from tests.people import person

pytestmark = pytest.mark.django_db(transaction=True)


def made(by: User, needed: int = 1) -> Plan:
    plan = services.make_plan(ToyJob(needed=needed), by=by, reason="because")
    drive(plan.runs.get())
    plan.refresh_from_db()
    return plan


def approve(plan: Plan, by: User) -> Plan:
    return services.decide(plan.pk, by=by, approve=True, seen_hash=plan.hash)


def executed(plan: Plan) -> Run:
    return drive(Run.objects.get(plan=plan, job="toy"))


def test_a_plan_holds_steps_diffs_and_a_hash_and_has_changed_nothing(dana: User, world: World) -> None:
    plan = made(dana)
    assert plan.status == "ready"
    assert [step.on for step in plan.steps()][:2] == ["k8s-1", "k8s-1"]
    assert [d.diff[0]["touch"] for d in plan.diffs.all()] == ["created"] * 3
    assert world.holds == set()
    assert world.plans == ["ready by dana"]


def test_the_same_request_gives_the_same_hash(dana: User, world: World) -> None:
    first = made(dana)
    assert made(dana).hash == first.hash
    assert Plan.objects.get(pk=first.pk).status == "superseded"


def test_an_approved_plan_runs_as_approved(dana: User, adam: User, world: World) -> None:
    plan = approve(made(dana), adam)
    assert plan.status == "approved"
    assert executed(plan).status == "succeeded"
    assert world.holds == {"k8s-1/role", "k8s-2/role", "k8s-3/role"}
    assert Decision.objects.get().content == plan.content


@pytest.mark.parametrize("who", ["requester", "editor", "superuser", "dba"])
def test_nobody_approves_what_they_asked_for_or_edited(who: str, adam: User, world: World) -> None:
    asker = person("asker", "admin", superuser=who == "superuser")
    plan = made(asker)
    editor = person("editor", "admin")
    Plan.objects.filter(pk=plan.pk).update(editors=[asker.pk, editor.pk])
    decider = {"editor": editor, "dba": person("other", "dba")}.get(who, asker)
    with pytest.raises(Refused):
        approve(plan, decider)
    assert Plan.objects.get(pk=plan.pk).status == "ready"
    assert approve(plan, adam).status == "approved"


def test_two_approvals_need_two_people(dana: User, adam: User, ada: User, world: World) -> None:
    plan = made(dana, needed=2)
    assert approve(plan, adam).status == "ready"
    with pytest.raises(Stale):
        approve(plan, adam)
    assert not Run.objects.filter(job="toy").exists()
    assert approve(plan, ada).status == "approved"
    assert executed(plan).status == "succeeded"


def test_the_second_of_two_decisions_is_told_who_did_what(
    dana: User, adam: User, ada: User, world: World
) -> None:
    plan = made(dana)
    services.decide(plan.pk, by=adam, approve=False, seen_hash=plan.hash, comment="too big")
    with pytest.raises(Stale, match=r"adam was first: Rejected at \d\d:\d\d"):
        approve(plan, ada)
    assert Run.objects.filter(job="toy").count() == 0


def test_a_rejection_needs_its_reason(dana: User, adam: User, world: World) -> None:
    plan = made(dana)
    with pytest.raises(ConsoleError, match="Say why"):
        services.decide(plan.pk, by=adam, approve=False, seen_hash=plan.hash, comment="  ")
    assert Decision.objects.count() == 0


def test_another_hash_than_the_one_seen_is_refused(dana: User, adam: User, world: World) -> None:
    plan = made(dana)
    with pytest.raises(Stale):
        services.decide(plan.pk, by=adam, approve=True, seen_hash="0" * 64)


def test_what_renders_differently_after_approval_writes_nothing(dana: User, adam: User, world: World) -> None:
    plan = approve(made(dana), adam)
    world.extra = [Step(on="k8s-1", phase="apply", change=Put("k8s-1", "more"))]
    run = executed(plan)
    assert run.status == "failed"
    assert world.holds == set()
    assert Plan.objects.get(pk=plan.pk).status == "stale"
    with pytest.raises(Stale):
        services.retry(run.pk, by=dana)


def test_a_plane_that_changed_since_the_plan_is_not_written_to(dana: User, adam: User, world: World) -> None:
    plan = approve(made(dana), adam)
    world.holds.add("k8s-2/role")
    run = executed(plan)
    assert run.steps.get(lane="k8s-2", phase="baseline").status == "failed"
    assert run.steps.get(lane="k8s-2", phase="apply").status == "skipped"
    assert "put k8s-2/role" not in world.calls


def test_a_resumed_run_does_not_compare_again(dana: User, adam: User, world: World) -> None:
    world.answers["put k8s-3/role"] = [Trouble("toy.refused")]
    plan = approve(made(dana), adam)
    run = executed(plan)
    assert run.status == "failed"
    world.answers.clear()
    services.retry(run.pk, by=dana)
    assert drive(run).status == "succeeded"


def test_a_plan_that_cannot_be_made_says_why(
    dana: User, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.extra = [Step(on="k8s-1", phase="apply", change=Put("k8s-1", "x"))]
    monkeypatch.setattr(Put, "diff", _refuse)
    plan = made(dana)
    assert plan.status == "failed"
    assert plan.failure == {"code": "toy.refused", "params": {}}


def _refuse(self: Put) -> None:
    raise ConsoleError("toy.refused")


def test_a_withdrawn_plan_cannot_be_approved(dana: User, adam: User, world: World) -> None:
    plan = made(dana)
    services.withdraw(plan.pk, by=dana)
    with pytest.raises(Stale):
        approve(plan, adam)


def test_only_the_requester_withdraws(dana: User, adam: User, world: World) -> None:
    with pytest.raises(Refused):
        services.withdraw(made(dana).pk, by=adam)


def test_without_approvals_the_requester_goes_ahead(adam: User, world: World) -> None:
    plan = made(adam, needed=0)
    run = drive(services.go_ahead(plan.pk, by=adam, seen_hash=plan.hash))
    assert run.status == "succeeded"


def test_a_plan_that_needs_approval_cannot_be_run_without(dana: User, world: World) -> None:
    plan = made(dana)
    with pytest.raises(Refused):
        services.go_ahead(plan.pk, by=dana, seen_hash=plan.hash)


def test_one_active_run_per_subject(dana: User, adam: User, world: World) -> None:
    services.make_plan(ToyJob(needed=1), by=dana)
    with pytest.raises(Stale, match="under way for toy one"):
        services.make_plan(ToyJob(needed=1), by=dana)


def test_request_and_decision_are_audited(dana: User, adam: User, world: World) -> None:
    plan = approve(made(dana), adam)
    acts = list(Entry.objects.order_by("seq").values_list("act", "actor_label"))
    assert ("plan.requested", "dana") in acts
    assert ("plan.approved", "adam") in acts
    assert Entry.objects.get(act="plan.approved").plan_hash == plan.hash


def test_whoever_may_only_look_can_neither_run_nor_cancel_nor_retry(
    adam: User, vera: User, nobody: User, world: World
) -> None:
    plan = made(adam, needed=0)
    for onlooker in (vera, nobody):
        with pytest.raises(Refused):
            services.go_ahead(plan.pk, by=onlooker, seen_hash=plan.hash)
    run = services.go_ahead(plan.pk, by=adam, seen_hash=plan.hash)
    for onlooker in (vera, nobody):
        with pytest.raises(Refused):
            services.cancel(run.pk, by=onlooker)
    world.answers["put k8s-1/role"] = [ConsoleError("toy.refused")]
    assert drive(run).status == "failed"
    for onlooker in (vera, nobody):
        with pytest.raises(Refused):
            services.retry(run.pk, by=onlooker)


def test_an_approval_needs_every_warning_ticked_and_keeps_them(
    dana: User, adam: User, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ToyJob, "cautions", lambda self: [say("toy.said", what="careful")])
    plan = made(dana)
    with pytest.raises(ConsoleError, match="tick each warning"):
        approve(plan, adam)
    services.decide(plan.pk, by=adam, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    assert Decision.objects.get().accepted == [{"code": "toy.said", "params": {"what": "careful"}}]


def test_a_run_that_made_a_plan_is_not_retried(
    dana: User, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.extra = [Step(on="k8s-1", phase="apply", change=Put("k8s-1", "x"))]
    monkeypatch.setattr(Put, "diff", _refuse)
    run = made(dana).runs.get()
    assert run.status == "failed"
    with pytest.raises(Stale, match="Make the plan again"):
        services.retry(run.pk, by=dana)
    assert "Make the plan again" in refusals(run, dana)["retry"]


def test_a_run_is_history_once_a_later_plan_was_approved(dana: User, adam: User, world: World) -> None:
    world.answers["put k8s-3/role"] = [ConsoleError("toy.refused")]
    old = executed(approve(made(dana), adam))
    assert refusals(old, dana)["retry"] == ""
    later = made(dana)
    assert services.retry_refusal(old) is None, "a plan that waits has replaced nothing yet"
    world.answers.clear()
    executed(approve(later, adam))
    with pytest.raises(Stale, match="out of date"):
        services.retry(old.pk, by=dana)


def test_who_is_late_for_a_withdrawn_plan_is_not_told_that_the_first_approval_won(
    dana: User, adam: User, world: World
) -> None:
    plan = approve(made(dana, needed=2), adam)
    services.withdraw(plan.pk, by=dana)
    with pytest.raises(Stale, match=r"waits for no decision \(Withdrawn\)"):
        approve(plan, person("ada", "admin"))
