"""Network profiles: everybody with a role reads, administrators write."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from kbconsole.common.errors import ConsoleError
from kbconsole.common.roles import Role, has_role, require, roles_of
from kbconsole.jobs.models import Plan
from networking import pages, services
from networking.address_pages import address_page
from networking.address_views import drawn_sections
from networking.forms import ClientsForms, NameForm, SeenForm, config_form
from networking.history import history_of, settings_of
from networking.kinds.base import Direction, carrying, kind_named
from networking.models import Profile
from networking.services import ProfileRefused


@require_safe
def profile_list(request: HttpRequest) -> HttpResponse:
    """Whether the addresses of the fleet fit, and how replicas can reach each other."""
    if not roles_of(request.user):
        raise Http404
    sections, page = drawn_sections(request), address_page()
    context = {
        "rows": pages.rows_for(request.user, page.registered), "kinds": carrying(Direction.EAST_WEST),
        "others": pages.not_between(),
        "admin": has_role(request.user, Role.ADMIN), "replicas": pages.REPLICAS,
        "page": page, "sections": sections, "live": any(part.live for part, _html in sections),
    }  # fmt: skip
    return render(request, "networking/profile_list.html", context)


@require_safe
def profile_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """What one profile promises, its versions, and who uses which."""
    profile = get_object_or_404(Profile.objects.visible_to(request.user).with_users(), pk=pk)
    context = {
        "row": pages.row_of(profile), "profile": profile, "history": history_of(profile),
        "admin": has_role(request.user, Role.ADMIN), "replicas": pages.REPLICAS,
    }  # fmt: skip
    return render(request, "networking/profile_detail.html", context)


@require_safe
def profile_version(request: HttpRequest, pk: int, version: int) -> HttpResponse:
    """What a profile said under one number."""
    profile = get_object_or_404(Profile.objects.visible_to(request.user), pk=pk)
    shown = history_of(profile).version(version)
    if shown is None:
        raise Http404
    context = {
        "profile": profile, "version": shown, "row": pages.row_of(shown.kept),
        "settings": settings_of(shown.kept.network), "replicas": pages.REPLICAS,
    }  # fmt: skip
    return render(request, "networking/profile_version.html", context)


def profile_new(request: HttpRequest, kind: str = "") -> HttpResponse:
    """Choose a kind, then fill in its form."""
    require(request.user, Role.ADMIN)
    kinds = carrying(Direction.EAST_WEST)
    if not kind:
        context: dict[str, Any] = {"kinds": kinds, "others": pages.not_between()}
        return render(request, "networking/profile_choose.html", context)
    if kind not in {known.slug for known in kinds}:
        raise Http404
    data = request.POST if request.method == "POST" else None
    name, config, clients = NameForm(data), config_form(kind_named(kind), data), ClientsForms(data)
    context = {"kind": kind_named(kind), "name_form": name, "config_form": config, "clients": clients}
    if data is None:
        return render(request, "networking/profile_new.html", context)
    if not (name.is_valid() & config.is_valid() & clients.is_valid()):
        return render(request, "networking/profile_new.html", context, status=400)
    try:
        profile = services.create_profile(
            name=name.cleaned_data["name"], kind=kind, config=config.cleaned_data, by=request.user,
            **clients.values(),
        )  # fmt: skip
    except ProfileRefused as refused:
        clients.refuse(refused.sentence)
        return render(request, "networking/profile_new.html", context, status=refused.status)
    except ConsoleError as error:
        name.add_error("name", str(error))
        return render(request, "networking/profile_new.html", context, status=error.status)
    messages.success(request, _("%(name)s can be chosen now.") % {"name": profile.name})
    return redirect("networking:profile-list")


def profile_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change the settings of a profile; databases that stand stay as they are."""
    profile = get_object_or_404(Profile.objects.visible_to(request.user).with_users(), pk=pk)
    require(request.user, Role.ADMIN)
    if not profile.network.known:
        raise Http404
    data = request.POST if request.method == "POST" else None
    seen = SeenForm(data, initial={"seen_version": profile.version})
    config = config_form(profile.behaviour, data, initial=profile.config)
    clients = ClientsForms(
        data, outside=profile.outside, config=profile.outside_config, networks=profile.client_networks
    )  # fmt: skip
    if data is None:
        return _edit_page(request, profile, seen, config, clients)
    if not (seen.is_valid() & config.is_valid() & clients.is_valid()):
        return _edit_page(request, profile, seen, config, clients, status=400)
    given = seen.cleaned_data
    try:
        changed = services.ask_for_change(
            profile, config=config.cleaned_data, seen_version=given["seen_version"], reason=given["reason"],
            by=request.user, **clients.values(),
        )  # fmt: skip
    except ConsoleError as error:
        return _edit_page(request, profile, seen, config, clients, error=error, status=error.status)
    if isinstance(changed, Plan):
        return redirect("jobs:plan-detail", changed.pk)
    said = _("%(name)s is version %(version)s now.") % {"name": changed.name, "version": changed.version}
    messages.success(request, said)
    return redirect("networking:profile-list")


def _edit_page(
    request: HttpRequest, profile: Profile, seen: SeenForm, config: forms.Form, clients: ClientsForms,
    *, error: ConsoleError | None = None, status: int = 200,
) -> HttpResponse:  # fmt: skip
    context = {
        "row": pages.row_of(profile), "profile": profile, "seen_form": seen, "config_form": config, "clients": clients,
        "error": error, "approvals": services.approvals_for(profile),
    }  # fmt: skip
    return render(request, "networking/profile_edit.html", context, status=status)
