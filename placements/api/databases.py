"""Placements: ask for a database, follow it, change it, retire it."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kbconsole.jobs.models import Plan
from kbconsole.people.models import Team
from networking.models import Profile
from placements import services
from placements.addresses_kept import connection_of
from placements.api.base import EVERY_ROLE, Api, Pages
from placements.api.describe import answers, lists
from placements.api.fields import Answer, AnyObject, Body, SentenceField, SentencesField, Text, Whole
from placements.api.plans import (
    ApproveBody,
    PlanAnswer,
    PlanApi,
    PlanDetail,
    RejectBody,
    plan_of,
    plan_rows,
    with_steps,
)
from placements.api.runs import RunAnswer
from placements.connecting import being_retired
from placements.hand_over import hand_over
from placements.jobs import known_definition
from placements.models import STANDING, Placement, Status, WriteWay
from placements.names import names_of
from placements.observation import replica_rows
from placements.rendering import TerminationPolicy
from placements.wishes import Wish

NOT_THERE = 0
"""A number that no row has."""


class PlacementAnswer(Answer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    namespace = serializers.CharField()
    engine = serializers.CharField()
    replicas = serializers.IntegerField()
    planes = serializers.ListField(
        child=serializers.CharField(), help_text="In order; replica i runs on planes[i % n]"
    )
    size = serializers.CharField()
    cpu = serializers.CharField()
    memory = serializers.CharField()
    disk_gib = serializers.IntegerField()
    termination_policy = serializers.CharField()
    profile = serializers.CharField(source="profile.name")
    write_way = serializers.CharField(
        help_text="By what clients find the replica that takes writes; empty where none come from outside."
    )
    purpose = serializers.CharField()
    ticket = serializers.CharField()
    owner = serializers.CharField(source="owner.username")
    team = serializers.CharField(
        source="team.name", default=None, allow_null=True, help_text="Its members may act like the owner."
    )
    status = serializers.ChoiceField(Status.choices)
    survives_any_plane = serializers.BooleanField(source="survival.kept")
    created_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()
    observed_at = serializers.DateTimeField(allow_null=True)
    proven_at = serializers.DateTimeField(allow_null=True)


class LossAnswer(Answer):
    plane = serializers.CharField()
    ordinals = serializers.ListField(child=serializers.IntegerField())
    left = serializers.IntegerField()
    kept = serializers.BooleanField()
    sentence = SentenceField()


class SurvivalAnswer(Answer):
    """What is left when any one plane is lost."""

    quorum = serializers.IntegerField()
    kept = serializers.BooleanField()
    headline = SentenceField()
    advice = SentencesField()
    losses = LossAnswer(many=True)


class ReplicaAnswer(Answer):
    """Where a replica should run, and what was seen there last; null while nothing was seen."""

    ordinal = serializers.IntegerField()
    name = serializers.CharField()
    plane = serializers.CharField()
    pod = AnyObject(allow_null=True)
    service = AnyObject(allow_null=True)


class EndpointAnswer(Answer):
    plane = serializers.CharField()
    service = serializers.CharField()
    address = serializers.CharField()
    port = serializers.IntegerField()


class PlacementDetail(PlacementAnswer):
    release_line = serializers.CharField()
    definition = serializers.CharField()
    survival = SurvivalAnswer()
    observed = AnyObject(
        allow_null=True, help_text="By plane: pods and services, as the planes answered last."
    )
    replica_rows = ReplicaAnswer(many=True)
    endpoints = EndpointAnswer(many=True, help_text="Addresses for clients outside that were seen.")
    plan = serializers.IntegerField(allow_null=True, help_text="The id of the current plan.")
    run = serializers.IntegerField(allow_null=True, help_text="The id of the newest run.")


class PlacementFilter(Body):
    status = serializers.ChoiceField(Status.choices, required=False)
    plane = serializers.CharField(required=False, max_length=128)
    profile = serializers.CharField(required=False, max_length=40)
    owner = serializers.CharField(required=False, max_length=150)
    team = serializers.CharField(required=False, max_length=63)
    name = serializers.CharField(required=False, max_length=63)


class WishBody(Body):
    """A request in a DBA's words. `profile` and `team` are names. `cpu` and `memory` count with the size `own`.

    `team` is one of one's own (`me/` has them). `write_way` counts where the profile lets clients in; left out, it is
    `dns` where the console has a zone. A request that is changed keeps its team, and a way that is left out.
    """

    name = Text(max_length=1000)
    namespace = Text(max_length=1000)
    engine = Text(max_length=40)
    replicas = Whole()
    planes = serializers.ListField(
        child=Text(max_length=1000, trim_whitespace=False, allow_blank=True), max_length=200
    )
    profile = Text(max_length=1000)
    size = Text(required=False, default="s", max_length=40)
    cpu = Text(required=False, default="", allow_blank=True, max_length=100)
    memory = Text(required=False, default="", allow_blank=True, max_length=100)
    disk_gib = Whole(required=False, default=None, allow_null=True)
    termination_policy = Text(required=False, default=str(TerminationPolicy.DO_NOT_TERMINATE), max_length=40)
    purpose = Text(required=False, default="", allow_blank=True, max_length=4000)
    ticket = Text(required=False, default="", allow_blank=True, max_length=100)
    team = Text(required=False, default=None, allow_null=True, max_length=63)
    write_way = serializers.ChoiceField(WriteWay.choices, required=False, default="", allow_blank=True)


class RetireBody(Body):
    """`name` is the database's name once more, to confirm. `policy`: `Delete` keeps backups, `WipeOut` does not."""

    name = Text(max_length=63)
    policy = Text(max_length=20)
    reason = Text(required=False, default="", allow_blank=True, max_length=4000)


