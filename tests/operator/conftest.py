from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kbconsole.demo.fleet import EmbeddedFleet
from tests.fleets import binaries
from tests.fleets.beginnings import seeded
from tests.operator.world import World


@pytest.fixture
def world(request: pytest.FixtureRequest, backend: str, line: str, tmp_path: Path) -> Iterator[World]:
    """A fleet of either kind without controllers of its own; a test parametrises the line."""
    if backend == "embedded":
        yield from _embedded(tmp_path, line)
    else:
        yield from _real(request, line)


def _embedded(folder: Path, line: str) -> Iterator[World]:
    shape: dict[str, Any] = {"spare": None, "line": line, "nodes": 1}
    fleet = EmbeddedFleet(seeded(folder, **shape), controllers=False, **shape)
    fleet.start()
    world = World(fleet)
    try:
        yield world
    finally:
        world.close()
        fleet.stop()


def _real(request: pytest.FixtureRequest, line: str) -> Iterator[World]:
    if why := binaries.why_no_definitions(line):
        pytest.skip(why)
    fleet = request.getfixturevalue("real_servers").fleet(line)
    fleet.reset()
    world = World(fleet)
    try:
        yield world
    finally:
        world.close()
        fleet.reset()
