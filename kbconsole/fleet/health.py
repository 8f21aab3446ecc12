"""What every page takes from the checker: which planes nobody knows about now, and whether the checker is silent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from kbconsole.fleet.models import Plane


def unchecked_since(planes: Iterable[Plane]) -> datetime | None:
    """Return when any plane was asked last, if the checker should have asked each again long ago; else None.

    Then the checker itself is silent, and nothing that it wrote is shown as if it still held.
    """
    since = [plane.unchecked_since for plane in planes]
    asked = [at for at in since if at is not None]
    return max(asked) if asked and len(asked) == len(since) else None


def unknown(planes: Iterable[Plane]) -> set[str]:
    """Return the planes whose state nobody knows now: they give no usable answer, or were not asked."""
    return {plane.name for plane in planes if plane.unknown}
