"""What a plane says, as every database can store it: PostgreSQL takes no NUL and no half of a surrogate pair."""

from __future__ import annotations

import json
import re
from typing import Any

# As escapes, or halves in UTF-8, which json takes.
_SUSPECT = re.compile(rb"\\u(0000|[dD][89a-fA-F])|\xed[\xa0-\xbf]")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def loads(body: bytes) -> Any:
    """Return the JSON; what cannot be stored becomes U+FFFD. Raises ValueError, RecursionError."""
    loaded = json.loads(body)
    return _whole(loaded) if _SUSPECT.search(body) else loaded


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, dict):
        return {_whole(key): _whole(below) for key, below in value.items()}
    return [_whole(below) for below in value] if isinstance(value, list) else value


def storable(text: str) -> str:
    """Return a text as every database can store it."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)
