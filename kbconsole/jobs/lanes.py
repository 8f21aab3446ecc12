"""Which lanes give no answer now. What a lane is, another app knows: it registers who is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable

_SILENT: list[Callable[[], Iterable[str]]] = []


def silent_by(found: Callable[[], Iterable[str]]) -> None:
    """Register who knows silent lanes, from rows: it is asked for pages, so it must not ask a plane."""
    _SILENT.append(found)


def silent() -> frozenset[str]:
    """Return the lanes that a run would get no answer from now, as far as anybody knows."""
    return frozenset(lane for found in _SILENT for lane in found())
