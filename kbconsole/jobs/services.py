"""What people do with plans and runs. Each act is one transaction: change, audit entry, run; then workers are woken."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.services import record
from kbconsole.common.errors import ConsoleError, Refused, Stale
from kbconsole.common.lifecycle import transition
from kbconsole.common.roles import Role, has_role, require
from kbconsole.common.sentences import Json, declare, say
from kbconsole.common.times import clock_text
from kbconsole.jobs import waking
from kbconsole.jobs.cautions import Caution, cautions_of
from kbconsole.jobs.deciders import alone_refusal
from kbconsole.jobs.definition import Job, Step, job_sentence
from kbconsole.jobs.events import log
from kbconsole.jobs.expiry import over
from kbconsole.jobs.lifecycle import PLAN, RUN, STEP
from kbconsole.jobs.models import (
    ACTIVE,
    BY_HAND,
    Decision,
    Plan,
    PlanStatus,
    Run,
    RunStatus,
    RunStep,
    StepStatus,
)
from kbconsole.jobs.planning import MakePlan, guarded, set_status

logger = logging.getLogger(__name__)

declare(
    {
        "jobs.busy": _(
            "%(what)s is under way for %(subject)s since %(since)s. Wait for run %(run)s, or cancel it."
        ),
        "jobs.code_gone": _(
            "This console does not know this job any more, or knows it otherwise. What was decided and done is kept "
            "to be read; nothing can be done with it. Ask for it anew."
        ),
        "jobs.not_yours": _("This run is about something that you may not change."),
        "jobs.over": _("Run %(run)s has ended already (%(status)s)."),
        "jobs.not_failed": _("Run %(run)s did not fail, so there is nothing to retry (%(status)s)."),
        "jobs.plan_void": _("The plan of this run is out of date. Make the plan again and have it approved."),
        "plan.needs_admin": _(
            "Only an administrator may decide. Ask one who neither asked for this nor edited it."
        ),
        "plan.own": _(
            "You asked for this or edited it, so somebody else must decide. That holds for superusers too."
        ),
        "plan.twice": _("You have decided already; a second person is needed."),
        "plan.decided": _("%(by)s was first: %(verdict)s at %(at)s. Nothing of what you sent was kept."),
        "plan.not_ready": _("This plan waits for no decision (%(status)s)."),
        "plan.other_hash": _(
            "The plan that you saw is not the plan that is here. Read it again, then decide."
        ),
        "plan.needs_comment": _("Say why you reject it, so that the requester knows what to change."),
        "plan.unread": _("Nothing was approved yet: tick each warning to say that you have read it."),
        "plan.requested": _("Asked for a plan: %(job)s for %(subject)s"),
        "plan.approved": _("Approved plan %(hash)s: %(job)s for %(subject)s"),
        "plan.went_ahead": _("Ran plan %(hash)s without another person's approval: %(job)s for %(subject)s"),
        "plan.went_alone": _(
            "Decided alone about plan %(hash)s, as there is only one administrator: %(job)s for %(subject)s. "
            "%(comment)s"
        ),
        "plan.rejected": _("Rejected plan %(hash)s: %(job)s for %(subject)s. %(comment)s"),
        "plan.withdrawn": _("Withdrew the plan: %(job)s for %(subject)s"),
        "run.started": _("Started: %(job)s for %(subject)s"),
        "run.cancel_requested": _("Asked to cancel run %(run)s"),
        "run.check_again": _("Asked run %(run)s to check again"),
        "run.retried": _("Chose Retry for run %(run)s"),
        "run.change_intended": _("About to: %(what)s"),
        "run.change_ended": _("%(what)s: %(touched)s"),
        "run.change_failed": _("%(what)s"),
        "run.ended": _("Run of %(job)s ended: %(status)s, %(done)s of %(all)s steps."),
    }
)


def _on(about: Plan | Run) -> tuple[str, str, str]:
    return (about.subject_kind, about.subject_id, about.subject_label)


def may_act(about: Plan | Run, by: Any, act: str) -> None:
    """Raise Refused unless the person has a role that acts, and the job lets them do this."""
    require(by, Role.DBA, Role.ADMIN)
    job = about.known_definition()
    if job is None:
        raise Stale("jobs.code_gone")
    if not job.allows(by, act):
        raise Refused("jobs.not_yours")


def _about(job: Job) -> dict[str, Any]:
    subject = job.subject()
    return {
        "job": job.slug,
        "params": job.params(),
        "subject_kind": subject.kind,
        "subject_id": subject.id,
        "subject_label": subject.label,
    }


@transaction.atomic
def start(job: Job, *, by: Any, plan: Plan | None = None) -> Run:
    """Queue a run. A planned job needs its approved plan. Raises Stale if its subject is busy."""
    steps = list(job.steps()) if plan is None or not job.planned else guarded(plan)
    run = _create_run(job, by=by, plan=plan)
    _create_steps(run, steps)
    record(
        "run.started", by=by, on=_on(run), run_id=run.pk, plan_hash=plan.hash if plan else "",
        job=job_sentence(run.job), subject=run.subject_label,
    )  # fmt: skip
    log(run, say("jobs.queued", by=run.by_label))
    job.on_start(run.pk)
    waking.wake(run.pk)
    return run


def _create_run(job: Job, *, by: Any, plan: Plan | None) -> Run:
    person = by if hasattr(by, "pk") else None
    label = by.get_username() if person else str(by)
    try:
        with transaction.atomic():
            return Run.objects.create(**_about(job), plan=plan, lanes=job.lanes(), by=person, by_label=label)
    except IntegrityError:
        subject = job.subject()
        busy = Run.objects.get(subject_kind=subject.kind, subject_id=subject.id, status__in=ACTIVE)
        raise Stale(
            "jobs.busy",
            what=busy.job_name,
            subject=subject.label,
            run=busy.pk,
            since=clock_text(busy.created_at),
        ) from None


def _create_steps(run: Run, steps: Sequence[Step]) -> None:
    phases: list[str] = list(dict.fromkeys(step.phase for step in steps))
    RunStep.objects.bulk_create(
        RunStep(
            run=run, position=position, lane=step.on, phase=step.phase, phase_order=phases.index(step.phase),
            content=step.canonical(), label=step.label().to_json(),
        )
        for position, step in enumerate(steps)
    )  # fmt: skip
    lanes = list(dict.fromkeys([*run.lanes, *(step.on for step in steps)]))
    if any(step.on == "console" for step in steps):
        lanes = ["console", *(lane for lane in lanes if lane != "console")]
    if lanes != run.lanes:
        run.lanes = lanes
        run.save(update_fields=["lanes"])


@transaction.atomic
def make_plan(
    job: Job, *, by: Any, reason: str = "", editors: Iterable[int] = (), undoes: Run | None = None
) -> Plan:
    """Ask for a plan: a run renders it and asks the planes. Replaces the subject's plan that is still open.

    `undoes`: the run that it takes back.
    """
    subject = job.subject()
    for older in Plan.objects.filter(
        subject_kind=subject.kind, subject_id=subject.id, status__in=[PlanStatus.MAKING, PlanStatus.READY]
    ):
        transition(older, to=PlanStatus.SUPERSEDED, edges=PLAN)
    plan = Plan.objects.create(
        **_about(job), requested_by=by, reason=reason, editors=sorted({by.pk, *editors}), undoes=undoes
    )
    record(
        "plan.requested",
        by=by,
        on=_on(plan),
        reason=reason,
        job=job_sentence(plan.job),
        subject=plan.subject_label,
    )
    start(MakePlan(plan=plan.pk, job=job.slug, job_params=job.params()), by=by, plan=plan)
    return plan


def _locked(plan_id: int) -> Plan:
    return Plan.objects.select_for_update().get(pk=plan_id)


def may_decide(plan: Plan, user: Any) -> ConsoleError | None:
    """Return why this person may not decide about the plan, or None."""
    job = plan.known_definition()
    if job is None:
        return Stale("jobs.code_gone")
    if not has_role(user, job.approval.approves) or not job.allows(user, "decide"):
        return Refused("plan.needs_admin")
    if user.pk in plan.authors:
        return Refused("plan.own")
    return over(plan) if plan.lapsed else None


@transaction.atomic
def decide(
    plan_id: int, *, by: Any, approve: bool, seen_hash: str, comment: str = "", accepted: Collection[str] = ()
) -> Plan:
    """Approve or reject exactly the bytes with `seen_hash`. The last approval that is needed starts the run.

    `accepted` are the keys of the cautions that the approver ticked; all are needed to approve. Raises Refused (not
    a person who may), Stale (somebody was first, or another plan is here), ConsoleError (a tick or a reason lacks).
    """
    plan = _locked(plan_id)
    if refusal := may_decide(plan, by):
        raise refusal
    _still_open(plan)
    if plan.hash != seen_hash:
        raise Stale("plan.other_hash")
    if not approve and not comment.strip():
        raise ConsoleError("plan.needs_comment")
    cautions = _ticked(plan, accepted) if approve else []
    _keep(plan, by=by, approve=approve, comment=comment.strip(), cautions=cautions)
    if not approve:
        set_status(plan, PlanStatus.REJECTED, by=by.get_username())
    elif plan.decisions.filter(verdict=Decision.Verdict.APPROVE).count() >= plan.approvals_needed:
        _go(plan, by=by)
    return plan


def _ticked(plan: Plan, accepted: Collection[str]) -> list[Caution]:
    """Return the plan's cautions. Raises ConsoleError unless each was accepted."""
    cautions = cautions_of(plan)
    if {caution.key for caution in cautions} - set(accepted):
        raise ConsoleError("plan.unread")
    return cautions


