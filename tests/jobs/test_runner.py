"""How a run goes on: order, outcomes, waits, lost workers."""

from __future__ import annotations

from datetime import timedelta
from threading import Event

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings

from kbconsole.audit.models import Entry
from kbconsole.jobs import claims, runner, services, waking
from kbconsole.jobs.definition import Verdict
from kbconsole.jobs.execution import execute_in_thread
from kbconsole.jobs.models import Run, RunStep
from tests.driving import drive
from tests.jobs.toys import ToyCheck, Trouble, World

pytestmark = pytest.mark.django_db(transaction=True)


def statuses(run: Run) -> dict[str, str]:
    return {f"{row.lane}/{row.phase}": row.status for row in run.steps.all()}


def said(run: Run) -> list[str]:
    return [event.sentence["code"] for event in run.events.all()]


def test_all_steps_succeed_and_every_line_has_its_number(dana: User, world: World) -> None:
    run = drive(services.start(ToyCheck(), by=dana))
    assert run.status == "succeeded"
    assert set(statuses(run).values()) == {"succeeded"}
    assert [e.seq for e in run.events.all()] == list(range(1, run.last_seq + 1))
    assert world.ended[0].status == "succeeded"
    assert ("k8s-2", "prove", {"seen": "role"}) in world.ended[0].facts


def test_rows_exist_before_anything_runs(dana: User, world: World) -> None:
    run = services.start(ToyCheck(), by=dana)
    assert len(statuses(run)) == 7
    assert world.calls == []


def test_a_dead_plane_holds_back_only_itself_and_the_gate(dana: User, world: World) -> None:
    world.answers["put k8s-3/role"] = [Trouble("toy.refused")]
    run = drive(services.start(ToyCheck(), by=dana))
    assert run.status == "failed"
    assert statuses(run) == {
        "k8s-1/apply": "succeeded", "k8s-1/prove": "succeeded", "k8s-2/apply": "succeeded",
        "k8s-2/prove": "succeeded", "k8s-3/apply": "failed", "k8s-3/prove": "skipped", "console/all": "skipped",
    }  # fmt: skip
    assert world.calls.count("put k8s-3/role") == 3


def test_a_slow_plane_delays_no_other(dana: User, world: World) -> None:
    others = {plane: Event() for plane in ("k8s-1", "k8s-2")}
    came: list[bool] = []
    world.answers["put k8s-3/role"] = [lambda: came.extend(other.wait(20) for other in others.values())]
    for plane, ended in others.items():
        world.answers[f"look {plane}/role"] = [lambda ended=ended: ended.set()]
    drive(services.start(ToyCheck(), by=dana))
    assert came == [True, True], "k8s-3 was slow until the others had ended"


def test_a_bug_is_errored_and_its_text_stays_out_of_the_page(dana: User, world: World) -> None:
    world.answers["look k8s-1/role"] = [RuntimeError("password=hunter2")]
    run = drive(services.start(ToyCheck(), by=dana))
    assert run.status == "errored"
    assert "hunter2" not in str([e.sentence for e in run.events.all()])


def test_a_wait_is_parked_without_lease_and_goes_on(dana: User, world: World, settings: Settings) -> None:
    world.answers["look k8s-1/role"] = [Verdict.WAIT, Verdict.WAIT, Verdict.PASS]
    settings.KBCONSOLE_POLL_SECONDS = 60  # however slow this machine is, it is not looked at twice
    run = services.start(ToyCheck(), by=dana)
    runner.advance(run.pk)
    row = run.steps.get(lane="k8s-1", phase="prove")
    assert (row.status, row.lease_until) == ("waiting", None)
    assert Run.objects.get(pk=run.pk).status == "waiting"
    settings.KBCONSOLE_POLL_SECONDS = 0.1
    services.check_again(run.pk, row.position, by=dana)
    assert drive(run).status == "succeeded"
    assert world.calls.count("put k8s-1/role") == 1, "only the check is repeated"


def test_a_wait_ends_at_its_deadline_with_what_was_seen_last(dana: User, world: World) -> None:
    world.answers["look k8s-1/role"] = [Verdict.WAIT]
    run = services.start(ToyCheck(), by=dana)
    runner.advance(run.pk)
    run.steps.filter(phase="prove", lane="k8s-1").update(
        waiting_since=timezone.now() - timedelta(seconds=301)
    )
    run = drive(run)
    assert run.status == "failed"
    assert "jobs.waited_too_long" in said(run)


def test_a_step_for_a_person_waits_for_ever_until_check_again(dana: User, world: World) -> None:
    world.answers["look k8s-1/role"] = [Verdict.PERSON, Verdict.PASS]
    run = drive(services.start(ToyCheck(), by=dana))
    assert statuses(run)["k8s-1/prove"] == "needs_person"
    assert run.pk not in waking.due()
    services.check_again(run.pk, 1, by=dana)
    assert Entry.objects.get(act="run.check_again").plane == "k8s-1"
    assert drive(run).status == "succeeded"


