"""Plans, decisions, runs, their steps and events. Rows are the truth; broker messages only wake workers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection, models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.common.roles import roles_of
from kbconsole.common.sentences import Sentence
from kbconsole.jobs.definition import (
    Job,
    Outcome,
    Step,
    Subject,
    Touch,
    Touched,
    canonical_text,
    jobs,
    load_job,
    phase_label,
)

Told = TypeVar("Told")


class PlanStatus(models.TextChoices):
    MAKING = "making", _("Being made")
    READY = "ready", _("Waiting for a decision")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    STALE = "stale", _("Out of date")
    FAILED = "failed", _("Could not be made")
    SUPERSEDED = "superseded", _("Replaced by a newer plan")
    EXPIRED = "expired", _("Expired")


class RunStatus(models.TextChoices):
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    WAITING = "waiting", _("Waiting")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    ERRORED = "errored", _("Stopped by a bug")
    CANCELLED = "cancelled", _("Cancelled")


ACTIVE = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.WAITING)


class StepStatus(models.TextChoices):
    PENDING = "pending", _("Not started")
    RUNNING = "running", _("Running")
    WAITING = "waiting", _("Waiting")
    NEEDS_PERSON = "needs_person", _("Needs a person")
    SUCCEEDED = "succeeded", _("Done")
    FAILED = "failed", _("Failed")
    ERRORED = "errored", _("Stopped by a bug")
    SKIPPED = "skipped", _("Not reached")
    CANCELLED = "cancelled", _("Cancelled")


_REPEATED = (Touch.UNCHANGED, Touch.UPDATED, Touch.ABSENT)
"""What a repeated change does to what it did before; that says less than the first time."""
BY_HAND = {"by_hand": True}
"""In `RunStep.earlier`: an attempt carried its change out, and the console itself touched nothing."""
OPEN_STEPS = (StepStatus.PENDING, StepStatus.RUNNING, StepStatus.WAITING, StepStatus.NEEDS_PERSON)


class _About(models.Model):
    """What a plan or run is of: a job with its parameters, and a subject."""

    job = models.CharField(max_length=60)
    params = models.JSONField()
    subject_kind = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=100)
    subject_label = models.CharField(max_length=200)

    class Meta:
        abstract = True

    def definition(self) -> Job:
        return load_job(self.job, self.params)

    def known_definition(self) -> Job | None:
        """Return the job, or None where its code is gone or takes other parameters by now."""
        try:
            return self.definition()
        except (KeyError, TypeError):
            return None

    def told(self, question: Callable[[Job], Told], otherwise: Told) -> Told:
        """Return what the job says, or `otherwise` where its code, or a part that it names, is gone by now.

        For pages of what was decided long ago; whatever acts asks the job itself.
        """
        try:
            return question(self.definition())
        except (KeyError, TypeError):
            return otherwise

    @property
    def job_name(self) -> str:
        return str(jobs.get(self.job).label) if self.job in jobs else self.job

    @property
    def subject(self) -> Subject:
        return Subject(self.subject_kind, self.subject_id, self.subject_label)


class PlanQuerySet(models.QuerySet["Plan"]):
    def undecided(self) -> PlanQuerySet:
        """Those that wait for somebody else's decision, and may still get one."""
        lasting = Q(valid_until__isnull=True) | Q(valid_until__gt=timezone.now())
        return self.filter(lasting, status=PlanStatus.READY, approvals_needed__gt=0)

    def visible_to(self, user: Any) -> PlanQuerySet:
        """Everybody with a role; the job itself may say no (`Job.allows(user, "see")`)."""
        return self.all() if roles_of(user) else self.none()


class Plan(_About):
    """The rendered steps of a run before it runs, and their hash. Immutable once it is ready."""

    status = models.CharField(max_length=20, choices=PlanStatus.choices, default=PlanStatus.MAKING)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    editors = models.JSONField(default=list)
    """Ids of everybody who shaped what is planned; none of them may approve it."""
    reason = models.TextField(blank=True)
    approvals_needed = models.PositiveSmallIntegerField(default=0)
    content = models.TextField(blank=True)
    """Canonical JSON `{job, params, facts, steps}`: the bytes that the hash covers."""
    hash = models.CharField(max_length=64, blank=True)
    failure = models.JSONField(null=True)
    undoes = models.ForeignKey("Run", on_delete=models.PROTECT, null=True, related_name="undo_plans")
    """The run that it takes back, if it is an undo."""
    made_at = models.DateTimeField(null=True)
    valid_until = models.DateTimeField(null=True)
    """Until when it may be decided, fixed when it became ready: a new setting changes no plan that was shown."""
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PlanQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["subject_kind", "subject_id", "-id"])]

    @property
    def authors(self) -> frozenset[int]:
        """Who asked for it, and who edited it since: none of them agrees to it for others."""
        return frozenset({self.requested_by_id, *self.editors})

    @property
    def overdue(self) -> bool:
        """Whether its time is over though it is still marked as ready: beat has not come yet, or does not run."""
        over = self.valid_until is not None and self.valid_until <= timezone.now()
        return over and self.status == PlanStatus.READY

    @property
    def lapsed(self) -> bool:
        """Whether nobody decided in time."""
        return self.overdue or self.status == PlanStatus.EXPIRED

    def steps(self) -> list[Step]:
        """Return the steps that were rendered, from the stored bytes."""
        return [Step.load(stored) for stored in self.body()["steps"]]

    def body(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self.content)
        return loaded


