"""Runs: their steps and events, retry and cancel."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kbconsole.jobs import services
from kbconsole.jobs.definition import Verdict
from kbconsole.jobs.models import Run, RunStatus, StepStatus
from kbconsole.jobs.pages import denials, sees
from kbconsole.jobs.run_page import present
from placements.api.base import Api, Pages
from placements.api.describe import answers, lists, query
from placements.api.fields import Answer, AnyJson, Body, SentenceField

MOST_EVENTS = 200


class SubjectAnswer(Answer):
    kind = serializers.CharField()
    id = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field of the answer


class RunAnswer(Answer):
    id = serializers.IntegerField()
    job = serializers.CharField()
    job_label = serializers.CharField(source="job_name")
    subject = SubjectAnswer()
    status = serializers.ChoiceField(RunStatus.choices)
    active = serializers.BooleanField()
    plan = serializers.IntegerField(source="plan_id", allow_null=True)
    lanes = serializers.ListField(child=serializers.CharField())
    by = serializers.CharField(source="by_label")
    attempt = serializers.IntegerField()
    cancel_requested = serializers.BooleanField()
    last_seq = serializers.IntegerField(help_text="The number of the newest event.")
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class RunDetail(RunAnswer):
    present = serializers.CharField(help_text="What it does, waits for, or how it ended, in a sentence.")
    steps = serializers.DictField(
        child=serializers.IntegerField(), help_text="How many steps have which status."
    )


class FindingAnswer(Answer):
    verdict = serializers.ChoiceField([str(verdict) for verdict in Verdict])
    sentence = SentenceField()
    fix = SentenceField(allow_null=True)


class StepAnswer(Answer):
    position = serializers.IntegerField()
    lane = serializers.CharField()
    phase = serializers.CharField()
    label = SentenceField()  # type: ignore[assignment]  # a field of the answer
    status = serializers.ChoiceField(StepStatus.choices)
    finding = FindingAnswer(allow_null=True)
    outcome = AnyJson(allow_null=True)
    attempt = serializers.IntegerField()
    next_at = serializers.DateTimeField(allow_null=True)
    waiting_since = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class EventAnswer(Answer):
    seq = serializers.IntegerField()
    at = serializers.DateTimeField()
    lane = serializers.CharField()
    step = serializers.IntegerField(source="step.position", default=None, allow_null=True)
    level = serializers.CharField()
    sentence = SentenceField()


class EventsAnswer(Answer):
    """The lines after a number. Ask again with `?after=last` while `more` is true: then no line is lost."""

    results = EventAnswer(many=True)
    last = serializers.IntegerField()
    more = serializers.BooleanField()
    status = serializers.ChoiceField(RunStatus.choices)


class RunFilter(Body):
    status = serializers.ChoiceField(RunStatus.choices, required=False)
    job = serializers.CharField(required=False, max_length=60)
    subject_kind = serializers.CharField(required=False, max_length=40)
    subject_id = serializers.CharField(required=False, max_length=100)


class EventsFilter(Body):
    after = serializers.IntegerField(required=False, default=0, min_value=0, max_value=2**31 - 1)


def run_rows(user: Any) -> QuerySet[Run]:
    rows: QuerySet[Run] = Run.objects.visible_to(user)
    return rows


def run_of(user: Any, pk: int) -> Run:
    """Return a run that the person may see. Raises Http404."""
    run: Run = get_object_or_404(run_rows(user), pk=pk)
    if not sees(run, user):
        raise Http404
    return run


class RunList(Api):
    """Runs, newest first."""

    pagination_class = Pages

    @lists(RunAnswer, filters=RunFilter)
    def get(self, request: Request) -> Response:
        rows = run_rows(request.user).filter(**self.filters(request, RunFilter))
        return self.page(request, rows, RunAnswer, keep=lambda run: sees(run, request.user))


class RunOne(Api):
    """Whether it moves, and what it waits for."""

    @answers(RunDetail)
    def get(self, request: Request, pk: int) -> Response:
        run: Any = run_of(request.user, pk)
        steps = list(run.steps.defer("content"))
        counts = dict.fromkeys((str(step.status) for step in steps), 0)
        for step in steps:
            counts[step.status] += 1
        shown = {**RunAnswer(run).data, "present": present(run, steps), "steps": counts}
        return Response(shown)


class RunSteps(Api):
    """The steps of a run, in order: they are all there before anything runs."""

    pagination_class = Pages

    @lists(StepAnswer)
    def get(self, request: Request, pk: int) -> Response:
        self.filters(request, Body)
        run = run_of(request.user, pk)
        return self.page(request, run.steps.defer("content"), StepAnswer, order="position")


class RunEvents(Api):
    """The lines of a run's log after a number."""

    @answers(EventsAnswer, filters=[query("after", OpenApiTypes.INT)])
    def get(self, request: Request, pk: int) -> Response:
        after = self.filters(request, EventsFilter)["after"]
        run = run_of(request.user, pk)  # read before the events: the line of its end cannot be missed
        events = list(run.events.select_related("step").filter(seq__gt=after)[:MOST_EVENTS])
        last = events[-1].seq if events else after
        answer = {
            "results": events, "last": last, "more": run.active or last < run.last_seq, "status": run.status,
        }  # fmt: skip
        return self.answer(request, EventsAnswer, answer)


class RunRetry(Api):
    """Run the steps again that did not succeed."""

    @answers(RunAnswer, code=202)
    def post(self, request: Request, pk: int) -> Response:
        self.body(request, Body)
        run = run_of(request.user, pk)
        with denials("run.retried", request.user, run):
            again = services.retry(run.pk, by=request.user)
        return self.answer(request, RunAnswer, again, 202)


class RunCancel(Api):
    """Ask a run to stop between steps. What was made stays."""

    @answers(RunAnswer, code=202)
    def post(self, request: Request, pk: int) -> Response:
        self.body(request, Body)
        run = run_of(request.user, pk)
        with denials("run.cancel_requested", request.user, run):
            stopped = services.cancel(run.pk, by=request.user)
        return self.answer(request, RunAnswer, stopped, 202)


class StepCheckAgain(Api):
    """Look now at a step that waits, or that a person has just taken care of."""

    @answers(StepAnswer, code=202)
    def post(self, request: Request, pk: int, position: int) -> Response:
        self.body(request, Body)
        run = run_of(request.user, pk)
        get_object_or_404(run.steps, position=position)
        step = services.check_again(run.pk, position, by=request.user)
        return self.answer(request, StepAnswer, step, 202)
