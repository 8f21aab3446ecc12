"""What every page shows: how much waits for this person, and which planes are silent. At most two queries."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from kbconsole.common.roles import Role, has_role, roles_of
from kbconsole.fleet.models import Plane
from kbconsole.jobs.models import Plan, PlanStatus


def everywhere(request: HttpRequest) -> dict[str, Any]:
    """Return the bar's counter and the planes of the red band. Nothing for a fragment: it has neither."""
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated or _is_fragment(request) or not roles_of(user):
        return {}
    waiting = _waiting(user) if has_role(user, Role.ADMIN) else 0
    silent = Plane.objects.filter(last_error__isnull=False).only("name", "last_answer_at")
    return {"approvals_waiting": waiting, "silent_planes": list(silent)}


def _is_fragment(request: HttpRequest) -> bool:
    htmx = getattr(request, "htmx", None)
    return bool(htmx and not htmx.boosted and not htmx.history_restore_request)


def _waiting(user: Any) -> int:
    """Return how many plans wait for this person. Few wait at a time, and SQLite cannot look into a JSON list."""
    waiting = Plan.objects.undecided().exclude(requested_by=user)
    editors = waiting.exclude(decisions__by=user).values_list("editors", flat=True)
    return sum(user.pk not in who for who in editors)
