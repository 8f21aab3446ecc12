"""Parts of the network page that a kind's file adds: mesh matrix, pools. The page itself names no kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from kbconsole.common.registry import Registry


class Section(ABC):
    """One part of the network page, below the address book. Instances hold no state.

    `template` is a fragment that gets what `context` returns and draws its own heading (`<h2>`); with `live` it is
    fetched again by itself while the page is open, from an address of its own. `place` orders the parts.
    """

    slug: ClassVar[str]
    title: ClassVar[Any]
    template: ClassVar[str]
    place: ClassVar[int] = 50
    live: ClassVar[bool] = False

    @abstractmethod
    def context(self, user: Any) -> dict[str, Any] | None:
        """Return what the template needs, in a constant number of queries; None where there is nothing to show."""


SECTIONS: Registry[Section] = Registry("parts of the network page", "networking.kinds")


def sections_for(user: Any) -> list[tuple[Section, dict[str, Any]]]:
    """Return the parts that have something to show, in their order, each with its context."""
    parts = sorted((made() for made in SECTIONS), key=lambda part: (part.place, part.slug))
    return [(part, context) for part in parts if (context := part.context(user)) is not None]
