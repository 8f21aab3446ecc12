"""Errors of the API as `application/problem+json` (RFC 9457).

A problem has `type, title, status, detail, instance`, the `code` and `params` of its sentence, and `errors`, a list of
sentences per field, where fields are wrong. `type` is `about:blank`: the code says which problem it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
)
from django.core.signals import got_request_exception
from django.http import Http404, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.log import log_response
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from kbconsole.common.errors import ConsoleError, Refused
from kbconsole.common.sentences import Json, Sentence, declare, say

CONTENT_TYPE = "application/problem+json"
Errors = Mapping[str, list[dict[str, Json]]]

declare(
    {
        "problem.bug": _(
            "The console made a mistake; it is in its log under the request id of this answer. "
            "Look at what became of your request before you send it again."
        ),
        "problem.not_found": _("There is nothing at this address, or nothing that you may see."),
        "problem.method": _("This address does not take %(method)s. It takes: %(allowed)s."),
        "problem.sign_in": _("Sign in, or send a token: the header “Authorization: Token …”."),
        "problem.token": _("This token or session is not valid any more. Get a new one."),
        "problem.csrf": _(
            "The session's CSRF token is missing or wrong. Send it as X-CSRFToken, or use a token."
        ),
        "problem.denied": _("You may not do this."),
        "problem.unreadable": _("The body of the request could not be read."),
        "problem.too_large": _("The body of the request is too large."),
        "problem.media_type": _("The body has the type %(type)s. Send JSON, as application/json."),
        "problem.not_acceptable": _("Answers come as JSON. Ask for application/json."),
        "problem.fields": _("%(count)s fields need another value. Nothing was stored, nothing was sent."),
        "problem.slow_down": _("Too many requests. Wait a little, then try again."),
        "problem.other": _("The request was refused: %(why)s"),
    }
)

_TITLES = {
    HTTPStatus.BAD_REQUEST: _("Bad Request"),
    HTTPStatus.UNAUTHORIZED: _("Unauthorized"),
    HTTPStatus.FORBIDDEN: _("Forbidden"),
    HTTPStatus.NOT_FOUND: _("Not Found"),
    HTTPStatus.METHOD_NOT_ALLOWED: _("Method Not Allowed"),
    HTTPStatus.NOT_ACCEPTABLE: _("Not Acceptable"),
    HTTPStatus.CONFLICT: _("Conflict"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: _("Content Too Large"),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: _("Unsupported Media Type"),
    HTTPStatus.UNPROCESSABLE_ENTITY: _("Unprocessable Content"),
    HTTPStatus.TOO_MANY_REQUESTS: _("Too Many Requests"),
    HTTPStatus.INTERNAL_SERVER_ERROR: _("Internal Server Error"),
    HTTPStatus.BAD_GATEWAY: _("Bad Gateway"),
}
"""What each status is called, in the words of HTTP."""


def title(status: int) -> str:
    known = HTTPStatus(status)
    return str(_TITLES.get(known, known.phrase))


def shown(sentence: Sentence) -> dict[str, Json]:
    """Return a sentence as the API gives it: code, parameters, and the text in the reader's language."""
    return {**sentence.to_json(), "text": str(sentence)}


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """Answer any error with a problem. A bug is logged and signalled as Django does, and shows no details."""
    request: Request = context["request"]
    response = _answer(exc, request)
    response.content_type = CONTENT_TYPE
    request.accepted_renderer = JSONRenderer()  # whatever the view answers with otherwise, a problem is JSON
    request.accepted_media_type = CONTENT_TYPE
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        got_request_exception.send(sender=type(context.get("view")), request=request._request)
        log_response(
            "%s: %s", "bug", request.path, response=response, request=request._request, exception=exc
        )
    return response


