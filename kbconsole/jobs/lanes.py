"""Which lanes give no answer, and what each is. What a lane is, another app knows: it registers who is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

_IDENTITIES: list[Callable[[], Mapping[str, str]]] = []
_SILENT: list[Callable[[], Iterable[str]]] = []
_ASKED: list[Callable[[Iterable[str]], Iterable[str]]] = []


def silent_by(found: Callable[[], Iterable[str]]) -> None:
    """Register who knows silent lanes, from rows: it is asked for pages, so it must not ask a plane."""
    _SILENT.append(found)


def silent() -> frozenset[str]:
    """Return the lanes that a run would get no answer from now, as far as anybody knows."""
    return frozenset(lane for found in _SILENT for lane in found())


def asked_by(found: Callable[[Iterable[str]], Iterable[str]]) -> None:
    """Register who asks lanes now, and returns those without an answer."""
    _ASKED.append(found)


def unheard(lanes: Iterable[str]) -> set[str]:
    """Ask these lanes now, in a worker. Return those that give no answer."""
    return {lane for found in _ASKED for lane in found(list(lanes))}


def identified_by(found: Callable[[], Mapping[str, str]]) -> None:
    """Register who knows what each lane really is, from rows: the same name may become another one's."""
    _IDENTITIES.append(found)


def identities() -> dict[str, str]:
    """Return the identity of each lane that is known now, by its name."""
    return {lane: identity for found in _IDENTITIES for lane, identity in found().items()}
