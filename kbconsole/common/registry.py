"""A registry of classes that a new file adds itself to: jobs, actions, network kinds, engines."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Registry(Generic[T]):
    """Classes by slug.

    `package` names the package whose modules register themselves; each is imported once, on first use.
    """

    def __init__(self, what: str, package: str | None = None) -> None:
        self.what = what
        self.package = package
        self._classes: dict[str, type[T]] = {}
        self._loaded = package is None

    def register(self, cls: type[T]) -> type[T]:
        """Class decorator. Raises ValueError if the slug is taken by another class."""
        slug: str = getattr(cls, "slug")  # noqa: B009  T carries no slug for the type checker
        known = self._classes.get(slug)
        if known is not None and known.__qualname__ != cls.__qualname__:
            raise ValueError(f"two {self.what} are called {slug!r}: {known} and {cls}")
        self._classes[slug] = cls
        return cls

    def get(self, slug: str) -> type[T]:
        """Return the class. Raises KeyError for an unknown slug."""
        self._load()
        if slug not in self._classes:
            raise KeyError(f"no {self.what} is called {slug!r}")
        return self._classes[slug]

    def __contains__(self, slug: object) -> bool:
        self._load()
        return slug in self._classes

    def __iter__(self) -> Iterator[type[T]]:
        self._load()
        return iter([self._classes[slug] for slug in sorted(self._classes)])

    def _load(self) -> None:
        if self._loaded or self.package is None:
            return
        self._loaded = True
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)
