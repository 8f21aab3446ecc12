"""Plans, the approvals that wait, and runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseStopPolling

from kbconsole.common.errors import ConsoleError
from kbconsole.common.htmx import template_for
from kbconsole.common.roles import Role, has_role, require, roles_of
from kbconsole.jobs import approvals as queue
from kbconsole.jobs import plan_page, policy_page, run_page, services
from kbconsole.jobs.again import again_refusal, edit_url, make_again
from kbconsole.jobs.deciders import alone_refusal, who_may_decide
from kbconsole.jobs.forms import DecisionForm
from kbconsole.jobs.models import Plan, PlanStatus, Run
from kbconsole.jobs.pages import denials, may, sees, subject_url
from kbconsole.jobs.plan_compare import compare
from kbconsole.jobs.policy_page import deciding_roles
from kbconsole.jobs.undoing import undo
from kbconsole.people.services import administrators

MOST_NAMED = 8
MOST_REASON = 4000


def _plan(request: HttpRequest, pk: int) -> Plan:
    """Return a plan that the person may see. Raises Http404."""
    plan = get_object_or_404(Plan.objects.visible_to(request.user).select_related("requested_by"), pk=pk)
    if not sees(plan, request.user):
        raise Http404
    return plan


def _run(request: HttpRequest, pk: int) -> Run:
    """Return a run that the person may see. Raises Http404."""
    runs = Run.objects.visible_to(request.user).select_related("plan", "plan__requested_by")
    run = get_object_or_404(runs, pk=pk)
    if not sees(run, request.user):
        raise Http404
    return run


# Plans


@require_safe
def plan_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """What exactly would happen, where, and what cannot be undone."""
    return _show_plan(request, _plan(request, pk))


@require_safe
def plan_news(request: HttpRequest, pk: int) -> HttpResponse:
    """Whether the plan has changed since the watching page was drawn; 204 while it has not."""
    page = plan_page.page_of(_plan(request, pk))
    if page.seen == request.GET.get("seen"):
        return HttpResponse(status=204)
    return render(request, "jobs/_plan_news.html", {"page": page, "plan": page.plan})


def _show_plan(
    request: HttpRequest, plan: Plan, *, form: DecisionForm | None = None, error: ConsoleError | None = None,
    status: int = 200,
) -> HttpResponse:  # fmt: skip
    page = plan_page.page_of(plan)
    user = request.user
    open_ = plan.status == PlanStatus.READY and not plan.overdue
    refusal = plan_page.refusal(page, user) if open_ else ""
    go_refusal = may(plan, user, "run") if open_ else ""
    context = {
        "page": page, "plan": plan, "error": error, **_deciding(plan, user, open_=open_),
        "before": compare(plan, Plan.objects.visible_to(user), user), "subject_url": subject_url(plan),
        "again": not may(plan, user, "run") and again_refusal(plan) is None,
        "edit_url": edit_url(plan) if user.pk in plan.authors and not may(plan, user, "run") else "",
        "form": form or DecisionForm(initial={"seen_hash": plan.hash}, warnings=page.warnings),
        "queue": request.GET.get("queue") or request.POST.get("queue"),
        "open": open_, "refusal": refusal, "go_refusal": go_refusal,
        "decides": open_ and not (refusal if plan.approvals_needed else go_refusal),
        "mine": services.may_withdraw(plan, user),
    }  # fmt: skip
    context["ticks"] = context["decides"] or context.get("alone", False)
    template = template_for(request, "jobs/plan_detail.html", "jobs/_plan.html")
    return render(request, template, context, status=status)


def _deciding(plan: Plan, user: Any, *, open_: bool) -> dict[str, Any]:
    """Return who else may decide, and whether an administrator decides alone, or why not."""
    if not open_ or not plan.approvals_needed:
        return {}
    deciders = [person.get_username() for person in who_may_decide(plan)[:MOST_NAMED]]
    refusal = alone_refusal(plan, user) if user.pk in plan.authors else None
    said = refusal if refusal and refusal.sentence.code != "plan.needs_approval" else None
    return {"deciders": deciders, "alone": user.pk in plan.authors and refusal is None, "alone_refusal": said}


def plan_approve(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve exactly what was read."""
    return _decide(request, pk, approve=True)


def plan_reject(request: HttpRequest, pk: int) -> HttpResponse:
    """Reject, and say why."""
    return _decide(request, pk, approve=False)


def _decide(request: HttpRequest, pk: int, *, approve: bool) -> HttpResponse:
    plan = _plan(request, pk)
    if request.method != "POST":  # back from the sign-in page
        return redirect("jobs:plan-detail", pk)
    page = plan_page.page_of(plan)
    form = DecisionForm(request.POST, warnings=page.warnings, approving=approve)
    if not form.is_valid() and plan.status == PlanStatus.READY and not plan_page.refusal(page, request.user):
        return _show_plan(request, plan, form=form, status=400)
    given = form.cleaned_data
    try:
        with denials("plan.approved" if approve else "plan.rejected", request.user, plan):
            decided = services.decide(
                pk, by=request.user, approve=approve, seen_hash=given.get("seen_hash", ""),
                comment=given.get("comment", ""), accepted=given.get("accept", []),
            )  # fmt: skip
    except ConsoleError as error:
        return _show_plan(request, _plan(request, pk), form=form, error=error, status=error.status)
    return _after_decision(request, decided)


