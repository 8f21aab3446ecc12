"""A browser per role."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from tests.jobs import toys
from tests.people import person, signed_in

SignIn = Callable[[str], Client]


@pytest.fixture
def sign_in(db: None) -> SignIn:
    """Return a browser for somebody who is called like their only role; "nobody" has none."""
    return lambda role: signed_in(person(role, *([role] if role != "nobody" else [])))


@pytest.fixture
def world() -> toys.World:
    """The toy planes, as new."""
    toys.world.__init__()  # type: ignore[misc]
    return toys.world
