"""Plans: what would be done, and the decisions about it."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kbconsole.common.sentences import Json, Sentence
from kbconsole.jobs import services
from kbconsole.jobs.cautions import cautions_of
from kbconsole.jobs.definition import Step
from kbconsole.jobs.models import Decision, Plan, PlanStatus, Run
from kbconsole.jobs.pages import denials, sees
from kbconsole.jobs.undoing import undo
from placements.api.base import EVERY_ROLE, Api, Pages
from placements.api.describe import answers, lists
from placements.api.fields import Answer, AnyJson, AnyObject, Body, SentenceField, SentencesField, Text
from placements.api.runs import RunAnswer, SubjectAnswer, run_of


class DecisionAnswer(Answer):
    by = serializers.CharField(source="by.username")
    verdict = serializers.ChoiceField(Decision.Verdict.choices)
    comment = serializers.CharField()
    accepted = SentencesField(help_text="The cautions that were accepted.")
    plan_hash = serializers.CharField()
    alone = serializers.BooleanField(
        help_text="Whether the only administrator decided about their own request."
    )
    at = serializers.DateTimeField()


class PlanAnswer(Answer):
    """A plan without its steps."""

    id = serializers.IntegerField()
    job = serializers.CharField()
    job_label = serializers.CharField(source="job_name")
    subject = SubjectAnswer()
    status = serializers.ChoiceField(PlanStatus.choices)
    requested_by = serializers.CharField(source="requested_by.username")
    reason = serializers.CharField()
    approvals_needed = serializers.IntegerField()
    hash = serializers.CharField()
    undoes = serializers.IntegerField(
        source="undoes_id", allow_null=True, help_text="The run that it takes back, if it is an undo."
    )
    failure = SentenceField(allow_null=True)
    decisions = DecisionAnswer(many=True)
    runs = serializers.SerializerMethodField(help_text="Ids of its runs, the oldest makes the plan.")
    made_at = serializers.DateTimeField(allow_null=True)
    valid_until = serializers.DateTimeField(allow_null=True, help_text="Until when it may be decided.")
    created_at = serializers.DateTimeField()

    def get_runs(self, plan: Plan) -> list[int]:
        return sorted(run.pk for run in plan.runs.all())


class CautionAnswer(Answer):
    """What an approver has to accept, by its key. The key is bound to the words."""

    key = serializers.CharField()
    severe = serializers.BooleanField()
    sentence = SentenceField()


class StepOfPlan(Answer):
    """`change` and `check` are what is hashed; `diff` is the dry run; `commands` do the same by hand."""

    position = serializers.IntegerField()
    on = serializers.CharField()
    phase = serializers.CharField()
    label = SentenceField()  # type: ignore[assignment]  # a field of the answer
    change = AnyJson(allow_null=True)
    check = AnyJson(allow_null=True)
    gate = serializers.BooleanField()
    diff = serializers.ListField(child=AnyObject())
    commands = serializers.ListField(child=serializers.CharField())


class PlanDetail(PlanAnswer):
    """A plan with everything that its hash covers, the dry run, and what an approver has to know."""

    facts = AnyJson()
    steps = StepOfPlan(many=True)
    cautions = CautionAnswer(many=True)
    why_not_you = SentenceField(allow_null=True, help_text="Why you may not decide; null if you may.")


class PlanFilter(Body):
    status = serializers.ChoiceField(PlanStatus.choices, required=False)


class HashBody(Body):
    """`hash` is that of the plan that was read: exactly those bytes are meant."""

    hash = Text(max_length=64)


class ApproveBody(HashBody):
    """`accepted` has the keys of the plan's cautions: each has to be there."""

    accepted = serializers.ListField(child=Text(max_length=64), required=False, default=list, max_length=1000)
    comment = Text(required=False, default="", allow_blank=True, max_length=4000)


class GoAheadBody(ApproveBody):
    """`accepted` and `comment` count where the only administrator decides about their own request."""


class UndoBody(Body):
    """`reason` is read by whoever decides."""

    reason = Text(required=False, default="", allow_blank=True, max_length=4000)


class RejectBody(HashBody):
    comment = Text(max_length=4000)


def plan_rows(user: Any) -> QuerySet[Plan]:
    """Return the plans that a person may see, without their content, in a constant number of queries."""
    decisions = Prefetch("decisions", Decision.objects.select_related("by").defer("content").order_by("id"))
    runs = Prefetch("runs", Run.objects.only("id", "plan_id"))
    rows: QuerySet[Plan] = Plan.objects.visible_to(user).select_related("requested_by")
    return rows.defer("content").prefetch_related(decisions, runs)


def plan_of(user: Any, pk: int) -> Plan:
    """Return a plan that the person may see, with its content. Raises Http404."""
    plan: Plan = get_object_or_404(plan_rows(user).defer(None).prefetch_related("diffs"), pk=pk)
    if not sees(plan, user):
        raise Http404
    return plan


