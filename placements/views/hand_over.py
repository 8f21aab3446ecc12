"""Giving a database to somebody else."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from kbconsole.common.errors import ConsoleError, Refused
from placements.forms import HandOverForm
from placements.hand_over import hand_over as give
from placements.views.detail import found
from placements.wishes import WishRefused


@require_http_methods(["GET", "POST"])
def hand_over(request: HttpRequest, pk: int) -> HttpResponse:
    """To whom, to which team, and why."""
    placement = found(request, pk)
    if not placement.may_hand_over(request.user):
        raise Refused("hand_over.not_yours", owner=placement.owner.get_username())
    initial = {"owner": placement.owner.get_username(), "team": placement.team_id}
    form = HandOverForm(request.POST if request.method == "POST" else None, initial=initial)
    context: dict[str, Any] = {"placement": placement, "form": form}
    status = 422 if form.is_bound else 200
    if form.is_bound and form.is_valid():
        try:
            given = give(pk, by=request.user, **form.cleaned_data)
        except WishRefused as refused:
            form.refuse(refused)
        except Refused:
            raise
        except ConsoleError as error:
            context["error"], status = error, error.status
        else:
            words = {"name": given.name, "owner": given.owner.get_username()}
            messages.success(request, _("%(name)s belongs to %(owner)s now.") % words)
            return redirect("placements:detail", pk=pk)
    return render(request, "placements/placement_hand_over.html", context, status=status)
