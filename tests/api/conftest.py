"""Callers by name, and a fleet with one network profile."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.api.calling import Caller, a_fleet, a_profile, caller


@pytest.fixture
def fleet(db: None) -> None:
    a_fleet()
    a_profile()


@pytest.fixture
def as_(db: None) -> Callable[[str], Caller]:
    """Return somebody's caller by name."""
    return caller
