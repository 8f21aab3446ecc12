"""What a person still looks after. Packages above this one say what that is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Belonging:
    """One thing of a person's: what it is and how it stands, its page, and where it is given to somebody else."""

    what: str
    state: str
    url: str
    hand_over_url: str = ""


_SOURCES: list[Callable[[Any], Iterable[Belonging]]] = []


def register(source: Callable[[Any], Iterable[Belonging]]) -> None:
    """Add a source, which gets the person and asks a constant number of queries. Call it from AppConfig.ready."""
    if source not in _SOURCES:
        _SOURCES.append(source)


def of(person: Any) -> list[Belonging]:
    """Return all that the person looks after."""
    return [one for source in _SOURCES for one in source(person)]