def with_steps(plan: Plan, user: Any) -> Plan:
    """Give a plan the attributes of PlanDetail that no column holds."""
    body = plan.body() if plan.content else {"facts": {}, "steps": []}
    diffs = {row.position: row.diff for row in plan.diffs.all()}
    extra: Any = plan
    extra.facts = body["facts"]
    rows = [_step(position, stored, diffs.get(position, [])) for position, stored in enumerate(body["steps"])]
    extra.steps = rows
    extra.cautions = cautions_of(plan)
    refusal = services.may_decide(plan, user)
    extra.why_not_you = refusal.sentence if refusal else None
    return plan


def _step(position: int, stored: dict[str, Json], diff: Json) -> dict[str, Json]:
    row = {name: stored[name] for name in ("on", "phase", "change", "check", "gate")}
    try:
        step = Step.load(stored)
    except (KeyError, TypeError):  # an action of an older version: what is stored still says all
        label, commands = Sentence((stored["change"] or stored["check"])["action"]), []
    else:
        label, commands = step.label(), step.commands()
    return {**row, "position": position, "label": label, "commands": commands, "diff": diff}


class PlanList(Api):
    """Plans, newest first; `?status=ready` is the queue of those that wait for a decision."""

    pagination_class = Pages

    @lists(PlanAnswer, filters=PlanFilter)
    def get(self, request: Request) -> Response:
        rows = plan_rows(request.user).filter(**self.filters(request, PlanFilter))
        return self.page(request, rows, PlanAnswer, keep=lambda plan: sees(plan, request.user))


class PlanApi(Api):
    """One plan. Who may not decide is told why, so every role may try."""

    acts = EVERY_ROLE

    def plan(self, request: Request, pk: int) -> Plan:
        return plan_of(request.user, pk)

    def shown(self, request: Request, pk: int) -> Response:
        return self.answer(request, PlanAnswer, plan_rows(request.user).get(pk=pk))

    def decide(self, request: Request, plan: Plan, *, approve: bool) -> Response:
        given = self.body(request, ApproveBody if approve else RejectBody)
        with denials("plan.approved" if approve else "plan.rejected", request.user, plan):
            services.decide(
                plan.pk, by=request.user, approve=approve, seen_hash=given["hash"], comment=given["comment"],
                accepted=given.get("accepted", []),
            )  # fmt: skip
        return self.shown(request, plan.pk)

    def take_back(self, request: Request, plan: Plan) -> Response:
        self.body(request, Body)
        with denials("plan.withdrawn", request.user, plan):
            services.withdraw(plan.pk, by=request.user)
        return self.shown(request, plan.pk)


class PlanOne(PlanApi):
    """The steps, the dry run of each, and the hash that a decision has to name."""

    @answers(PlanDetail)
    def get(self, request: Request, pk: int) -> Response:
        return self.answer(request, PlanDetail, with_steps(self.plan(request, pk), request.user))


class PlanApprove(PlanApi):
    """Approve exactly the plan with this hash. The last approval that is needed starts the run."""

    @answers(PlanAnswer, body=ApproveBody)
    def post(self, request: Request, pk: int) -> Response:
        return self.decide(request, self.plan(request, pk), approve=True)


class PlanReject(PlanApi):
    """Reject the plan with this hash, and say why."""

    @answers(PlanAnswer, body=RejectBody)
    def post(self, request: Request, pk: int) -> Response:
        return self.decide(request, self.plan(request, pk), approve=False)


class PlanWithdraw(PlanApi):
    """Take one's own plan back before it is decided."""

    @answers(PlanAnswer)
    def post(self, request: Request, pk: int) -> Response:
        return self.take_back(request, self.plan(request, pk))


class PlanGoAhead(PlanApi):
    """Run a plan that needs nobody else's approval, or decide alone where there is only one administrator."""

    @answers(RunAnswer, body=GoAheadBody, code=202)
    def post(self, request: Request, pk: int) -> Response:
        given, plan = self.body(request, GoAheadBody), self.plan(request, pk)
        with denials("run.started", request.user, plan):
            run = services.go_ahead(
                plan.pk, by=request.user, seen_hash=given["hash"], comment=given["comment"],
                accepted=given["accepted"],
            )  # fmt: skip
        return self.answer(request, RunAnswer, run, 202)


class RunUndo(Api):
    """Ask for the plan that takes back what a run made. While one waits for a decision, that one is the answer."""

    @answers(PlanAnswer, body=UndoBody, code=202)
    def post(self, request: Request, pk: int) -> Response:
        given, run = self.body(request, UndoBody), run_of(request.user, pk)
        with denials("run.undo_requested", request.user, run):
            plan = undo(run.pk, by=request.user, reason=given["reason"].strip())
        return self.answer(request, PlanAnswer, plan_rows(request.user).get(pk=plan.pk), 202)
