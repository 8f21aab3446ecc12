"""People and teams: who is here, what they may do, inviting, and putting out."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from django.contrib.auth.models import User
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db.models import Prefetch, QuerySet
from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kbconsole.common.roles import Role
from kbconsole.people import services, teams
from kbconsole.people.links import link_for
from kbconsole.people.models import Membership, Team, visible_people
from kbconsole.people.present import person_row
from placements.api.base import Api, Pages
from placements.api.describe import answers, lists
from placements.api.fields import Answer, Body, Text, Whole
from placements.api.plans import PlanAnswer, plan_rows

ROLES = [str(role) for role in Role]


class PersonAnswer(Answer):
    id = serializers.IntegerField()
    name = serializers.CharField(source="username")
    full_name = serializers.CharField(source="get_full_name")
    roles = serializers.SerializerMethodField()
    superuser = serializers.BooleanField(source="is_superuser")
    state = serializers.SerializerMethodField(help_text="active, invited (no password yet) or inactive")
    teams = serializers.SerializerMethodField()
    joined_at = serializers.DateTimeField(source="date_joined")
    last_sign_in = serializers.DateTimeField(source="last_login", allow_null=True)

    def get_roles(self, person: User) -> list[str]:
        return [str(role) for role in person_row(person).roles]

    def get_state(self, person: User) -> str:
        return person_row(person).state

    def get_teams(self, person: User) -> list[str]:
        return [team.name for team in person.teams.all()]


class LinkAnswer(Answer):
    """`link` is told this once. What stands behind its # is what counts; it is for the person alone."""

    person = PersonAnswer()
    link = serializers.CharField()
    good_until = serializers.DateTimeField()
    plan = serializers.IntegerField(
        allow_null=True, help_text="The plan by which they may become administrator; null for none."
    )


class MemberAnswer(Answer):
    id = serializers.IntegerField(source="person_id")
    name = serializers.CharField(source="person.username")
    since = serializers.DateTimeField()
    given_by = serializers.CharField()


