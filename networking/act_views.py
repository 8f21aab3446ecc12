"""Acts that kinds offer on the network page: one form, then a plan or a run."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from kbconsole.common.errors import ConsoleError
from kbconsole.jobs.services import make_plan, start
from networking.kinds.acting import ACTS


def act(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for what the act needs; a job that changes planes becomes a plan, one that looks runs at once."""
    if slug not in ACTS:
        raise Http404
    the_act = ACTS.get(slug)()
    the_act.job.approval.require(request.user)
    form = the_act.Form(
        request.POST if request.method == "POST" else None, initial={"planes": request.GET.getlist("plane")}
    )
    context: dict[str, Any] = {
        "act": the_act,
        "planned": the_act.job.planned,
        "form": form,
        "lines": the_act.lines(),
        "notices": the_act.notices(),
    }
    if not form.is_bound or not form.is_valid():
        return render(request, "networking/act.html", context, status=400 if form.is_bound else 200)
    reason = form.cleaned_data.pop("reason", "")
    try:
        job = the_act.made(form.cleaned_data)
        if job.planned:
            return redirect("jobs:plan-detail", make_plan(job, by=request.user, reason=reason).pk)
        return redirect("jobs:run-detail", start(job, by=request.user).pk)
    except ConsoleError as error:
        return render(request, "networking/act.html", {**context, "error": error}, status=error.status)