def _answer(exc: Exception, request: Request) -> Response:
    if isinstance(exc, ConsoleError):
        fields: Mapping[str, list[Sentence]] = getattr(exc, "fields", {})
        errors = {name: [shown(sentence) for sentence in said] for name, said in fields.items()}
        response = problem(exc.sentence, exc.status, request, errors=errors)
        if isinstance(exc, Refused):
            response.refused = exc  # type: ignore[attr-defined]  # DenialMiddleware writes it to the audit log
        return response
    if isinstance(exc, exceptions.ValidationError):
        errors = dict(_fields(exc.detail))
        return problem(say("problem.fields", count=len(errors)), exc.status_code, request, errors=errors)
    if isinstance(exc, exceptions.APIException):
        return _of_framework(exc, request)
    return problem(*_of_django(exc), request)


def problem(
    sentence: Sentence,
    status: int,
    request: Request,
    *,
    errors: Errors | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Return an answer with one problem."""
    body: dict[str, Json] = {
        "type": "about:blank",
        "title": title(status),
        "status": status,
        "detail": str(sentence),
        "instance": request.path,
        **sentence.to_json(),
    }
    if errors:
        body["errors"] = errors
    return Response(body, status=status, headers=headers, content_type=CONTENT_TYPE)


def _of_framework(exc: exceptions.APIException, request: Request) -> Response:
    """Return the problem of an error that Django REST framework found by itself."""
    headers: dict[str, str] = {}
    if header := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    return problem(_sentence(exc, request), exc.status_code, request, headers=headers)


def _sentence(exc: exceptions.APIException, request: Request) -> Sentence:
    if isinstance(exc, exceptions.MethodNotAllowed):
        allowed = getattr(request.parser_context["view"], "allowed_methods", [])
        return say("problem.method", method=request.method, allowed=list(allowed))
    if isinstance(exc, exceptions.UnsupportedMediaType):
        return say("problem.media_type", type=str(request.content_type)[:100])
    if isinstance(exc, exceptions.PermissionDenied) and str(exc.detail).startswith("CSRF"):
        return say("problem.csrf")
    plain = {
        exceptions.NotFound: "problem.not_found",
        exceptions.NotAuthenticated: "problem.sign_in",
        exceptions.AuthenticationFailed: "problem.token",
        exceptions.PermissionDenied: "problem.denied",
        exceptions.NotAcceptable: "problem.not_acceptable",
        exceptions.Throttled: "problem.slow_down",
    }
    for kind, code in plain.items():
        if isinstance(exc, kind):
            return say(code)
    said = getattr(exc, "sentence", None)  # errors of our own parsers bring theirs
    if isinstance(said, Sentence):
        return said
    if isinstance(exc, exceptions.ParseError):
        return say("problem.unreadable")
    return say("problem.other", why=str(exc.detail))


def _of_django(exc: Exception) -> tuple[Sentence, int]:
    """Return the sentence and status of an error that Django raised; anything unknown is a bug."""
    if isinstance(exc, Http404):
        return say("problem.not_found"), HTTPStatus.NOT_FOUND
    if isinstance(exc, PermissionDenied):
        return say("problem.denied"), HTTPStatus.FORBIDDEN
    if isinstance(exc, RequestDataTooBig | TooManyFieldsSent):
        return say("problem.too_large"), HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    if isinstance(exc, SuspiciousOperation | BadRequest | MultiPartParserError | UnreadablePostError):
        return say("problem.unreadable"), HTTPStatus.BAD_REQUEST
    return say("problem.bug"), HTTPStatus.INTERNAL_SERVER_ERROR


def _fields(detail: Any, path: str = "") -> Iterator[tuple[str, list[dict[str, Json]]]]:
    """Yield `path, sentences` for each field of the framework's nested errors; `planes.0` is an item of a list."""
    if isinstance(detail, Mapping):
        for name, below in detail.items():
            yield from _fields(below, f"{path}.{name}" if path else str(name))
    elif isinstance(detail, list) and any(isinstance(item, Mapping | list) for item in detail):
        for index, below in enumerate(detail):
            yield from _fields(below, f"{path}.{index}")
    elif detail:
        said = detail if isinstance(detail, list) else [detail]
        yield path, [{"code": f"field.{one.code}", "params": {}, "text": str(one)} for one in said]
