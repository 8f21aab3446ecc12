"""Expected failures that a view lets through become a page with the right status; no address breaks a query."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from kbconsole.common.errors import ConsoleError


class ConsoleErrorMiddleware:
    """Renders the error page of the status (400.html, 403.html, 409.html) with the sentence; audits nothing.

    PostgreSQL refuses even to look for a NUL. In an address it becomes U+FFFD, by which nothing is called; the API
    refuses it in what is asked for by itself.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.path_info = request.path_info.replace("\0", "\N{REPLACEMENT CHARACTER}")
        if not request.path.startswith("/api/"):
            asked = request.META.get("QUERY_STRING", "")
            request.META["QUERY_STRING"] = asked.replace("%00", "%EF%BF%BD")
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, ConsoleError) or request.path.startswith("/api/"):
            return None
        page = f"{exception.status}.html" if exception.status in (403, 409) else "400.html"
        return render(request, page, {"error": exception}, status=exception.status)
