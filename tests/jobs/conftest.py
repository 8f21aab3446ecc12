from __future__ import annotations

import pytest

from tests.jobs import toys


@pytest.fixture
def world() -> toys.World:
    """Fresh toy planes."""
    toys.world.__init__()  # type: ignore[misc]
    return toys.world
