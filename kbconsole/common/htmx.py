"""Requests that htmx made."""

from __future__ import annotations

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


def template_for(request: HttpRequest, page: str, fragment: str) -> str:
    """Return the fragment's template for an htmx request that swaps a part, else the page's.

    The page includes the fragment, so both show the same.
    """
    details: HtmxDetails | None = getattr(request, "htmx", None)
    return fragment if details and not details.boosted and not details.history_restore_request else page
