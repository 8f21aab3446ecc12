"""An embedded fleet for each test, and its planes as an administrator adds them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet import access, answers
from kbconsole.fleet.models import Plane
from tests.fleet import planes
from tests.fleets.beginnings import seeded


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[EmbeddedFleet]:
    """A fresh embedded fleet: a control plane, k8s-1 to k8s-3, and k8s-4 that the operator does not know."""
    servers = EmbeddedFleet(seeded(tmp_path, nodes=1), controllers=False, nodes=1)
    servers.start()
    yield servers
    access.forget_clients()
    answers.forget()
    servers.stop()


@pytest.fixture
def fleet(embedded: EmbeddedFleet, adam: User, transactional_db: None) -> dict[str, Plane]:
    """The control plane and three data planes, registered without a preflight, which takes its time."""
    names = (embedded.control_plane, *embedded.planes)
    return {name: planes.registered(embedded, name, adam) for name in names}
