"""Reading bodies: hostile input ends here, before any field is looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from kbconsole.common.sentences import Json, Sentence, declare, say

DEEPEST = 20
"""Levels of nesting. The deepest body that means anything has four."""

declare(
    {
        "api.not_json": _("The body is not JSON in UTF-8: %(why)s"),
        "api.not_object": _("The body has to be a JSON object: {…}."),
        "api.key_twice": _("The body has the field “%(name)s” twice."),
        "api.too_deep": _("The body is nested deeper than %(levels)s levels."),
        "api.too_large": _("The body is larger than %(most)s bytes."),
        "api.character": _(
            "%(where)s has a character that cannot be stored: a NUL, or half of a surrogate pair."
        ),
    }
)


class Unreadable(ParseError):
    """The body cannot be read; `sentence` says why."""

    def __init__(self, code: str, **params: Any) -> None:
        self.sentence: Sentence = say(code, **params)
        super().__init__(str(self.sentence))


class TooLarge(APIException):
    """The body is longer than the console reads."""

    status_code = 413

    def __init__(self, most: int) -> None:
        self.sentence: Sentence = say("api.too_large", most=most)
        super().__init__(str(self.sentence))


class StrictJSONParser(BaseParser):
    """JSON objects only: bounded in size and depth, no key twice, no NaN, nothing that a database cannot store."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Json]:
        most: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(most + 1)
        if len(body) > most:
            raise TooLarge(most)
        try:
            loaded = json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_no_constant)
        except RecursionError:
            raise Unreadable("api.too_deep", levels=DEEPEST) from None
        except UnicodeDecodeError as error:
            raise Unreadable("api.not_json", why=error.reason) from None
        except ValueError as error:
            raise Unreadable("api.not_json", why=str(error)) from None
        if not isinstance(loaded, dict):
            raise Unreadable("api.not_object")
        _check(loaded, "", 1)
        return loaded


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for name, value in pairs:
        if name in found:
            raise Unreadable("api.key_twice", name=_sayable(name)[:100])
        found[name] = value
    return found


def _no_constant(name: str) -> Json:
    raise ValueError(name)


def _check(value: Json, where: str, level: int) -> None:
    if level > DEEPEST:
        raise Unreadable("api.too_deep", levels=DEEPEST)
    if isinstance(value, str):
        if _sayable(value) != value:
            raise Unreadable("api.character", where=where)
    elif isinstance(value, dict):
        for name, below in value.items():
            _check(name, where or _sayable(name)[:100], level)
            _check(below, f"{where}.{name}" if where else name, level + 1)
    elif isinstance(value, list):
        for index, below in enumerate(value):
            _check(below, f"{where}.{index}", level + 1)


def _sayable(text: str) -> str:
    return text.replace("\0", "?").encode("utf-8", "replace").decode()