def _still_open(plan: Plan) -> None:
    """Raise Stale unless the locked plan may be decided now, by the clock after the lock was got."""
    if plan.lapsed:
        raise over(plan)
    if plan.status == PlanStatus.READY:
        return
    last = plan.decisions.order_by("-id").first()
    if last is not None and plan.status not in (PlanStatus.WITHDRAWN, PlanStatus.SUPERSEDED):
        raise Stale(
            "plan.decided",
            by=last.by.get_username(),
            verdict=last.get_verdict_display(),
            at=clock_text(last.at),
        )
    raise Stale("plan.not_ready", status=say(f"plan_status.{plan.status}"))


def _keep(
    plan: Plan, *, by: Any, approve: bool, comment: str, cautions: Sequence[Caution], alone: bool = False
) -> None:
    verdict = Decision.Verdict.APPROVE if approve else Decision.Verdict.REJECT
    act = "plan.went_alone" if alone else "plan.approved" if approve else "plan.rejected"
    try:
        with transaction.atomic():
            Decision.objects.create(
                plan=plan, by=by, verdict=verdict, comment=comment, plan_hash=plan.hash, content=plan.content,
                accepted=[caution.sentence.to_json() for caution in cautions], alone=alone,
            )  # fmt: skip
    except IntegrityError:
        raise Stale("plan.twice") from None
    record(
        act, by=by, on=_on(plan), plan_hash=plan.hash, reason=comment,
        hash=plan.hash[:12], job=job_sentence(plan.job), subject=plan.subject_label, comment=comment,
        accepted=[caution.sentence for caution in cautions], requester=plan.requested_by.get_username(),
    )  # fmt: skip


