from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from kbconsole.demo.fleet import EmbeddedFleet
from placements.jobs import base, retire
from tests.fleets.fixtures import embedded_fleet
from tests.placements.dns_server import DnsServer, dns_server


@pytest.fixture
def embedded(tmp_path: Path, line: str, delay: float) -> Iterator[EmbeddedFleet]:
    """A fresh embedded fleet with quick controllers, for what only it can do."""
    yield from embedded_fleet(tmp_path, line, delay)


@pytest.fixture
def dns(settings: Settings) -> Iterator[DnsServer]:
    """A zone that the console may write to, on loopback. From then on new requests ask for a name in it."""
    secret = "c2VjcmV0LW9mLXRlc3Rz"
    with dns_server("db.example.org.", "kbconsole", secret) as server:
        settings.KBCONSOLE_DNS_ZONE, settings.KBCONSOLE_DNS_SERVER = "db.example.org", server.address
        settings.KBCONSOLE_DNS_KEY_NAME, settings.KBCONSOLE_DNS_KEY = "kbconsole", secret
        yield server


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
