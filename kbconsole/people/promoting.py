"""Giving the role of administrator: where there is another administrator, one of them has to agree.

Plans are made above this package, so that part registers how one is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from django.contrib.auth.models import User

_ASKS: list[Callable[[User, Any], int]] = []


class Given(NamedTuple):
    """A person after roles were given. `plan` is the number of the plan by which they may become administrator."""

    person: User
    plan: int | None = None


def asked_by(ask: Callable[[User, Any], int]) -> None:
    """Register who makes the plan for a person as somebody asks, and returns its number."""
    _ASKS[:] = [ask]


def ask(person: User, by: Any) -> int:
    return _ASKS[0](person, by)
