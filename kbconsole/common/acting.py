"""What every act of a page does: do it and say so; or show the page again with why it cannot be done."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from kbconsole.common.errors import ConsoleError, Refused

Done = TypeVar("Done")


def acted(
    request: HttpRequest,
    does: Callable[[], Done],
    *,
    then: Callable[[Done], HttpResponse],
    wrong: Callable[[ConsoleError], HttpResponse],
    said: Callable[[Done], str] | None = None,
) -> HttpResponse:
    """Return what `then` answers to what was done. A refusal of the person goes on, to be audited; others are shown."""
    try:
        done = does()
    except Refused:
        raise
    except ConsoleError as error:
        return wrong(error)
    if said is not None:
        messages.success(request, said(done))
    return then(done)
