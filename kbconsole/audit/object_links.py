"""How to link from an entry to what it is about. Packages above this one register their kinds."""

from __future__ import annotations

from django.urls import NoReverseMatch, reverse

_ROUTES: dict[str, str] = {}


def register(kind: str, url_name: str) -> None:
    """Link objects of a kind to a route that takes the object's id as its only argument.

    "plane" and "run" also serve the plane and run columns. Call it from AppConfig.ready.
    """
    _ROUTES[kind] = url_name


def url_for(kind: str, object_id: str) -> str:
    """Return where the object is shown, or an empty text for a kind or an id that has no page."""
    route = _ROUTES.get(kind)
    if not route or not object_id:
        return ""
    try:
        return reverse(route, args=[object_id])
    except NoReverseMatch:
        return ""
