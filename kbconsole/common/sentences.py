"""Sentences that are stored as a code with parameters, so that an old line renders in either language.

Events, audit entries, findings and errors all keep a `Sentence`. Each package declares its own texts where
they are used; there is no central list to edit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext

Json = Any
_TEXTS: dict[str, str | Promise] = {}


def declare(texts: Mapping[str, str | Promise]) -> None:
    """Give codes their (lazily translated) texts, with `%(name)s` for parameters.

    Raises ValueError if another text already has the code.
    """
    for code, text in texts.items():
        if code in _TEXTS and _TEXTS[code] is not text:
            raise ValueError(f"the sentence {code!r} is declared twice")
        _TEXTS[code] = text


def declared() -> Mapping[str, str | Promise]:
    """Return every declared code with its text."""
    return _TEXTS


class _Lenient(dict[str, Any]):
    """Parameters of an old line: one that is missing shows as `?` instead of breaking the page."""

    def __missing__(self, key: str) -> str:
        return "?"


def _shown(value: Json) -> Any:
    if isinstance(value, Sentence):
        return str(value)
    if isinstance(value, Mapping) and set(value) == {"code", "params"}:
        return str(Sentence.from_json(value))
    if isinstance(value, list | tuple):
        return gettext(", ").join(str(_shown(item)) for item in value)
    return value


def _stored(value: Json) -> Json:
    if isinstance(value, Sentence):
        return value.to_json()
    if isinstance(value, list | tuple):
        return [_stored(item) for item in value]
    return value


@dataclass(frozen=True)
class Sentence:
    """A declared code and its parameters (JSON values, other sentences, or lists of both)."""

    code: str
    params: Mapping[str, Json] = field(default_factory=dict)

    def __str__(self) -> str:
        text = _TEXTS.get(self.code)
        if text is None:
            return f"{self.code} {dict(self.params)}" if self.params else self.code
        return str(text) % _Lenient({key: _shown(value) for key, value in self.params.items()})

    def to_json(self) -> dict[str, Json]:
        """Return `{"code": …, "params": {…}}`, nested sentences included."""
        return {"code": self.code, "params": {key: _stored(value) for key, value in self.params.items()}}

    @classmethod
    def from_json(cls, stored: Mapping[str, Json]) -> Sentence:
        """Read what `to_json` gave. A code that no longer exists renders as itself."""
        return cls(str(stored["code"]), dict(stored.get("params") or {}))


def say(code: str, /, **params: Json) -> Sentence:
    """Make a sentence of a declared code. Raises KeyError for a code that nobody declared."""
    if code not in _TEXTS:
        raise KeyError(f"no text is declared for the sentence {code!r}")
    return Sentence(code, params)
