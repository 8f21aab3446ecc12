"""Expected failures that a view lets through become a page with the right status."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from kbconsole.common.errors import ConsoleError


class ConsoleErrorMiddleware:
    """Renders the error page of the status (400.html, 403.html, 409.html) with the sentence; audits nothing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, ConsoleError) or request.path.startswith("/api/"):
            return None
        page = f"{exception.status}.html" if exception.status in (403, 409) else "400.html"
        return render(request, page, {"error": exception}, status=exception.status)
