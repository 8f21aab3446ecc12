"""The pages about people: who is here, what they may do, inviting, and putting out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.views import PasswordResetConfirmView
from django.db import transaction
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from kbconsole.common.errors import ConsoleError, Refused
from kbconsole.common.roles import Role, has_role, require
from kbconsole.people import belongings, services
from kbconsole.people.forms import InviteForm, RolesForm, TeamForm
from kbconsole.people.models import Membership, Team, visible_people
from kbconsole.people.present import person_row, standing_of


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
    error, status = None, 422 if form.is_bound else 200
    if form.is_bound and form.is_valid():
        values = form.cleaned_data
        try:
            person = services.invite(
                username=values["username"],
                full_name=values["full_name"],
                roles=form.chosen(),
                by=request.user,
            )
            return _link_shown(request, person)
        except Refused:
            raise
        except ConsoleError as refused:
            error, status = refused, refused.status
    return render(request, "people/person_invite.html", {"form": form, "error": error}, status=status)


def _link_shown(request: HttpRequest, person: User) -> HttpResponse:
    """Show the link. It is made here and kept nowhere: who closes the page has to make another."""
    words = [urlsafe_base64_encode(force_bytes(person.pk)), default_token_generator.make_token(person)]
    link = request.build_absolute_uri(reverse("people:set-password", args=words))
    until = timezone.now() + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
    return render(request, "people/person_link.html", {"person": person, "link": link, "until": until})


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
    """Do it and say so; what cannot be done is said on the person's page as it is now."""
    get_object_or_404(visible_people(request.user), pk=pk)
    try:
        person = does()
    except Refused:
        raise
    except ConsoleError as error:
        return _detail(request, pk, error)
    messages.success(request, said % {"name": person.get_username()})
    return redirect("people:person-detail", pk=pk)


@require_POST
def roles(request: HttpRequest, pk: int) -> HttpResponse:
    require(request.user, Role.ADMIN)
    form = RolesForm(request.POST)
    if not form.is_valid():  # a role that does not exist: no browser sends that
        return redirect("people:person-detail", pk=pk)
    chosen = form.chosen()
    said = _("%(name)s has these roles now.")
    return _act(request, pk, lambda: services.set_roles(pk, roles=chosen, by=request.user), said)


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
    try:
        person = services.renew_link(pk, by=request.user)
    except Refused:
        raise
    except ConsoleError as error:
        return _detail(request, pk, error)
    return _link_shown(request, person)


class SetPassword(PasswordResetConfirmView):
    """Where the link leads: Django moves the token from the address into the session before it shows the form."""

    template_name = "people/password_set.html"
    success_url = reverse_lazy("login")

    def get_user(self, uidb64: str) -> Any:
        """Return the person; nobody for somebody who is deactivated, whose link is as good as expired."""
        person = super().get_user(uidb64)
        return person if person is not None and person.is_active else None

    def form_valid(self, form: SetPasswordForm[User]) -> HttpResponse:
        with transaction.atomic():
            answer = super().form_valid(form)
            services.password_set(form.user)
        messages.success(self.request, _("The password is set. Sign in with it."))
        return answer