def _after_decision(request: HttpRequest, plan: Plan) -> HttpResponse:
    """Open the next plan for somebody who works through the queue; else show what the decision started.

    The message says what was decided, and leads back to it.
    """
    said = _("%(status)s: %(job)s for %(subject)s.") if plan.status != PlanStatus.READY else _(
        "Your approval of %(job)s for %(subject)s is kept; it needs another one."
    )  # fmt: skip
    words = {"status": plan.get_status_display(), "job": plan.job_name, "subject": plan.subject_label}
    if not request.POST.get("queue"):
        messages.success(request, said % words)
        return redirect("jobs:plan-detail", plan.pk)
    messages.success(request, format_html("{} {} {}", said % words, _link_back(plan), _link_to_run(plan)))
    following = next(iter(queue.waiting_for(request.user)), None)
    if following:
        return redirect(reverse("jobs:plan-detail", args=[following.pk]) + "?queue=1")
    return redirect("jobs:approvals")


def _link_back(plan: Plan) -> str:
    words = _("Back to plan %(n)s") % {"n": plan.pk}
    return format_html('<a href="{}">{}</a>', reverse("jobs:plan-detail", args=[plan.pk]), words)


def _link_to_run(plan: Plan) -> str:
    """Return a link to the run that a decision started; who goes on to the next plan finds it no other way."""
    run = plan_page.page_of(plan).execution
    if run is None:
        return ""
    words = _("Open run %(n)s") % {"n": run.pk}
    return format_html('<a href="{}">{}</a>', reverse("jobs:run-detail", args=[run.pk]), words)


def plan_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one's own plan back."""
    plan = _plan(request, pk)
    if request.method != "POST":
        return redirect("jobs:plan-detail", pk)
    try:
        with denials("plan.withdrawn", request.user, plan):
            services.withdraw(pk, by=request.user)
    except ConsoleError as error:
        return _show_plan(request, _plan(request, pk), error=error, status=error.status)
    messages.success(request, _("Withdrawn. Nothing was changed on any plane."))
    return redirect("jobs:plan-detail", pk)


def plan_go_ahead(request: HttpRequest, pk: int) -> HttpResponse:
    """Run a plan that needs nobody else."""
    plan = _plan(request, pk)
    if request.method != "POST":
        return redirect("jobs:plan-detail", pk)
    page = plan_page.page_of(plan)
    form = DecisionForm(request.POST, warnings=page.warnings)
    if not form.is_valid() and plan.status == PlanStatus.READY and not may(plan, request.user, "run"):
        return _show_plan(request, plan, form=form, status=400)
    try:
        with denials("run.started", request.user, plan):
            require(request.user, Role.DBA, Role.ADMIN)
            given = form.cleaned_data
            run = services.go_ahead(
                pk, by=request.user, seen_hash=given.get("seen_hash", ""), comment=given.get("comment", ""),
                accepted=given.get("accept", []),
            )  # fmt: skip
    except ConsoleError as error:
        return _show_plan(request, _plan(request, pk), form=form, error=error, status=error.status)
    return redirect("jobs:run-detail", run.pk)


def plan_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a plan made again that could not be made, went out of date, or expired."""
    plan = _plan(request, pk)
    if request.method != "POST":
        return redirect("jobs:plan-detail", pk)
    try:
        with denials("plan.requested", request.user, plan):
            made = make_again(pk, by=request.user)
    except ConsoleError as error:
        return _show_plan(request, _plan(request, pk), error=error, status=error.status)
    return redirect("jobs:plan-detail", made.pk)


# Approvals


@require_safe
def approvals(request: HttpRequest) -> HttpResponse:
    """Which plans may go ahead, and which need care."""
    if not roles_of(request.user):
        raise Http404
    tab, rows = _tab(request), queue.rows(_tab(request), request.user)
    context = {
        "tab": tab, "rows": rows, "admin": _decides(request), "most": queue.MOST,
        "seen": ",".join(f"{row.plan.pk}-{queue.standing(row.plan)}" for row in rows),
        "last_decided": queue.decided(request.user) if not rows and tab != "decided" else [],
    }  # fmt: skip
    return render(
        request, template_for(request, "jobs/approval_list.html", "jobs/_approval_list.html"), context
    )


def _decides(request: HttpRequest) -> bool:
    return has_role(request.user, *deciding_roles())


def _tab(request: HttpRequest) -> str:
    tab = request.GET.get("tab", "")
    return tab if tab in queue.TABS else ("waiting" if _decides(request) else "mine")


@require_safe
def approvals_news(request: HttpRequest) -> HttpResponse:
    """How many plans of a tab are new since the watching page was drawn; 204 while nothing is other than there."""
    if not roles_of(request.user):
        raise Http404
    tab, seen = _tab(request), request.GET.get("seen", "")
    known = dict(one.split("-", 1) for one in seen.split(",") if "-" in one)
    now = {str(pk): how for pk, how in queue.watched(tab, request.user).items()}
    if now == known:
        return HttpResponse(status=204)
    context = {"tab": tab, "seen": seen, "fresh": len(now.keys() - known.keys()), "changed": True}
    return render(request, "jobs/_approval_news.html", context)


@require_safe
def policy(request: HttpRequest) -> HttpResponse:
    """Which act needs whose approval, and what holds where there is only one administrator."""
    if not roles_of(request.user):
        raise Http404
    context = {
        "planned": policy_page.planned(), "others": policy_page.others(),
        "administrators": administrators(), "hours": f"{settings.KBCONSOLE_PLAN_HOURS:g}",
    }  # fmt: skip
    return render(request, "jobs/policy.html", context)


# Runs


@require_safe
def run_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Whether it moves, what it waits for, what it has changed."""
    return _show_run(request, _run(request, pk))