def placement_rows(user: Any) -> QuerySet[Placement]:
    rows: QuerySet[Placement] = Placement.objects.visible_to(user).select_related("profile", "owner", "team")
    return rows


def placement_of(user: Any, pk: int) -> Placement:
    """Return a placement that the person may see. Raises Http404."""
    found: Placement = get_object_or_404(placement_rows(user), pk=pk)
    return found


def current_plan(user: Any, pk: int) -> Plan:
    """Return the newest plan of a placement that the person may see. Raises Http404."""
    newest = placement_of(user, pk).plans().values_list("pk", flat=True).first()
    if newest is None:
        raise Http404
    return plan_of(user, newest)


def endpoint_rows(placement: Placement) -> list[dict[str, Any]]:
    """Return `{plane, service, address, port}` of each address that clients outside can use."""
    if placement.status not in STANDING or being_retired(placement):
        return []
    return [
        {"plane": one.plane, "service": one.service, "address": one.host, "port": one.port}
        for one in connection_of(placement).endpoints
    ]


def detailed(placement: Placement) -> Placement:
    """Give a placement the attributes of PlacementDetail that no column holds."""
    engine, extra = placement.kind_of_engine, placement
    names = names_of(placement.name, engine, known_definition(placement), placement.replicas)
    rows: Any = replica_rows(placement.observed, names.pods, placement.planes, names.pod_services)
    more = {
        "replica_rows": rows,
        "endpoints": endpoint_rows(placement),
        "plan": placement.plans().values_list("pk", flat=True).first(),
        "run": placement.runs().values_list("pk", flat=True).first(),
    }
    for name, value in more.items():
        setattr(extra, name, value)
    return extra


class PlacementList(Api):
    """Every database, from request to retirement, newest first."""

    pagination_class = Pages

    @lists(PlacementAnswer, filters=PlacementFilter)
    def get(self, request: Request) -> Response:
        chosen = self.filters(request, PlacementFilter)
        rows, plane = placement_rows(request.user), chosen.pop("plane", None)
        lookups = {"profile": "profile__name", "owner": "owner__username", "team": "team__name"}
        rows = rows.filter(**{lookups.get(name, name): value for name, value in chosen.items()})
        if plane is not None:
            rows = rows.filter(pk__in=_on_plane(rows, plane))
        return self.page(request, rows, PlacementAnswer)

    @answers(PlacementDetail, body=WishBody, code=201)
    def post(self, request: Request) -> Response:
        placement = services.request(_wish(request, self.body(request, WishBody)), by=request.user)
        response = self.answer(request, PlacementDetail, detailed(placement), 201)
        response["Location"] = reverse("api:placement", args=[placement.pk])
        return response


def _on_plane(rows: QuerySet[Placement], plane: str) -> list[int]:
    """SQLite cannot look into JSON lists, so this looks here."""
    return [pk for pk, planes in rows.values_list("pk", "planes") if plane in planes]


def _wish(request: Request, given: dict[str, Any]) -> Wish:
    """Return the wish; a name that no profile or team has becomes a number that none has: the service says so."""
    profiles = Profile.objects.visible_to(request.user).filter(name=given["profile"])
    profile = profiles.values_list("pk", flat=True).first() or NOT_THERE
    team = team_number(given["team"])
    return Wish(**{**given, "planes": tuple(given["planes"]), "profile": profile, "team": team})


def team_number(name: str | None) -> int | None:
    """Return the number of the team of this name, one that no team has where there is none; None for no name."""
    if not name:
        return None
    return Team.objects.filter(name=name).values_list("pk", flat=True).first() or NOT_THERE


