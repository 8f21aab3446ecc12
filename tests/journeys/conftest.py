from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet import access


@pytest.fixture
def line() -> str:
    """The release line of KubeBlocks; a test may parametrise it."""
    return "0.9"


@pytest.fixture
def embedded(tmp_path: Path, line: str) -> Iterator[EmbeddedFleet]:
    """A fresh embedded fleet with quick controllers."""
    fleet = EmbeddedFleet(tmp_path / "fleet.sqlite3", line=line, delay=0.05, interval=0.05)
    fleet.start()
    try:
        yield fleet
    finally:
        access.forget_clients()
        fleet.stop()