def _go(plan: Plan, *, by: Any) -> Run:
    set_status(plan, PlanStatus.APPROVED, by=by.get_username())
    return start(plan.definition(), by=by, plan=plan)


@transaction.atomic
def go_ahead(
    plan_id: int, *, by: Any, seen_hash: str, comment: str = "", accepted: Collection[str] = ()
) -> Run:
    """Run a plan that nobody else has to agree to; or decide alone, where the policy lets the only administrator.

    The latter is a decision like others: all cautions are accepted, and it is kept. Raises Refused, Stale.
    """
    plan = _locked(plan_id)
    may_act(plan, by, "run")
    _still_open(plan)
    if plan.approvals_needed and (refusal := alone_refusal(plan, by)):
        raise refusal
    if plan.hash != seen_hash:
        raise Stale("plan.other_hash")
    if plan.approvals_needed:
        ticked = _ticked(plan, accepted)
        _keep(plan, by=by, approve=True, comment=comment.strip(), cautions=ticked, alone=True)
        return _go(plan, by=by)
    run = _go(plan, by=by)
    record(
        "plan.went_ahead", by=by, on=_on(plan), plan_hash=plan.hash, run_id=run.pk, reason=plan.reason,
        hash=plan.hash[:12], job=job_sentence(plan.job), subject=plan.subject_label,
        requester=plan.requested_by.get_username(),
    )  # fmt: skip
    return run


def may_withdraw(plan: Plan, user: Any) -> bool:
    """Return whether the person may take the plan back: who asked for it or edited it, and whom its job lets."""
    if user.pk in plan.authors:
        return True
    job = plan.known_definition()
    return job is not None and job.shares(user)


@transaction.atomic
def withdraw(plan_id: int, *, by: Any) -> Plan:
    """Take a plan back before it is decided. Raises Refused, Stale."""
    plan = _locked(plan_id)
    if not may_withdraw(plan, by):
        raise Refused("jobs.not_yours")
    if plan.status not in (PlanStatus.READY, PlanStatus.MAKING):
        _still_open(plan)
    set_status(plan, PlanStatus.WITHDRAWN, by=by.get_username())
    for run in plan.runs.filter(status__in=ACTIVE):
        _ask_to_cancel(run, by=by)
    record(
        "plan.withdrawn",
        by=by,
        on=_on(plan),
        plan_hash=plan.hash,
        job=job_sentence(plan.job),
        subject=plan.subject_label,
    )
    return plan


