"""Planes with ranges, without a server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from kbconsole.fleet.models import Plane
from networking.models import AddressFact
from tests.fleet.conftest import embedded, fleet

__all__ = ["embedded", "fleet"]

Tell = Callable[..., Plane]


@pytest.fixture
def tell(db: None) -> Tell:
    """Return what makes a data plane, and lets it tell ranges: `tell("k8s-1", pods="10.1.0.0/16")`."""

    def _tell(name: str, source: str = "nodes", by: User | None = None, **ranges: Any) -> Plane:
        fields = {"uid": name, "server": "https://127.0.0.1:1"}
        plane, _made = Plane.objects.get_or_create(name=name, defaults=fields)
        for what, text in ranges.items():
            AddressFact.objects.create(
                plane=plane, what=what, source=source, ranges=text.split(), entered_by=by
            )
        return plane

    return _tell
