"""What people do with a database from its page: one service each, and what is refused is said in place."""

from __future__ import annotations

from functools import partial

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from placements import services
from placements.models import Placement
from placements.views.detail import acted_in_place, found, to_plan


@require_safe
def newest_plan(request: HttpRequest, pk: int) -> HttpResponse:
    """The plan that counts now."""
    plan = found(request, pk).plans().values_list("pk", flat=True).first()
    if plan is None:
        raise Http404
    return redirect("jobs:plan-detail", pk=plan)


@require_POST
def plan_again(request: HttpRequest, pk: int) -> HttpResponse:
    return acted_in_place(request, pk, partial(services.plan_again, pk, by=request.user), then=to_plan)


@require_POST
def repair(request: HttpRequest, pk: int) -> HttpResponse:
    return acted_in_place(request, pk, partial(services.repair, pk, by=request.user), then=to_plan)


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    def said(placement: Placement) -> str:
        return _("The request for %(name)s was taken back.") % {"name": placement.name}

    does = partial(services.cancel, pk, by=request.user)
    return acted_in_place(request, pk, does, then=_to_database, said=said)


@require_POST
def check(request: HttpRequest, pk: int) -> HttpResponse:
    does = partial(services.check, pk, by=request.user)
    return acted_in_place(request, pk, does, then=lambda _run: redirect("placements:detail", pk=pk))


def _to_database(placement: Placement) -> HttpResponse:
    return redirect("placements:detail", pk=placement.pk)
