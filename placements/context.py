"""What every page shows: how much waits for this person, and which planes are silent. At most two queries."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from kbconsole.common.roles import Role, has_role, roles_of
from kbconsole.fleet.health import unchecked_since
from kbconsole.fleet.models import Plane
from kbconsole.jobs.models import Plan

_HEALTH = ("name", "last_answer_at", "last_asked_at", "next_ask_at", "last_error", "created_at")
_KEPT = "shown_everywhere"


def everywhere(request: HttpRequest) -> dict[str, Any]:
    """Return the bar's counter, the planes of the red band, and since when nobody checks any plane.

    Nothing for a fragment: it has none of these. Found out once per request: parts of a page may be drawn apart.
    """
    found: dict[str, Any] | None = request.__dict__.get(_KEPT)
    if found is None:
        found = request.__dict__[_KEPT] = _found(request)
    return found


def _found(request: HttpRequest) -> dict[str, Any]:
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated or _is_fragment(request) or not roles_of(user):
        return {}
    waiting = _waiting(user) if has_role(user, Role.ADMIN) else 0
    planes = list(Plane.objects.only(*_HEALTH))
    since = unchecked_since(planes)
    silent = [] if since else [plane for plane in planes if plane.silent]
    return {"approvals_waiting": waiting, "silent_planes": silent, "unchecked_since": since}


def _is_fragment(request: HttpRequest) -> bool:
    htmx = getattr(request, "htmx", None)
    return bool(htmx and not htmx.boosted and not htmx.history_restore_request)


def _waiting(user: Any) -> int:
    """Return how many plans wait for this person. Few wait at a time, and SQLite cannot look into a JSON list."""
    waiting = Plan.objects.undecided().exclude(requested_by=user)
    editors = waiting.exclude(decisions__by=user).values_list("editors", flat=True)
    return sum(user.pk not in who for who in editors)
