"""Database pods as the checker sees them. The app that knows databases registers what it keeps: `watching.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache

from django.utils.module_loading import autodiscover_modules

from kbconsole.k8s.kinds import Object

LABELS = "app.kubernetes.io/managed-by=kubeblocks"
Watcher = Callable[[str, Sequence[Object], datetime], None]
_WATCHERS: list[Watcher] = []


def register(watcher: Watcher) -> Watcher:
    """Decorator: call it with (plane, every database pod there, when they were read), after each look."""
    _WATCHERS.append(watcher)
    return watcher


@cache
def _loaded() -> None:
    autodiscover_modules("watching")


def tell(plane: str, pods: Sequence[Object], at: datetime) -> None:
    _loaded()
    for watcher in _WATCHERS:
        watcher(plane, pods, at)