class TeamAnswer(Answer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    members = MemberAnswer(many=True, source="memberships")


class RolesBody(Body):
    """All the roles that the person is to have; the others are taken."""

    roles = serializers.ListField(child=serializers.ChoiceField(ROLES), max_length=3)


class InviteBody(RolesBody):
    name = Text(max_length=150, validators=[UnicodeUsernameValidator()])
    full_name = Text(required=False, default="", allow_blank=True, max_length=150)


class TeamBody(Body):
    name = Text(max_length=63)


class MemberBody(Body):
    person = Whole(help_text="The person's id.")


class PeopleApi(Api):
    """Administrators act; who may read whom, the rows decide."""

    acts = (Role.ADMIN,)

    def people(self, request: Request) -> QuerySet[User]:
        return visible_people(request.user).prefetch_related("groups", "teams")

    def person(self, request: Request, pk: int) -> User:
        return get_object_or_404(self.people(request), pk=pk)

    def shown(self, request: Request, pk: int) -> Response:
        return self.answer(request, PersonAnswer, self.person(request, pk))

    def link(self, request: Request, person: User, plan: int | None, status: int) -> Response:
        link, until = link_for(request, person)
        words = {"person": person, "link": link, "good_until": until, "plan": plan}
        return self.answer(request, LinkAnswer, words, status)


class PersonList(PeopleApi):
    """Who is here; a DBA sees themselves."""

    pagination_class = Pages

    @lists(PersonAnswer)
    def get(self, request: Request) -> Response:
        self.filters(request, Body)
        return self.page(request, self.people(request), PersonAnswer)

    @answers(LinkAnswer, body=InviteBody, code=201)
    def post(self, request: Request) -> Response:
        given = self.body(request, InviteBody)
        invited = services.invite(
            username=given["name"], full_name=given["full_name"], roles=[Role(one) for one in given["roles"]],
            by=request.user,
        )  # fmt: skip
        return self.link(request, self.person(request, invited.person.pk), invited.plan, 201)


class PersonOne(PeopleApi):
    """One person."""

    @answers(PersonAnswer)
    def get(self, request: Request, pk: int) -> Response:
        return self.shown(request, pk)


class PersonRoles(PeopleApi):
    """Give exactly these roles. 202 with a plan where another administrator has to agree to one more of them."""

    @answers(PersonAnswer, body=RolesBody, also={202: PlanAnswer})
    def put(self, request: Request, pk: int) -> Response:
        given, person = self.body(request, RolesBody), self.person(request, pk)
        done = services.set_roles(person.pk, roles=[Role(one) for one in given["roles"]], by=request.user)
        if done.plan is not None:
            return self.answer(request, PlanAnswer, plan_rows(request.user).get(pk=done.plan), 202)
        return self.shown(request, pk)


class PersonAct(PeopleApi):
    """What is done to a person without more to say."""

    does: ClassVar[Callable[..., User]]

    def act(self, request: Request, pk: int) -> User:
        self.body(request, Body)
        return type(self).does(self.person(request, pk).pk, by=request.user)


class PersonDeactivate(PersonAct):
    """Put the person out at once: no sign-in, no session, no token."""

    does = staticmethod(services.deactivate)

    @answers(PersonAnswer)
    def post(self, request: Request, pk: int) -> Response:
        self.act(request, pk)
        return self.shown(request, pk)


class PersonActivate(PersonAct):
    """Let the person sign in again, with the roles and teams that they had."""

    does = staticmethod(services.activate)

    @answers(PersonAnswer)
    def post(self, request: Request, pk: int) -> Response:
        self.act(request, pk)
        return self.shown(request, pk)


class PersonLink(PersonAct):
    """Void the person's password, sessions and token; the new link is told this once."""

    does = staticmethod(services.renew_link)

    @answers(LinkAnswer)
    def post(self, request: Request, pk: int) -> Response:
        self.act(request, pk)
        return self.link(request, self.person(request, pk), None, 200)


class TeamApi(Api):
    """Every role reads teams, administrators change them."""

    acts = (Role.ADMIN,)

    def teams(self, request: Request) -> QuerySet[Team]:
        members = Prefetch("memberships", Membership.objects.select_related("person"))
        rows: QuerySet[Team] = Team.objects.visible_to(request.user).prefetch_related(members)
        return rows

    def team(self, request: Request, pk: int) -> Team:
        return get_object_or_404(self.teams(request), pk=pk)

    def shown(self, request: Request, pk: int, status: int = 200) -> Response:
        return self.answer(request, TeamAnswer, self.team(request, pk), status)


class TeamList(TeamApi):
    """The teams."""

    pagination_class = Pages

    @lists(TeamAnswer)
    def get(self, request: Request) -> Response:
        self.filters(request, Body)
        return self.page(request, self.teams(request), TeamAnswer)

    @answers(TeamAnswer, body=TeamBody, code=201)
    def post(self, request: Request) -> Response:
        team = teams.create(by=request.user, **self.body(request, TeamBody))
        return self.shown(request, team.pk, 201)


class TeamOne(TeamApi):
    """One team; `PUT` renames it, and it can be deleted while it has no members and never had a database."""

    @answers(TeamAnswer)
    def get(self, request: Request, pk: int) -> Response:
        return self.shown(request, pk)

    @answers(TeamAnswer, body=TeamBody)
    def put(self, request: Request, pk: int) -> Response:
        teams.rename(self.team(request, pk).pk, by=request.user, **self.body(request, TeamBody))
        return self.shown(request, pk)

    @answers(None, code=204)
    def delete(self, request: Request, pk: int) -> Response:
        teams.delete(self.team(request, pk).pk, by=request.user)
        return Response(status=204)


class TeamMembers(TeamApi):
    """Add a member."""

    @answers(TeamAnswer, body=MemberBody)
    def post(self, request: Request, pk: int) -> Response:
        given, team = self.body(request, MemberBody), self.team(request, pk)
        person = get_object_or_404(visible_people(request.user), pk=given["person"])
        teams.add_member(team.pk, person_id=person.pk, by=request.user)
        return self.shown(request, pk)


class TeamMember(TeamApi):
    """Take a member out."""

    @answers(TeamAnswer)
    def delete(self, request: Request, pk: int, person: int) -> Response:
        one = get_object_or_404(visible_people(request.user), pk=person)
        teams.remove_member(self.team(request, pk).pk, person_id=one.pk, by=request.user)
        return self.shown(request, pk)
