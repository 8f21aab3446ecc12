"""Undoing a run: the inverses of what it made, backwards, as a plan like any other; and everything that is refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
from django.contrib.auth.models import User

from kbconsole.audit.models import Entry
from kbconsole.common.errors import ConsoleError, Refused, Stale
from kbconsole.common.policy import Policy, Rule
from kbconsole.common.sentences import say
from kbconsole.jobs import again, services, undo_others
from kbconsole.jobs.cautions import cautions_of
from kbconsole.jobs.definition import Job, Outcome, Step, Touch, Touched, register
from kbconsole.jobs.models import BY_HAND, Plan, PlanStatus, Run, RunStep
from kbconsole.jobs.undo_others import Others
from kbconsole.jobs.undo_parts import parts_of, what_stays
from kbconsole.jobs.undoing import undo
from tests.api.calling import Caller
from tests.driving import drive, ticks
from tests.jobs.toys import REF, Put, ToyCheck, ToyJob, Trouble, World
from tests.people import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
PLANES = ("k8s-1", "k8s-2", "k8s-3")


@register
@dataclass(frozen=True)
class StrictToy(ToyJob):
    """The same, by a policy that asks for two others."""

    slug: ClassVar[str] = "toy-strict"
    approval: ClassVar[Policy] = Policy(rules=(Rule(2),))
    approvals_needed = Job.approvals_needed


def planned(job: ToyJob, by: User) -> Plan:
    plan = services.make_plan(job, by=by)
    drive(plan.runs.get())
    return Plan.objects.get(pk=plan.pk)


def ran(job: ToyJob, by: User) -> Run:
    plan = planned(job, by)
    return drive(services.go_ahead(plan.pk, by=by, seen_hash=plan.hash))


def asked(run: Run, by: User) -> Plan:
    """Return the plan of an undo, as a worker made it."""
    plan = undo(run.pk, by=by, reason="tried enough")
    drive(plan.runs.order_by("id").first() or 0)
    plan = Plan.objects.get(pk=plan.pk)
    assert plan.status == "ready", plan.failure
    return plan


def undone(run: Run, by: User) -> Run:
    plan = asked(run, by)
    return drive(services.go_ahead(plan.pk, by=by, seen_hash=plan.hash))


def warned(plan: Plan) -> str:
    return " ".join(str(caution.sentence) for caution in cautions_of(plan))


def goes(run: Run) -> list[str]:
    """Return the lanes of what an undo would take back."""
    return [part.row.lane for part in parts_of(run, run.steps.all(), Others(run.pk)) if part.back]


def did(world: World, verb: str, plane: str) -> list[str]:
    start = f"{verb} {plane}/"
    return [call.removeprefix(start) for call in world.calls if call.startswith(start)]


def test_what_a_run_made_goes_backwards_on_each_plane_and_what_was_there_stays(
    dana: User, world: World
) -> None:
    world.holds = {"k8s-2/role"}
    world.extra = [Step(on=plane, phase="late", change=Put(plane, "late")) for plane in PLANES]
    run = ran(ToyJob(), dana)
    plan = asked(run, dana)
    assert (plan.job, plan.undoes_id, plan.reason) == ("undo-run", run.pk, "tried enough")
    assert [step.on for step in plan.steps()] == ["k8s-1", "k8s-2", "k8s-3", "k8s-1", "k8s-3"]
    assert "k8s-1 loses Toy late, Toy role." in warned(plan)
    assert "k8s-2 loses Toy late." in warned(plan)
    done = drive(services.go_ahead(plan.pk, by=dana, seen_hash=plan.hash))
    assert done.status == "succeeded"
    assert world.holds == {"k8s-2/role"}
    assert [did(world, "take", plane) for plane in PLANES] == [["late", "role"], ["late"], ["late", "role"]]
    assert did(world, "look", "k8s-1")[-2:] == ["no late", "no role"], "each removal is proven"
    assert world.calls.count("put k8s-1/role") == 1
    assert Entry.objects.get(act="run.undo_requested").reason == "tried enough"
    assert Entry.objects.filter(act="run.change_ended", run_id=done.pk).count() == 5


def test_what_had_waited_for_another_plane_goes_only_after_what_was_made_there(
    dana: User, world: World
) -> None:
    world.extra = [Step(on="k8s-1", phase="late", change=Put("k8s-1", "late"), gate=True)]
    run = ran(ToyJob(), dana)
    world.answers["take k8s-1/late"] = [ConsoleError("toy.refused")]
    done = undone(run, dana)
    assert done.status == "failed"
    assert {"k8s-1/role", "k8s-2/role", "k8s-3/role", "k8s-1/late"} == world.holds
    world.answers.clear()
    assert drive(services.retry(done.pk, by=dana)).status == "succeeded"
    assert world.holds == set()


def test_a_run_that_failed_half_way_is_undone_where_it_did_something(dana: User, world: World) -> None:
    world.answers["put k8s-3/role"] = [Trouble("toy.refused")]
    run = ran(ToyJob(), dana)
    assert run.status == "failed"
    plan = asked(run, dana)
    assert "whether the run did this is not known" in warned(plan), "its answer was lost three times"
    assert {step.on for step in plan.steps()} == {"k8s-1", "k8s-2"}
    assert drive(services.go_ahead(plan.pk, by=dana, seen_hash=plan.hash)).status == "succeeded"
    assert world.holds == set()


def test_what_an_earlier_attempt_made_was_made_by_the_run(dana: User, world: World) -> None:
    world.answers["look k8s-1/role"] = [ConsoleError("toy.refused")]
    run = ran(ToyJob(), dana)
    world.answers.clear()
    run.steps.filter(lane="k8s-2", phase="apply").update(outcome=[], status="failed")  # as a person ran it
    run = drive(services.retry(run.pk, by=dana))
    row: Any = run.steps.get(lane="k8s-1", phase="apply")
    assert (row.outcome[0]["touch"], row.earlier[0]["touch"]) == ("unchanged", "created")
    row = run.steps.get(lane="k8s-2", phase="apply")
    assert (row.outcome[0]["touch"], row.earlier) == ("unchanged", [BY_HAND])
    row.outcome = None
    (part,) = parts_of(run, [row])
    assert part.did, "whatever becomes of the next attempt"
    undone(run, dana)
    assert world.holds == set()


def test_what_is_made_anew_by_somebody_else_between_two_attempts_is_not_the_runs(
    dana: User, world: World
) -> None:
    ours = {"touch": "created", "ref": {**REF, "name": "x"}, "uid": "1", "warnings": []}
    row = RunStep(earlier=[ours], outcome=[{**ours, "touch": "updated", "uid": "2"}])
    assert [(one.touch, one.uid) for one in row.made().touched] == [(Touch.UPDATED, "2")]
    row.outcome = [{**ours, "touch": "updated"}]
    assert [(one.touch, one.uid) for one in row.made().touched] == [(Touch.CREATED, "1")]
    row = RunStep(earlier=[{**ours, "touch": "unchanged"}], outcome=[{**ours, "touch": "updated"}])
    assert [one.touch for one in row.made().touched] == [Touch.UPDATED]


def test_what_stays_alike_on_several_planes_is_said_once() -> None:
    there = [Touched(Touch.UPDATED, {**REF, "name": name}, "1") for name in ("x", "y")]
    rows = [
        RunStep(
            lane=plane, position=n, content={"change": Put(plane, "x").canonical()}, status="succeeded",
            outcome=Outcome(tuple(there[: 1 if plane == "k8s-3" else 2])).to_json(),
        )
        for n, plane in enumerate(PLANES)
    ]  # fmt: skip
    assert [str(said).split(" was")[0] for said in what_stays(parts_of(Run(), rows))] == [
        "k8s-1, k8s-2: Toy x, Toy y", "k8s-3: Toy x",
    ]  # fmt: skip


def test_what_was_made_by_a_worker_that_died_with_the_answer_counts_unless_another_run_made_it(
    dana: User, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ran(ToyJob(), dana)
    rows: Any = run.steps.filter(phase="apply")
    for row in rows:
        row.outcome[0]["touch"] = "unchanged"  # as the worker after it found it
        row.save()
    other = services.start(ToyCheck(["k8s-9"]), by=dana)
    touched = Touched(Touch.CREATED, {**REF, "name": "role"}, "u-k8s-3/role")
    other.steps.update(lane="k8s-3", outcome=Outcome((touched,)).to_json())
    drive(other)
    with monkeypatch.context() as patch:
        patch.setattr(undo_others, "MOST_OTHERS", 0)
        assert not goes(run), "there are more steps of others than are searched"
    with monkeypatch.context() as patch:
        patch.setattr(Put, "proves_author", False)
        assert not goes(run), "somebody else may have made what the change leaves unchanged"
    assert undone(run, dana).status == "succeeded"
    assert world.holds - {"k8s-9/role"} == {"k8s-3/role"}


def test_what_other_runs_rely_on_is_said_before_it_goes_and_makes_an_older_plan_stale(
    dana: User, world: World
) -> None:
    begun = drive(services.start(ToyCheck(["k8s-2"]), by=dana))
    run = ran(ToyJob(["k8s-1"]), dana)
    plan = asked(run, dana)
    assert "may rely on it" not in warned(plan)
    later = drive(services.start(ToyCheck(["k8s-1"]), by=dana))
    touched = Touched(Touch.UNCHANGED, {**REF, "name": "role"}, "u-k8s-1/role")
    begun.steps.filter(phase="apply").update(
        lane="k8s-1", outcome=Outcome((touched,)).to_json()
    )  # by a Retry
    assert drive(services.go_ahead(plan.pk, by=dana, seen_hash=plan.hash)).status == "failed"
    assert Plan.objects.get(pk=plan.pk).status == PlanStatus.STALE and "k8s-1/role" in world.holds
    said = warned(asked(run, dana))
    assert (
        f"k8s-1: Toy role goes, though later runs found it there and may rely on it: run {begun.pk}" in said
    )
    assert f"run {later.pk} (" in said


def test_what_only_changed_something_is_not_undone_and_says_why(dana: User, world: World) -> None:
    world.holds = {"k8s-1/role"}
    run = ran(ToyJob(["k8s-1"]), dana)
    with pytest.raises(Stale, match="changed nothing"):
        undo(run.pk, by=dana)
    row: Any = run.steps.get(phase="apply")
    row.outcome[0] |= {"touch": "updated", "uid": ""}
    row.save()
    with pytest.raises(
        Stale, match=r"can be taken back by the console\. k8s-1: Toy role was there before the run"
    ):
        undo(run.pk, by=dana)
    RunStep.objects.filter(pk=row.pk).update(outcome=None, status="errored")
    with pytest.raises(Stale, match=r"is not known, as answers were lost: do role\. Retry the run first"):
        undo(run.pk, by=dana)
    assert 'aria-disabled="true"' in signed_in(dana).get(f"/runs/{run.pk}/").content.decode()
    looked = drive(services.start(ToyCheck(["k8s-2"]), by=dana))
    with pytest.raises(Stale, match="only looked"):
        undo(looked.pk, by=dana)
    assert "Undo this run" not in signed_in(dana).get(f"/runs/{looked.pk}/").content.decode()


def test_an_active_run_is_not_undone_and_an_undone_one_not_again(dana: User, world: World) -> None:
    plan = planned(ToyJob(["k8s-1"]), dana)
    run = services.go_ahead(plan.pk, by=dana, seen_hash=plan.hash)
    with pytest.raises(Stale, match="under way"):
        undo(run.pk, by=dana)
    done = undone(drive(run), dana)
    with pytest.raises(Stale, match=f"undone already, by run {done.pk}"):
        undo(run.pk, by=dana)
    with pytest.raises(Stale, match="removed by the run and cannot be brought back"):
        undo(done.pk, by=dana)
    page = signed_in(dana).get(f"/runs/{run.pk}/").content.decode()
    assert f'href="/runs/{done.pk}/">Undone by run {done.pk}' in page
    assert f"undoes run {run.pk}" in signed_in(dana).get(f"/runs/{done.pk}/").content.decode()


def test_two_people_at_once_get_one_plan_and_another_plan_is_not_pushed_aside(
    dana: User, adam: User, world: World
) -> None:
    run = ran(ToyJob(["k8s-1"]), dana)
    plan = asked(run, dana)
    answer = Caller(adam).post(f"runs/{run.pk}/undo/", {"reason": "me too"})
    assert (answer.status_code, answer.json()["id"], answer.json()["undoes"]) == (202, plan.pk, run.pk)
    services.withdraw(plan.pk, by=dana)
    other = planned(ToyJob(["k8s-1"]), dana)
    with pytest.raises(Stale, match=f"Plan {other.pk} for toy one waits for a decision"):
        undo(run.pk, by=dana)


def test_an_undo_asks_for_whom_and_for_as_many_as_the_run_did(
    dana: User, adam: User, vera: User, world: World
) -> None:
    run = ran(ToyJob(["k8s-1"]), dana)
    Run.objects.filter(pk=run.pk).update(job=StrictToy.slug)
    form = {"reason": "tried enough"}
    assert signed_in(vera).post(f"/runs/{run.pk}/undo/", form).status_code == 403
    assert Entry.objects.filter(act="run.undo_requested", outcome="denied").count() == 1
    answer = signed_in(dana).post(f"/runs/{run.pk}/undo/", form)
    plan = Plan.objects.get(undoes=run)
    assert answer.headers["Location"] == f"/plans/{plan.pk}/"
    drive(plan.runs.get())
    plan.refresh_from_db()
    with pytest.raises(Refused):
        services.go_ahead(plan.pk, by=dana, seen_hash=plan.hash)
    services.decide(plan.pk, by=adam, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    assert not plan.runs.filter(job="undo-run").exists(), "the run needed two"
    page = signed_in(vera).get(f"/plans/{plan.pk}/").content.decode()
    assert f"It takes back what run {run.pk} made." in page and f"undoes run {run.pk}" in page


def test_a_plan_to_undo_goes_stale_when_the_run_is_retried_and_is_made_again_as_one(
    dana: User, world: World
) -> None:
    world.answers["look k8s-1/role"] = [ConsoleError("toy.refused")]
    run = ran(ToyJob(["k8s-1", "k8s-2"]), dana)
    plan = asked(run, dana)
    world.answers.clear()
    run.steps.filter(lane="k8s-2", phase="apply").update(outcome=None)
    stale = drive(services.go_ahead(plan.pk, by=dana, seen_hash=plan.hash))
    assert (stale.status, Plan.objects.get(pk=plan.pk).status) == ("failed", PlanStatus.STALE)
    fresh = again.make_again(plan.pk, by=dana)
    assert (fresh.job, fresh.undoes_id) == ("undo-run", run.pk)
    drive(fresh.runs.get())
    fresh.refresh_from_db()
    assert (fresh.status, [step.on for step in fresh.steps()]) == (PlanStatus.READY, ["k8s-1"])


def test_a_job_that_knows_better_is_what_undoes_its_run_or_says_what_to_do_instead(
    dana: User, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ran(ToyJob(["k8s-1"]), dana)
    monkeypatch.setattr(ToyJob, "undone_by", lambda job, _run: say("toy.refused"))
    with pytest.raises(Stale, match="refused"):
        undo(run.pk, by=dana)
    monkeypatch.setattr(ToyJob, "undone_by", lambda job, _run: replace(job, planes=["k8s-2"]))
    page = signed_in(dana).get(f"/runs/{run.pk}/").content.decode()
    assert "You get a plan first: Toy: toy one." in page and "what the run made goes" not in page
    plan = asked(run, dana)
    assert (plan.job, plan.undoes_id) == ("toy", run.pk)
    assert {step.on for step in plan.steps()} == {"k8s-2", "console"}
