"""The pages about people: who is here, what they may do, inviting, and putting out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import User
from django.contrib.auth.views import INTERNAL_RESET_SESSION_TOKEN, PasswordResetConfirmView
from django.db import transaction
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from kbconsole.common.acting import acted
from kbconsole.common.errors import ConsoleError
from kbconsole.common.roles import Role, has_role, require
from kbconsole.people import belongings, services
from kbconsole.people.forms import CodeForm, InviteForm, RolesForm, TeamForm
from kbconsole.people.links import SESSION_PERSON, link_for, parts_of
from kbconsole.people.models import Membership, Team, visible_people
from kbconsole.people.present import person_row, standing_of
from kbconsole.people.promoting import Given


@require_safe
def person_list(request: HttpRequest) -> HttpResponse:
    """Who is here, and what may they do? Those who may not read that get their own page."""
    if not has_role(request.user, Role.ADMIN, Role.AUDITOR):
        return redirect("people:person-detail", pk=request.user.pk)
    return render(request, "people/person_list.html", list_context(request.user))


def list_context(user: Any) -> dict[str, Any]:
    """Return all that the page shows, in a constant number of queries."""
    people = visible_people(user).prefetch_related("groups", "teams").order_by("username")
    members = Prefetch("memberships", Membership.objects.select_related("person"))
    return {
        "rows": [person_row(person) for person in people],
        "teams": Team.objects.visible_to(user).prefetch_related(members),
        "team_form": TeamForm(),
        "may_change": has_role(user, Role.ADMIN),
    }


@never_cache
@require_http_methods(["GET", "POST"])
def invite(request: HttpRequest) -> HttpResponse:
    """Make a person, and show the link by which they set their password: once, here."""
    require(request.user, Role.ADMIN)
    form = InviteForm(request.POST if request.method == "POST" else None, initial={"roles": [Role.DBA.value]})
    if not (form.is_bound and form.is_valid()):
        return _invite_page(request, form, status=422 if form.is_bound else 200)
    given = {name: form.cleaned_data[name] for name in ("username", "full_name")}
    return acted(
        request,
        lambda: services.invite(**given, roles=form.chosen(), by=request.user),
        then=lambda given: _link_shown(request, given.person, given.plan),
        wrong=lambda error: _invite_page(request, form, error=error, status=error.status),
    )


def _invite_page(
    request: HttpRequest, form: InviteForm, *, error: ConsoleError | None = None, status: int
) -> HttpResponse:
    return render(request, "people/person_invite.html", {"form": form, "error": error}, status=status)


def _link_shown(request: HttpRequest, person: User, plan: int | None = None) -> HttpResponse:
    """Show the link. It is made here and kept nowhere: who closes the page has to make another."""
    link, until = link_for(request, person)
    context = {"person": person, "link": link, "until": until, "plan": plan}
    return render(request, "people/person_link.html", context)


@require_safe
def person_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """What may this person do, since when, and what do they look after?"""
    return _detail(request, pk)


def _detail(request: HttpRequest, pk: int, error: ConsoleError | None = None) -> HttpResponse:
    rows = visible_people(request.user).prefetch_related("groups", "teams")
    person = get_object_or_404(rows, pk=pk)
    row = person_row(person)
    context = {
        "row": row,
        "person": person,
        "memberships": person.memberships.select_related("team"),
        "roles_form": RolesForm(initial={"roles": [role.value for role in row.roles]}),
        "belongings": belongings.of(person),
        "standing": standing_of(person, request.user),
        "may_change": has_role(request.user, Role.ADMIN),
        "error": error,
    }
    return render(request, "people/person_detail.html", context, status=error.status if error else 200)


def _act(request: HttpRequest, pk: int, does: Callable[[], User], said: str) -> HttpResponse:
    get_object_or_404(visible_people(request.user), pk=pk)
    return acted(
        request,
        does,
        then=lambda person: redirect("people:person-detail", pk=pk),
        wrong=lambda error: _detail(request, pk, error),
        said=lambda person: said % {"name": person.get_username()},
    )


@require_POST
def roles(request: HttpRequest, pk: int) -> HttpResponse:
    require(request.user, Role.ADMIN)
    get_object_or_404(visible_people(request.user), pk=pk)
    form = RolesForm(request.POST)
    if not form.is_valid():  # a role that does not exist: no browser sends that
        return redirect("people:person-detail", pk=pk)
    return acted(
        request,
        lambda: services.set_roles(pk, roles=form.chosen(), by=request.user),
        then=_roles_given,
        wrong=lambda error: _detail(request, pk, error),
        said=_what_was_given,
    )


def _roles_given(given: Given) -> HttpResponse:
    if given.plan is not None:
        return redirect("jobs:plan-detail", given.plan)
    return redirect("people:person-detail", given.person.pk)


def _what_was_given(given: Given) -> str:
    said = _("%(name)s has these roles now.")
    if given.plan is not None:
        said = _(
            "That %(name)s becomes an administrator, another administrator has to approve; the rest is done."
        )
    return said % {"name": given.person.get_username()}


@require_POST
def deactivate(request: HttpRequest, pk: int) -> HttpResponse:
    require(request.user, Role.ADMIN)
    said = _("%(name)s cannot sign in any more. Sessions and the API token ended.")
    return _act(request, pk, lambda: services.deactivate(pk, by=request.user), said)


@require_POST
def activate(request: HttpRequest, pk: int) -> HttpResponse:
    require(request.user, Role.ADMIN)
    said = _("%(name)s may sign in again.")
    return _act(request, pk, lambda: services.activate(pk, by=request.user), said)


@never_cache
@require_POST
def renew_link(request: HttpRequest, pk: int) -> HttpResponse:
    """Void the person's password and show a link for a new one: once, here."""
    require(request.user, Role.ADMIN)
    get_object_or_404(visible_people(request.user), pk=pk)
    return acted(
        request,
        lambda: services.renew_link(pk, by=request.user),
        then=lambda person: _link_shown(request, person),
        wrong=lambda error: _detail(request, pk, error),
    )


@login_not_required
@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def use_link(request: HttpRequest) -> HttpResponse:
    """Where the link leads. What it carries behind the # is posted here, and goes on in the session."""
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        person, token = parts_of(form.cleaned_data["code"])
        request.session[SESSION_PERSON], request.session[INTERNAL_RESET_SESSION_TOKEN] = person, token
        return redirect("people:set-password-new")
    status = 422 if form.is_bound else 200
    return render(request, "people/password_code.html", {"form": form}, status=status)


@method_decorator(login_not_required, name="dispatch")
class SetPassword(PasswordResetConfirmView):
    """The form for the new password. Whose it is, and by what right, stands in the session."""

    template_name = "people/password_set.html"
    success_url = reverse_lazy("login")

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        kwargs |= {"uidb64": self.request.session.get(SESSION_PERSON, ""), "token": self.reset_url_token}
        return super().dispatch(*args, **kwargs)

    def get_user(self, uidb64: str) -> Any:
        """Return the person; nobody for somebody who is deactivated, whose link is as good as expired."""
        person = super().get_user(uidb64)
        return person if person is not None and person.is_active else None

    def form_valid(self, form: SetPasswordForm[User]) -> HttpResponse:
        with transaction.atomic():
            answer = super().form_valid(form)
            services.password_set(form.user)
        del self.request.session[SESSION_PERSON]
        messages.success(self.request, _("The password is set. Sign in with it."))
        return answer