@transaction.atomic
def cancel(run_id: int, *, by: Any) -> Run:
    """Ask a run to stop between steps. What was made stays."""
    run = Run.objects.select_for_update(of=("self",)).get(pk=run_id)
    may_act(run, by, "cancel")
    if not run.active:
        raise Stale("jobs.over", run=run.pk, status=say(f"run_status.{run.status}"))
    if not run.cancel_requested:
        _ask_to_cancel(run, by=by)
    return run


def _ask_to_cancel(run: Run, *, by: Any) -> None:
    run.cancel_requested = True
    run.save(update_fields=["cancel_requested"])
    log(run, say("jobs.cancel_asked", by=by.get_username()))
    record("run.cancel_requested", by=by, on=_on(run), run_id=run.pk, run=run.pk)
    waking.wake(run.pk)


def retry_refusal(run: Run) -> Stale | None:
    """Return why the run cannot go on, whoever asks, or None.

    A plan is made once; and a later plan that was approved has made an older run history: going on with that would
    bring back what a person has replaced, or retired.
    """
    if run.status not in (RunStatus.FAILED, RunStatus.ERRORED, RunStatus.CANCELLED):
        return Stale("jobs.not_failed", run=run.pk, status=say(f"run_status.{run.status}"))
    if run.plan is None:
        return None
    later = Plan.objects.filter(
        subject_kind=run.subject_kind,
        subject_id=run.subject_id,
        status=PlanStatus.APPROVED,
        pk__gt=run.plan.pk,
    )
    job = run.known_definition()
    if job is None:
        return Stale("jobs.code_gone")
    made_it = not job.planned
    if made_it or run.plan.status != PlanStatus.APPROVED or later.exists():
        return Stale("jobs.plan_void")
    return None


@transaction.atomic
def retry(run_id: int, *, by: Any) -> Run:
    """Run the steps again that did not succeed, and a check together with the change that it checks."""
    run = Run.objects.select_for_update(of=("self",)).select_related("plan").get(pk=run_id)
    may_act(run, by, "retry")
    if refusal := retry_refusal(run):
        raise refusal
    again = _reset_steps(run)
    _requeue(run)
    run.definition().on_start(run.pk)
    log(run, say("jobs.retried", by=by.get_username(), steps=again))
    record("run.retried", by=by, on=_on(run), run_id=run.pk, run=run.pk)
    waking.wake(run.pk)
    return run


def _requeue(run: Run) -> None:
    try:
        with transaction.atomic():
            done = transition(
                run, to=RunStatus.QUEUED, edges=RUN, cancel_requested=False, ended_at=None, sent_at=None,
                attempt=run.attempt + 1,
            )  # fmt: skip
    except IntegrityError:
        done = False
    if not done:
        raise Stale("jobs.over", run=run.pk, status=say(f"run_status.{run.status}"))


def _reset_steps(run: Run) -> int:
    rows = list(run.steps.all())
    failed = [row for row in rows if row.status != StepStatus.SUCCEEDED]
    repeat = {(row.lane, row.content["repeats"]) for row in failed if row.content["repeats"]}
    again = [row for row in rows if row in failed or (row.lane, row.phase) in repeat]
    for row in again:
        transition(
            row, to=StepStatus.PENDING, edges=STEP, finding=None, facts=None, outcome=None, troubles=0,
            earlier=_earlier(row), lost=0, next_at=None,
            waiting_since=None, started_at=None, ended_at=None, lease_until=None, token=row.token + 1,
        )  # fmt: skip
    return len(again)


def _earlier(row: RunStep) -> list[Json]:
    """Return what all attempts until now touched, to be kept; nothing touched is kept as such, once."""
    if row.outcome == [] and BY_HAND not in row.earlier:
        return [*row.earlier, BY_HAND]
    return [*row.earlier, *(row.outcome or [])]


@transaction.atomic
def check_again(run_id: int, position: int, *, by: Any) -> RunStep:
    """Look now at a step that waits, or that a person has just taken care of."""
    row = RunStep.objects.select_related("run").get(run_id=run_id, position=position)
    may_act(row.run, by, "retry")
    parked = RunStep.objects.filter(pk=row.pk, status__in=[StepStatus.WAITING, StepStatus.NEEDS_PERSON])
    if parked.update(next_at=timezone.now()):
        log(row.run, say("jobs.asked_again", by=by.get_username()), step=row)
        record("run.check_again", by=by, on=_on(row.run), plane=row.lane, run_id=run_id, run=run_id)
        waking.wake(run_id)
    return row
