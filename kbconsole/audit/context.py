"""Where an act came from: kept beside the call, so that services need not pass requests around."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest


@dataclass(frozen=True)
class Context:
    """`kind` is how a person acts: `user` (a session) or `api_token`; `user` asks who that is, once they are known."""

    source_ip: str = ""
    request_id: str = ""
    kind: str = "user"
    user: Callable[[], Any] = field(default=lambda: None, compare=False, repr=False)


_current: ContextVar[Context] = ContextVar("kbconsole_audit_context", default=Context())  # noqa: B039  frozen


def current() -> Context:
    """Return the context of the request being answered; an empty one outside of requests."""
    return _current.get()


def current_person() -> AbstractBaseUser | str:
    """Return who acts, where only a signal tells that something was done; "system" outside of requests."""
    user = current().user()
    return user if user is not None and user.is_authenticated else "system"


def enter(context: Context) -> Token[Context]:
    """Make `context` current; give the token back to `leave`."""
    return _current.set(context)


def leave(token: Token[Context]) -> None:
    """Restore what was current before `enter`."""
    _current.reset(token)


@contextmanager
def acting_as(user: Any) -> Iterator[None]:
    """Let what signals tell of in the block be the act of this person, for whom a worker does it."""
    token = _current.set(replace(current(), user=lambda: user))
    try:
        yield
    finally:
        _current.reset(token)


def acting_by_token() -> None:
    """Say that this request was signed in by an API token. The API's authentication calls it."""
    _current.set(replace(current(), kind="api_token"))


def of_request(request: HttpRequest) -> Context:
    """Return the context of a request, with an id of its own."""
    return Context(
        source_ip=client_ip(request), request_id=uuid.uuid4().hex, user=lambda: getattr(request, "user", None)
    )


def client_ip(request: HttpRequest) -> str:
    """Return the client's address, or an empty text where the server knows none (a Unix socket).

    X-Forwarded-For is anybody's claim: only as many hops from its right end are believed as
    KBCONSOLE_TRUSTED_PROXIES says there are proxies of ours.
    """
    remote = str(request.META.get("REMOTE_ADDR", ""))
    proxies = int(getattr(settings, "KBCONSOLE_TRUSTED_PROXIES", 0))
    if proxies <= 0:
        return _address(remote)
    forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    hops = [hop.strip() for hop in forwarded if hop.strip()] + [remote]
    return _address(hops[max(0, len(hops) - 1 - proxies)]) or _address(remote)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
