"""The pages about teams."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from kbconsole.common.acting import acted
from kbconsole.common.errors import ConsoleError
from kbconsole.common.roles import Role, has_role, require
from kbconsole.people import teams
from kbconsole.people.forms import MemberForm, TeamForm
from kbconsole.people.models import Team, visible_people
from kbconsole.people.views import list_context


@require_safe
def team_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Who is in this team?"""
    return _detail(request, pk)


def _detail(
    request: HttpRequest, pk: int, error: ConsoleError | None = None, form: TeamForm | None = None
) -> HttpResponse:
    team = get_object_or_404(Team.objects.visible_to(request.user), pk=pk)
    memberships = list(team.memberships.select_related("person"))
    inside = [member.person_id for member in memberships]
    outside = User.objects.filter(is_active=True).exclude(pk__in=inside).order_by("username")
    may_change = has_role(request.user, Role.ADMIN)
    context = {
        "team": team,
        "memberships": memberships,
        "may_change": may_change,
        "may_see": has_role(request.user, Role.ADMIN, Role.AUDITOR),
        "team_form": form or TeamForm(initial={"name": team.name}),
        "member_form": MemberForm(people=list(outside) if may_change else []),
        "error": error,
    }
    wrong = form is not None and not form.is_valid()
    status = error.status if error else 422 if wrong else 200
    return render(request, "people/team_detail.html", context, status=status)


def _act(request: HttpRequest, pk: int, does: Callable[[], object], said: str) -> HttpResponse:
    get_object_or_404(Team, pk=pk)
    return acted(
        request,
        does,
        then=lambda _done: redirect("people:team-detail", pk=pk),
        wrong=lambda error: _detail(request, pk, error),
        said=lambda _done: said,
    )


@require_POST
def create(request: HttpRequest) -> HttpResponse:
    require(request.user, Role.ADMIN)
    form = TeamForm(request.POST)
    if not form.is_valid():
        return _list_page(request, form, status=422)
    return acted(
        request,
        lambda: teams.create(name=form.cleaned_data["name"], by=request.user),
        then=lambda team: redirect("people:team-detail", pk=team.pk),
        wrong=lambda error: _list_page(request, form, error=error, status=error.status),
    )


def _list_page(
    request: HttpRequest, form: TeamForm, *, error: ConsoleError | None = None, status: int
) -> HttpResponse:
    context = {**list_context(request.user), "team_form": form, "error": error}
    return render(request, "people/person_list.html", context, status=status)


@require_POST
def rename(request: HttpRequest, pk: int) -> HttpResponse:
    require(request.user, Role.ADMIN)
    form = TeamForm(request.POST)
    if not form.is_valid():
        return _detail(request, pk, form=form)
    name = form.cleaned_data["name"]
    said = _("The team is called %(name)s now.") % {"name": name}
    return _act(request, pk, lambda: teams.rename(pk, name=name, by=request.user), said)


@require_POST
def add_member(request: HttpRequest, pk: int) -> HttpResponse:
    require(request.user, Role.ADMIN)
    form = MemberForm(request.POST, people=list(User.objects.all()))
    if not form.is_valid():
        return redirect("people:team-detail", pk=pk)
    person = get_object_or_404(visible_people(request.user), pk=form.cleaned_data["person"])
    said = _("%(name)s is in the team now.") % {"name": person.get_username()}
    return _act(request, pk, lambda: teams.add_member(pk, person_id=person.pk, by=request.user), said)


@require_POST
def remove_member(request: HttpRequest, pk: int, person: int) -> HttpResponse:
    require(request.user, Role.ADMIN)
    one = get_object_or_404(visible_people(request.user), pk=person)
    said = _("%(name)s is not in the team any more.") % {"name": one.get_username()}
    return _act(request, pk, lambda: teams.remove_member(pk, person_id=one.pk, by=request.user), said)


@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    require(request.user, Role.ADMIN)
    name = get_object_or_404(Team, pk=pk).name
    return acted(
        request,
        lambda: teams.delete(pk, by=request.user),
        then=lambda _done: redirect("people:person-list"),
        wrong=lambda error: _detail(request, pk, error),
        said=lambda _done: _("The team %(name)s was deleted.") % {"name": name},
    )
