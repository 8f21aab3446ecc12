"""Home: what needs this person now, what is under way, and what happened since yesterday."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from kbconsole.common.htmx import template_for
from kbconsole.common.roles import Role, has_role, roles_of
from kbconsole.fleet.models import Plane
from kbconsole.jobs.models import ACTIVE, Run
from kbconsole.jobs.planning import MakePlan
from placements.views.waiting import awaited_by_others, own_runs, waiting_for

MOST = 15


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What needs me now?"""
    user: Any = request.user
    runs = Run.objects.visible_to(user)
    mine = runs if has_role(user, Role.ADMIN) else own_runs(user, runs)
    day = timezone.now() - timedelta(hours=24)
    active = list(mine.filter(status__in=ACTIVE).exclude(job=MakePlan.slug).order_by("-id")[:MOST])
    context = {
        "rows": waiting_for(user),
        "others": awaited_by_others(user),
        "active": active,
        "ended": runs.filter(ended_at__gte=day).exclude(job=MakePlan.slug).order_by("-ended_at")[:MOST],
        "roles": roles_of(user),
        **_empty(user),
    }
    return render(request, template_for(request, "home.html", "placements/_home.html"), context)


def _empty(user: Any) -> dict[str, Any]:
    """Return what decides about the next step of somebody for whom nothing waits."""
    return {
        "is_dba": has_role(user, Role.DBA),
        "is_admin": has_role(user, Role.ADMIN),
        "is_auditor": has_role(user, Role.AUDITOR),
        # Asked only where the page comes to it: nobody for whom something waits is told where to begin.
        "no_plane": lambda: not Plane.objects.data_planes().exists(),
    }
