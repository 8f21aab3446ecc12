"""What people do with a database from its page: one service each, and what is refused is said in place."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from kbconsole.common.errors import ConsoleError, Refused
from placements import services
from placements.views.detail import found, refused_in_place


@require_safe
def newest_plan(request: HttpRequest, pk: int) -> HttpResponse:
    """The plan that counts now."""
    plan = found(request, pk).plans().values_list("pk", flat=True).first()
    if plan is None:
        raise Http404
    return redirect("jobs:plan-detail", pk=plan)


@require_POST
def plan_again(request: HttpRequest, pk: int) -> HttpResponse:
    found(request, pk)
    try:
        plan = services.plan_again(pk, by=request.user)
    except Refused:
        raise
    except ConsoleError as error:
        return refused_in_place(request, pk, error)
    return redirect("jobs:plan-detail", pk=plan.pk)


@require_POST
def repair(request: HttpRequest, pk: int) -> HttpResponse:
    found(request, pk)
    try:
        plan = services.repair(pk, by=request.user)
    except Refused:
        raise
    except ConsoleError as error:
        return refused_in_place(request, pk, error)
    return redirect("jobs:plan-detail", pk=plan.pk)


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    found(request, pk)
    try:
        placement = services.cancel(pk, by=request.user)
    except Refused:
        raise
    except ConsoleError as error:
        return refused_in_place(request, pk, error)
    messages.success(request, _("The request for %(name)s was taken back.") % {"name": placement.name})
    return redirect("placements:detail", pk=pk)


@require_POST
def check(request: HttpRequest, pk: int) -> HttpResponse:
    found(request, pk)
    try:
        services.check(pk, by=request.user)
    except Refused:
        raise
    except ConsoleError as error:
        return refused_in_place(request, pk, error)
    return redirect("placements:detail", pk=pk)
