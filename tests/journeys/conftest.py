from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet import access
from placements.jobs import base, retire


@pytest.fixture
def line() -> str:
    """The release line of KubeBlocks; a test may parametrise it."""
    return "0.9"


@pytest.fixture
def delay() -> float:
    """About how many seconds a pod or a load balancer takes; a test may parametrise it."""
    return 0.05


@pytest.fixture
def embedded(tmp_path: Path, line: str, delay: float) -> Iterator[EmbeddedFleet]:
    """A fresh embedded fleet with quick controllers."""
    fleet = EmbeddedFleet(tmp_path / "fleet.sqlite3", line=line, delay=delay, interval=0.05)
    fleet.start()
    try:
        yield fleet
    finally:
        access.forget_clients()
        fleet.stop()


Impatient = Callable[..., None]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Impatient:
    """Let steps of these phases give up waiting after seconds, so that a test sees the end of it."""

    def set_deadlines(*phases: str, seconds: int = 2) -> None:
        for phase in phases:
            if phase in base.DEADLINES:
                monkeypatch.setitem(base.DEADLINES, phase, seconds)
            else:
                monkeypatch.setattr(
                    retire, {"gone": "GONE_SECONDS", "proof": "PROOF_SECONDS"}[phase], seconds
                )

    return set_deadlines