class PlanDiff(models.Model):
    """The dry run of one step of a plan, and what was there."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="diffs")
    position = models.PositiveIntegerField()
    lane = models.CharField(max_length=128)
    diff = models.JSONField()
    """`Diff.to_json()`."""
    baseline = models.JSONField()
    """`Diff.baseline()`, compared once before the first write."""

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["plan", "position"], name="one_diff_per_step")]


class Decision(models.Model):
    """What one person decided about one plan, with the bytes that were decided upon."""

    class Verdict(models.TextChoices):
        APPROVE = "approve", _("Approved")
        REJECT = "reject", _("Rejected")

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="decisions")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    comment = models.TextField(blank=True)
    plan_hash = models.CharField(max_length=64)
    content = models.TextField()
    accepted = models.JSONField(default=list)
    """The cautions that were ticked, as stored sentences."""
    alone = models.BooleanField(default=False)
    """Whether it is about one's own request, as there was only one administrator."""
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["plan", "by"], name="one_decision_per_person")]


class RunQuerySet(models.QuerySet["Run"]):
    def visible_to(self, user: Any) -> RunQuerySet:
        """Everybody with a role; the job itself may say no (`Job.allows(user, "see")`)."""
        return self.all() if roles_of(user) else self.none()


class Run(_About):
    """One execution of a job."""

    status = models.CharField(max_length=20, choices=RunStatus.choices, default=RunStatus.QUEUED)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, null=True, related_name="runs")
    lanes = models.JSONField(default=list)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    by_label = models.CharField(max_length=150)
    cancel_requested = models.BooleanField(default=False)
    attempt = models.PositiveIntegerField(default=1)
    last_seq = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject_kind", "subject_id"],
                condition=Q(status__in=["queued", "running", "waiting"]),
                name="one_active_run_per_subject",
            )
        ]
        indexes = [
            models.Index(fields=["status"]),
            models.Index(fields=["subject_kind", "subject_id", "-id"]),
        ]

    @property
    def active(self) -> bool:
        return self.status in ACTIVE


class RunStepQuerySet(models.QuerySet["RunStep"]):
    def for_order(self) -> RunStepQuerySet:
        """With what kbconsole/jobs/order.py needs, and without findings, facts and outcomes."""
        return self.only("run", "lane", "position", "phase_order", "status", "next_at", "content")


class RunStep(models.Model):
    """One row of a run. `lease_until` and `token` fence a worker that was taken for dead."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveIntegerField()
    lane = models.CharField(max_length=128)
    phase = models.CharField(max_length=40)
    phase_order = models.PositiveSmallIntegerField()
    content = models.JSONField()
    """`Step.canonical()`."""
    label = models.JSONField()
    status = models.CharField(max_length=20, choices=StepStatus.choices, default=StepStatus.PENDING)
    finding = models.JSONField(null=True)
    """The last `{verdict, sentence, fix}` of the check, or why the step failed."""
    facts = models.JSONField(null=True)
    outcome = models.JSONField(null=True)
    """`Outcome.to_json()` of the change, in the attempt of the run that is the last."""
    earlier = models.JSONField(default=list)
    """What attempts before it touched, oldest first, in the form of `outcome`: a retry keeps it. With `BY_HAND` for
    one that ended without touching anything: that may have been a person's work."""
    attempt = models.PositiveIntegerField(default=0)
    lost = models.PositiveSmallIntegerField(default=0)
    troubles = models.PositiveSmallIntegerField(default=0)
    """Answers in a row that a plane owed us; the third ends the step."""
    token = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True)
    waiting_since = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects = RunStepQuerySet.as_manager()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["run", "position"], name="one_step_per_position")]
        indexes = [models.Index(fields=["status", "next_at"])]

    def step(self) -> Step:
        return Step.load(self.content)

    def made(self) -> Outcome:
        """Return what the change did in all attempts together.

        What one of them created was made by the run, though a later one found it there; an object that was made anew
        under the same name counts alone, by its uid.
        """
        found: dict[str, Touched] = {}
        told = [one for one in [*self.earlier, *(self.outcome or [])] if one != BY_HAND]
        for touched in Outcome.from_json(told).touched:
            key = canonical_text(dict(touched.ref))
            before = found.get(key, touched)
            same = touched.uid in ("", before.uid) and before.touch != Touch.UNCHANGED
            found[key] = before if same and touched.touch in _REPEATED else touched
        return Outcome(tuple(found.values()))

    @property
    def phase_label(self) -> str:
        return phase_label(self.phase)

    @property
    def sentence(self) -> Sentence:
        return Sentence.from_json(self.label)


class RunEvent(models.Model):
    """One line of a run's log; `seq` counts within the run, in the order of commits."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveIntegerField()
    step = models.ForeignKey(RunStep, on_delete=models.CASCADE, null=True, related_name="events")
    lane = models.CharField(max_length=128, blank=True)
    level = models.CharField(max_length=8)
    sentence = models.JSONField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["seq"]
        constraints = [models.UniqueConstraint(fields=["run", "seq"], name="one_event_per_seq")]


def next_seq(run_id: int) -> int:
    """Take the run's next event number; the row lock makes the order of commits the order of numbers.

    In one statement of its own: there are several per step, and by the ORM, which has no UPDATE … RETURNING, two
    queries took twenty times as long. SQLite knows it since 3.35.
    """
    table = connection.ops.quote_name(Run._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET last_seq = last_seq + 1 WHERE id = %s RETURNING last_seq",  # noqa: S608
            [run_id],
        )
        seq: int = cursor.fetchone()[0]
    return seq
