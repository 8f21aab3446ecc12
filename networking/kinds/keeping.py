"""What kinds keep of planes without knowing tables: what was read there, and which run is changing a plane's network.

Kinds lie below the tables, so whoever has them installs a `Keeper` (networking/keeping.py); jobs of kinds use it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol

from kbconsole.common.registry import Registry
from kbconsole.common.sentences import Json, Sentence
from kbconsole.k8s.client import PlaneClient


class Reader(ABC):
    """One thing that beat reads of every data plane and keeps with its time. Instances hold no state."""

    slug: ClassVar[str]

    @abstractmethod
    def read(self, plane: PlaneClient) -> Json:
        """Look, change nothing, and return JSON without a secret. Raises ConsoleError."""

    def fact(self, facts: Json) -> Mapping[str, Any]:
        """Return what this says for `PlaneFact`, field by field."""
        return {}


READERS: Registry[Reader] = Registry("readers of networks", "networking.kinds")


@dataclass(frozen=True)
class Reading:
    """What was last read of a plane. `facts` is None where it never was; `trouble` says why the last look failed."""

    plane: str
    facts: Json = None
    read_at: datetime | None = None
    trouble: Sentence | None = None


@dataclass(frozen=True)
class Hold:
    """Which run is changing the network of a plane."""

    plane: str
    run: int
    what: str
    since: datetime


class Keeper(Protocol):
    """Whoever has the tables."""

    def readings(self, what: str) -> list[Reading]:
        """Return one for every data plane, in the order of their names."""

    def several(self, *what: str) -> dict[str, list[Reading]]:
        """Return the same for several things, in as many queries as for one."""

    def keep(self, what: str, plane: str, facts: Json, at: datetime | None = None) -> None:
        """Keep what a run has read, now or at a time; what was read after that stays."""

    def forget(self, what: Collection[str], plane: str, until: datetime) -> None:
        """Let nothing be known any more of what was read of a plane until a time."""

    def hold(self, run: int, planes: Iterable[str]) -> None:
        """Let nobody but this run change the network of these planes. Raises Stale, which names who does."""

    def free(self, run: int) -> None:
        """Give back what the run holds."""

    def holds(self) -> dict[str, Hold]:
        """Return the planes that are held."""


_installed: list[Keeper] = []


def kept_by(keeper: Keeper) -> None:
    """Install the keeper, once, when the apps are ready."""
    _installed[:] = [keeper]


def keeper() -> Keeper:
    return _installed[0]


Namespaces = Mapping[str, tuple[str, ...]]
"""Where databases are, by plane."""
_users: list[Callable[[str], Namespaces]] = []


def used_by(namespaces: Callable[[str], Namespaces]) -> None:
    """Register who knows, from rows, in which namespaces the databases are whose replicas a kind (its slug) joins."""
    _users.append(namespaces)


def namespaces_of(kind: str) -> dict[str, tuple[str, ...]]:
    """Return the namespaces of databases that span planes by this kind, by plane, each once and in order."""
    found: dict[str, set[str]] = {}
    for ask in _users:
        for plane, names in ask(kind).items():
            found.setdefault(plane, set()).update(names)
    return {plane: tuple(sorted(names)) for plane, names in found.items()}