def _show_run(
    request: HttpRequest, run: Run, *, error: ConsoleError | None = None, status: int = 200
) -> HttpResponse:
    events = run_page.last_events(run)
    context = {
        **_live(request, run), "error": error, "events": events, "after": events[-1].seq if events else 0,
        "hidden_events": run.last_seq - len(events), "following": run.active,
    }  # fmt: skip
    return render(request, "jobs/run_detail.html", context, status=status)


def _live(request: HttpRequest, run: Run) -> dict[str, Any]:
    page = run_page.page_of(run, request.GET.get("cell", ""))
    return {
        "run": run,
        "page": page,
        "steady": run.active or "steady" in request.GET,
        "refusals": run_page.refusals(run, request.user),
        "undo_refusal": run_page.refused_undo(page, request.user),
        "subject_url": subject_url(run),
    }


@require_safe
def run_grid(request: HttpRequest, pk: int) -> HttpResponse:
    """The live part of the page, as a fragment. Of a run that has ended it comes without a trigger.

    A page that was opened while the run was active asks for `?steady=1`: every part keeps its room to the end.
    """
    return render(request, "jobs/_run_live.html", _live(request, _run(request, pk)))


@require_safe
def run_events(request: HttpRequest, pk: int) -> HttpResponse:
    """The lines after `?after=N`, and the poller that asks for what follows; 204 when there are none."""
    run = _run(request, pk)
    after = request.GET.get("after", "")
    events = run_page.events_after(run, int(after) if after.isdecimal() and len(after) < 10 else 0)
    if not events:
        return HttpResponse(status=204) if run.active else HttpResponseStopPolling()
    last = events[-1].seq
    context = {"run": run, "events": events, "after": last, "following": run.active or last < run.last_seq}
    return render(request, "jobs/_run_events.html", context)


def run_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop a run between steps."""
    return _act(request, pk, "run.cancel_requested", lambda: services.cancel(pk, by=request.user))


def run_retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Run again from the steps that did not succeed."""
    return _act(request, pk, "run.retried", lambda: services.retry(pk, by=request.user))


def run_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the plan that takes back what a run made."""
    run = _run(request, pk)
    if request.method != "POST":
        return redirect("jobs:run-detail", pk)
    try:
        with denials("run.undo_requested", request.user, run):
            require(request.user, Role.DBA, Role.ADMIN)
            plan = undo(pk, by=request.user, reason=request.POST.get("reason", "").strip()[:MOST_REASON])
    except ConsoleError as error:
        return _show_run(request, _run(request, pk), error=error, status=error.status)
    return redirect("jobs:plan-detail", plan.pk)


def run_check_again(request: HttpRequest, pk: int, position: int) -> HttpResponse:
    """Look now at a step that waits."""
    run = _run(request, pk)
    get_object_or_404(run.steps, position=position)
    return _act(
        request, pk, "run.check_again", lambda: services.check_again(pk, position, by=request.user), run=run
    )


def _act(
    request: HttpRequest, pk: int, act: str, service: Callable[[], object], *, run: Run | None = None
) -> HttpResponse:
    run = run or _run(request, pk)
    if request.method != "POST":
        return redirect("jobs:run-detail", pk)
    try:
        with denials(act, request.user, run):
            require(request.user, Role.DBA, Role.ADMIN)
            service()
    except ConsoleError as error:
        return _show_run(request, _run(request, pk), error=error, status=error.status)
    cell = request.POST.get("cell", "")
    return redirect(reverse("jobs:run-detail", args=[pk]) + (f"?cell={cell}" if cell.isdecimal() else ""))
