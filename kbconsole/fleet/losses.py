"""Databases as a lost plane leaves them. The app that knows databases registers how, in its `losses.py`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from django.utils.module_loading import autodiscover_modules


class Level(StrEnum):
    """What is left of a database, worst first."""

    LOST = "lost"
    EDGE = "edge"
    FINE = "fine"


@dataclass(frozen=True)
class Database:
    """One database, counted from what its planes said last.

    `alive` of `members` were ready on planes that answer, `quorum` are needed. `touched`: it has a replica on a lost
    plane. `planned`: the planes that were never looked at and are counted as planned. `read_at`: the oldest of what
    was counted. `leader` is (pod, plane) as seen last. `endpoints` are `host:port` on planes that answer.
    """

    name: str
    url: str
    members: int
    quorum: int
    alive: int
    touched: bool
    planned: tuple[str, ...] = ()
    read_at: datetime | None = None
    leader: tuple[str, str] | None = None
    leader_lost: bool = False
    endpoints: tuple[str, ...] = field(default=())

    @property
    def level(self) -> Level:
        if self.alive < self.quorum:
            return Level.LOST
        return Level.EDGE if self.alive == self.quorum else Level.FINE


Source = Callable[[Any, Collection[str]], list[Database]]
_SOURCES: list[Source] = []


def register(source: Source) -> Source:
    """Decorator: add what counts databases for a person, given the lost planes, in a constant number of queries."""
    _SOURCES.append(source)
    return source


@cache
def _loaded() -> None:
    autodiscover_modules("losses")


def databases(user: Any, lost: Collection[str]) -> list[Database]:
    """Return the databases that the person may see, by name."""
    _loaded()
    found = [database for source in _SOURCES for database in source(user, lost)]
    return sorted(found, key=lambda database: database.name)