class PlacementOne(Api):
    """One database: what was asked, what it survives, where it runs, how to reach it."""

    @answers(PlacementDetail)
    def get(self, request: Request, pk: int) -> Response:
        return self.answer(request, PlacementDetail, detailed(placement_of(request.user, pk)))

    @answers(PlacementDetail, body=WishBody)
    def put(self, request: Request, pk: int) -> Response:
        """Change a request that waits. The plan that was shown is void, and is made anew."""
        wish = _wish(request, self.body(request, WishBody))
        placement = services.change(placement_of(request.user, pk).pk, wish, by=request.user)
        return self.answer(request, PlacementDetail, detailed(placement))


class PlacementPlan(PlanApi):
    """The current plan of a placement: steps, dry run, hash."""

    @answers(PlanDetail)
    def get(self, request: Request, pk: int) -> Response:
        plan = current_plan(request.user, pk)
        return self.answer(request, PlanDetail, with_steps(plan, request.user))


class PlacementApprove(PlanApi):
    """Approve the current plan of a placement, if it has this hash."""

    @answers(PlanAnswer, body=ApproveBody)
    def post(self, request: Request, pk: int) -> Response:
        return self.decide(request, current_plan(request.user, pk), approve=True)


class PlacementReject(PlanApi):
    """Reject the current plan of a placement, if it has this hash."""

    @answers(PlanAnswer, body=RejectBody)
    def post(self, request: Request, pk: int) -> Response:
        return self.decide(request, current_plan(request.user, pk), approve=False)


class PlacementWithdraw(PlanApi):
    """Take the current plan of a placement back."""

    @answers(PlanAnswer)
    def post(self, request: Request, pk: int) -> Response:
        return self.take_back(request, current_plan(request.user, pk))


class PlacementAct(Api):
    """An act of the owner, or of an administrator. Others are told whose it is."""

    acts = EVERY_ROLE


class PlacementCancel(PlacementAct):
    """Take a request back before it is approved."""

    @answers(PlacementDetail)
    def post(self, request: Request, pk: int) -> Response:
        self.body(request, Body)
        placement = services.cancel(placement_of(request.user, pk).pk, by=request.user)
        return self.answer(request, PlacementDetail, detailed(placement))


class PlacementRetire(PlacementAct):
    """Plan the deletion of a database and of all that it leaves on the planes."""

    @answers(PlanAnswer, body=RetireBody, code=202)
    def post(self, request: Request, pk: int) -> Response:
        given = self.body(request, RetireBody)
        plan = services.retire(
            placement_of(request.user, pk).pk, typed_name=given["name"], policy=given["policy"],
            reason=given["reason"], by=request.user,
        )  # fmt: skip
        return self.answer(request, PlanAnswer, plan_rows(request.user).get(pk=plan.pk), 202)


class HandOverBody(Body):
    """`owner` is the name of an active person with the role dba, `team` a team's name; what is left out stays.

    `team: null` means: to no team.
    """

    owner = Text(required=False, max_length=150)
    team = Text(required=False, allow_null=True, max_length=63)
    reason = Text(max_length=4000)


class PlacementHandOver(PlacementAct):
    """Give a database to another owner, to another team, or both. Only its owner or an administrator may."""

    @answers(PlacementDetail, body=HandOverBody)
    def post(self, request: Request, pk: int) -> Response:
        given, row = self.body(request, HandOverBody), placement_of(request.user, pk)
        team = team_number(given["team"]) if "team" in given else row.team_id
        owner = given.get("owner", row.owner.get_username())
        placement = hand_over(row.pk, owner=owner, team=team, reason=given["reason"], by=request.user)
        return self.answer(request, PlacementDetail, detailed(placement))


class PlacementCheck(PlacementAct):
    """Ask the planes again what runs there: a run."""

    @answers(RunAnswer, code=202)
    def post(self, request: Request, pk: int) -> Response:
        self.body(request, Body)
        run = services.check(placement_of(request.user, pk).pk, by=request.user)
        return self.answer(request, RunAnswer, run, 202)


class RepairBody(Body):
    """Why, for who approves and for the audit log."""

    reason = Text(required=False, default="", allow_blank=True, max_length=4000)


class PlacementRepair(PlacementAct):
    """Plan copies of the mirrored objects that a plane lacks, from a plane that has them."""

    @answers(PlanAnswer, body=RepairBody, code=202)
    def post(self, request: Request, pk: int) -> Response:
        given = self.body(request, RepairBody)
        plan = services.repair(placement_of(request.user, pk).pk, reason=given["reason"], by=request.user)
        return self.answer(request, PlanAnswer, plan_rows(request.user).get(pk=plan.pk), 202)


class PlacementPlanAgain(PlacementAct):
    """Make the plan again: the last one failed, went out of date, or its run did not get through."""

    @answers(PlanAnswer, code=202)
    def post(self, request: Request, pk: int) -> Response:
        self.body(request, Body)
        plan = services.plan_again(placement_of(request.user, pk).pk, by=request.user)
        return self.answer(request, PlanAnswer, plan_rows(request.user).get(pk=plan.pk), 202)
