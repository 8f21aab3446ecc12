"""What a plane's last answer was: kept with its row, so that pages can say so without asking it."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from django.db.models import DateTimeField, F, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from kbconsole.fleet.models import Plane
from kbconsole.fleet.rungs import CHECKER_ONLY, rung_of
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.errors import KubeError, Unauthorised, Unreachable

P = ParamSpec("P")
R = TypeVar("R")
QUIET_SECONDS = 1.0
WELL: dict[str, Any] = {
    "last_error": None,
    "rung": "",
    "failing_since": None,
    "failures": 0,
    "next_ask_at": None,
}
"""What a usable answer makes of a plane's row."""
_lock = threading.Lock()
_noted: dict[str, tuple[float, bool]] = {}


def make_well(plane: Plane) -> tuple[str, ...]:
    """Set on a row what a usable answer makes of it; return the names of the fields, for whoever saves it."""
    for name, value in WELL.items():
        setattr(plane, name, value)
    return tuple(WELL)


def failing(error: KubeError | None) -> bool:
    """Return whether the plane gave no usable answer: a refusal, a conflict or a 404 is one."""
    return isinstance(error, Unreachable | Unauthorised) or bool(error and error.retryable)


def note(plane: str, error: KubeError | None) -> None:
    """Keep how the last call ended. The same answer again is written once a second at most."""
    bad = failing(error)
    with _lock:
        before, was_bad = _noted.get(plane, (0.0, not bad))
        if was_bad == bad and time.monotonic() - before < QUIET_SECONDS:
            return
        _noted[plane] = (time.monotonic(), bad)
    rows, now = Plane.objects.filter(name=plane), timezone.now()
    if bad and error is not None:
        since = Coalesce(F("failing_since"), Value(now, output_field=DateTimeField()))
        said = error.sentence.to_json()
        rows.update(last_asked_at=now, last_error=said, rung=rung_of(error), failing_since=since)
    elif not rows.exclude(rung__in=CHECKER_ONLY).update(last_asked_at=now, last_answer_at=now, **WELL):
        rows.update(last_asked_at=now, next_ask_at=None)


def forget() -> None:
    """Write the next answers in any case."""
    with _lock:
        _noted.clear()


def _noting(method: Callable[P, R]) -> Callable[P, R]:
    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        client: Any = args[0]
        try:
            answer = method(*args, **kwargs)
        except KubeError as error:
            client.note(error)
            raise
        client.note(None)
        return answer

    return call


class NotingClient(PlaneClient):
    """A client that keeps how each call ended."""

    def note(self, error: KubeError | None) -> None:
        note(self.plane, error)

    version = _noting(PlaneClient.version)
    whoami = _noting(PlaneClient.whoami)
    groups = _noting(PlaneClient.groups)
    serves = _noting(PlaneClient.serves)
    can_i = _noting(PlaneClient.can_i)
    get = _noting(PlaneClient.get)
    list = _noting(PlaneClient.list)
    apply = _noting(PlaneClient.apply)
    create = _noting(PlaneClient.create)
    patch = _noting(PlaneClient.patch)
    delete = _noting(PlaneClient.delete)