def test_what_a_dead_worker_held_is_taken_up_again(dana: User, world: World) -> None:
    run = services.start(ToyCheck(), by=dana)
    row = run.steps.get(lane="k8s-1", phase="apply")
    assert claims.claim(run, row)
    RunStep.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert claims.reap() == [run.pk]
    assert drive(run).status == "succeeded"


def test_a_worker_that_is_only_slow_keeps_its_step(dana: User, world: World, settings: Settings) -> None:
    run = services.start(ToyCheck(), by=dana)
    row = run.steps.get(lane="k8s-1", phase="apply")
    assert claims.claim(run, row)
    assert claims.reap() == [], "its lease has not run out"
    settings.KBCONSOLE_LEASE_SECONDS = 3600
    claims.renew([row])
    renewed = RunStep.objects.get(pk=row.pk)
    assert renewed.lease_until and renewed.lease_until > timezone.now() + timedelta(minutes=50)
    settings.KBCONSOLE_LEASE_SECONDS = 1
    RunStep.objects.filter(pk=row.pk).update(token=row.token + 1)
    claims.renew([row])
    assert RunStep.objects.get(pk=row.pk).lease_until == renewed.lease_until, "another worker holds it now"


def test_a_worker_that_was_taken_for_dead_writes_nothing(dana: User, world: World) -> None:
    run = services.start(ToyCheck(), by=dana)
    row = run.steps.get(lane="k8s-1", phase="apply")
    claims.claim(run, row)
    RunStep.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    claims.reap()
    late = execute_in_thread(row.step(), changed=False, where="test")
    assert claims.settle(run, row, late) is False
    assert RunStep.objects.get(pk=row.pk).status == "pending"


def test_only_the_worker_with_the_newest_token_writes(dana: User, world: World) -> None:
    run = services.start(ToyCheck(), by=dana)
    late, stale = run.steps.get(lane="k8s-1", phase="apply"), run.steps.get(lane="k8s-1", phase="apply")
    claims.claim(run, late)
    RunStep.objects.filter(pk=late.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    claims.reap()
    assert claims.claim(run, stale) is False, "read before the reaper gave it back"
    now = RunStep.objects.get(pk=late.pk)
    assert claims.claim(run, now)
    result = execute_in_thread(late.step(), changed=False, where="test")
    assert claims.settle(run, late, result) is False, "another worker runs it now"
    assert RunStep.objects.get(pk=late.pk).status == "running"
    assert claims.settle(run, now, result)


def test_a_step_that_kills_three_workers_is_given_up(dana: User, world: World) -> None:
    run = services.start(ToyCheck(), by=dana)
    for _ in range(3):
        row = run.steps.get(lane="k8s-1", phase="apply")
        assert claims.claim(run, row)
        RunStep.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        claims.reap()
    assert drive(run).status == "errored"


def test_two_workers_at_once_do_every_step_once(dana: User, world: World) -> None:
    run = services.start(ToyCheck(), by=dana)
    mine, other = run.steps.get(position=0), run.steps.get(position=0)
    assert claims.claim(run, mine)
    assert not claims.claim(run, other)


def test_cancel_ends_between_steps_and_says_so(dana: User, world: World) -> None:
    world.answers["look k8s-1/role"] = [Verdict.WAIT]
    run = services.start(ToyCheck(), by=dana)
    runner.advance(run.pk)
    services.cancel(run.pk, by=dana)
    run = drive(run)
    assert run.status == "cancelled"
    assert statuses(run)["k8s-2/apply"] == "succeeded"


def test_retry_repeats_the_failed_check_together_with_its_change(dana: User, world: World) -> None:
    world.answers["look k8s-1/role"] = [Verdict.FAIL, Verdict.PASS]
    run = drive(services.start(ToyCheck(), by=dana))
    assert run.status == "failed"
    services.retry(run.pk, by=dana)
    asked_anew = run.steps.filter(status="pending")
    assert asked_anew and not [step for step in asked_anew if step.facts is not None]
    assert drive(run).status == "succeeded"
    assert world.calls.count("put k8s-1/role") == 2
    assert world.calls.count("put k8s-2/role") == 1


def test_a_lost_message_is_sent_again_from_the_row(dana: User, world: World) -> None:
    run = services.start(ToyCheck(), by=dana)
    Run.objects.filter(pk=run.pk).update(sent_at=timezone.now() - timedelta(seconds=5))
    assert waking.due() == [run.pk]


def test_intent_and_result_of_each_change_are_audited(dana: User, world: World) -> None:
    world.answers["put k8s-3/role"] = [Trouble("toy.refused")]
    run = drive(services.start(ToyCheck(), by=dana))
    entries = Entry.objects.filter(run_id=run.pk, plane="k8s-3")
    assert next((e.act, e.outcome) for e in entries.order_by("seq")) == ("run.change_intended", "intent")
    assert entries.filter(act="run.change_failed", outcome="failure").count() == 1
    assert Entry.objects.get(run_id=run.pk, act="run.ended").outcome == "partial"
