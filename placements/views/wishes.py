"""Asking for a database, and changing a request that waits."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from kbconsole.common.errors import ConsoleError, Refused
from kbconsole.common.roles import Role, require
from kbconsole.jobs.models import Decision, Plan
from placements import services
from placements.forms import WishForm, as_asked, fresh, like, retyped
from placements.models import Placement
from placements.plane_choice import moved
from placements.views.summary import approvers, summary_of
from placements.wishes import WishRefused


def _context(form: WishForm) -> dict[str, Any]:
    summary = summary_of(form)
    return {"form": form, "summary": summary, "approvers": approvers(summary)}


def _typed(request: HttpRequest) -> QueryDict:
    return request.POST if request.method == "POST" else request.GET


@require_http_methods(["GET", "POST"])
def placement_new(request: HttpRequest) -> HttpResponse:
    """Ask for a database; `?like=ID` begins with what another one was asked with."""
    require(request.user, Role.DBA, Role.ADMIN)
    if request.method == "POST":
        return _ask(request, None)
    model = request.GET.get("like", "")
    initial = fresh()
    if model.isdecimal() and len(model) < 19:
        initial = like(get_object_or_404(Placement.objects.visible_to(request.user), pk=int(model)))
    return render(
        request, "placements/placement_new.html", _context(WishForm(by=request.user, initial=initial))
    )


@require_http_methods(["GET", "POST"])
def placement_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a request and send it again, whether it waits or came back; whatever was approved is void."""
    placement = get_object_or_404(Placement.objects.visible_to(request.user), pk=pk)
    if not placement.may_change(request.user):
        raise placement.not_yours()
    if request.method == "POST":
        return _ask(request, placement)
    if refusal := services.edit_refusal(placement):
        raise refusal
    form = WishForm(by=request.user, initial=as_asked(placement), apart_from=pk)
    context = {**_context(form), "placement": placement, "rejection": _rejection(placement)}
    return render(request, "placements/placement_new.html", context)


def edit_address(plan: Plan) -> str:
    """Return where the request that a plan was made of is edited, or an empty text where it cannot be any more."""
    placement = Placement.objects.filter(pk=plan.subject_id).first()
    if placement is None or services.edit_refusal(placement):
        return ""
    return reverse("placements:edit", args=[placement.pk])


def _rejection(placement: Placement) -> Decision | None:
    """Return the last word about the request, if it was a rejection: what to change stands in it."""
    plan = placement.plans().filter(undoes=None).first()
    last = plan.decisions.select_related("by").order_by("-id").first() if plan else None
    return last if last and last.verdict == Decision.Verdict.REJECT else None


def _ask(request: HttpRequest, placement: Placement | None) -> HttpResponse:
    """Send the request. What is refused is said in place, and nothing typed is lost."""
    apart_from = placement.pk if placement else None
    context: dict[str, Any] = {
        "placement": placement,
        "rejection": _rejection(placement) if placement else None,
    }
    if again := moved(request.POST):
        form = WishForm(by=request.user, initial=retyped(again), apart_from=apart_from)
        return render(request, "placements/placement_new.html", {**context, **_context(form)})
    form, status = WishForm(request.POST, by=request.user, apart_from=apart_from), 422
    if form.is_valid():
        try:
            if placement is None:
                sent = services.request(form.wish(), by=request.user)
            else:
                sent = services.change(placement.pk, form.wish(), by=request.user)
            return redirect("placements:detail", pk=sent.pk)
        except WishRefused as refused:
            form.refuse(refused)
        except Refused:
            raise
        except ConsoleError as error:
            context["error"], status = error, error.status
    return render(request, "placements/placement_new.html", {**context, **_context(form)}, status=status)


@require_http_methods(["GET", "POST"])
def preview(request: HttpRequest) -> HttpResponse:
    """What the form means so far. Changes nothing; with `up` or `down`, the cards in their new order too."""
    require(request.user, Role.DBA, Role.ADMIN)
    typed = _typed(request)
    again = moved(typed)
    form = WishForm(by=request.user, initial=retyped(again or typed))
    context = {**_context(form), "cards_too": again is not None, "preview_url": reverse("placements:preview")}
    return render(request, "placements/_preview.html", context)
