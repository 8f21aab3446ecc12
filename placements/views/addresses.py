"""What people do about the addresses of a database's clients, and the file that a client reads."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from placements import connecting
from placements.addresses_kept import connection_of
from placements.models import STANDING
from placements.views.detail import acted_in_place, found, to_plan


@require_safe
def connection_env(request: HttpRequest, pk: int) -> HttpResponse:
    """The env file. There is nothing secret in it."""
    placement = found(request, pk)
    standing = placement.status in STANDING and not connecting.being_retired(placement)
    bundle = connection_of(placement) if standing else None
    if bundle is None or not bundle.endpoints:
        raise Http404
    response = HttpResponse(bundle.env, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{placement.name}.env"'
    return response


@require_POST
def give_addresses(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for a plan that gives clients addresses."""
    follow = request.POST.get("follow") == "on"
    newest = request.POST.get("newest") == "on"
    ask = partial(connecting.ask_addresses, pk, follow=follow, newest=newest, by=request.user)
    return acted_in_place(request, pk, ask, then=to_plan)


@require_POST
def take_addresses(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for a plan that takes them away."""
    ask = partial(connecting.take_addresses, pk, by=request.user)
    return acted_in_place(request, pk, ask, then=to_plan)


@require_POST
def note_told(request: HttpRequest, pk: int) -> HttpResponse:
    """The owner knows of the new addresses."""
    found(request, pk)
    user: Any = request.user
    connecting.note_told(pk, by=user)
    return redirect(reverse("placements:detail", args=[pk]) + "#connect-title")
