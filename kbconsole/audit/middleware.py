"""What an act came from, and what a refused person sees."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from kbconsole.audit.context import enter, leave, of_request
from kbconsole.audit.services import denied_request
from kbconsole.common.errors import Refused

GetResponse = Callable[[HttpRequest], HttpResponse]


class AuditContextMiddleware:
    """Give each request an id and keep it, with the client's address, for the entries that it causes.

    The id goes into the X-Request-ID header of the answer; one that the client sends is not used.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        context = of_request(request)
        token = enter(context)
        try:
            response = self.get_response(request)
        finally:
            leave(token)
        response["X-Request-ID"] = context.request_id
        return response


class DenialMiddleware:
    """Record refusals: a Refused that a view raised, or one that the API answered with.

    The API's exception handler, which lives below this package, leaves the error as `refused` on its answer.
    Stands after AuthenticationMiddleware and after any other middleware that answers a ConsoleError, as
    exceptions go through the list from its end.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        error = getattr(response, "refused", None)
        if isinstance(error, Refused):
            denied_request(request, error)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer a refusal with 403.html; the service's transaction is rolled back by now."""
        if not isinstance(error, Refused):
            return None
        denied_request(request, error)
        return render(request, "403.html", {"sentence": error.sentence, "error": error}, status=error.status)
