"""Expected failures that a view lets through become a page with the right status."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from kbconsole.common.errors import ConsoleError


class ConsoleErrorMiddleware:
    """Renders `templates/errors/console_error.html` with the error's sentence; audits nothing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, ConsoleError) or request.path.startswith("/api/"):
            return None
        return render(request, "errors/console_error.html", {"error": exception}, status=exception.status)
