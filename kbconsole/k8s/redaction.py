"""What a command prints, without what must not be kept: tokens, keys, certificates and all that looks like one."""

from __future__ import annotations

import re
from collections.abc import Iterable

GONE = "[redacted]"
_SHORTEST = 8
"""A shorter secret would redact half of every line; none of ours is."""
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[!-~]+")
_ASSIGNED = re.compile(r"(?i)\b(token|password|passwd|secret|client-key-data)(\"?\s*[:=]\s*\"?)[^\s\",}]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{40,}={0,2}")
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]+-----")
_PEM_WHOLE = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?-----END [A-Z0-9 ]+-----", re.DOTALL)
_PEM_END = re.compile(r"-----END [A-Z0-9 ]+-----")


class Redactor:
    """Redacts the lines of one stream, in their order: a PEM block goes over many of them."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        parts = {part for secret in secrets for part in secret.split() if len(part) >= _SHORTEST}
        self._known = sorted(parts, key=len, reverse=True)
        self._inside = False

    def line(self, text: str) -> str:
        """Return the line as it may be kept; "" inside a PEM block."""
        if self._inside:
            ended = _PEM_END.search(text)
            self._inside = ended is None
            return self.text(text[ended.end() :]) if ended else ""
        whole = _PEM_WHOLE.sub(GONE, text)
        if begun := _PEM.search(whole):
            self._inside = True
            whole = whole[: begun.start()] + GONE
        return self.text(whole)

    def text(self, text: str) -> str:
        """Return a text that is no part of a stream without secrets: PEM blocks in it are whole."""
        text = _PEM_WHOLE.sub(GONE, text)
        for secret in self._known:
            text = text.replace(secret, GONE)
        text = _BEARER.sub(rf"\1 {GONE}", text)
        text = _ASSIGNED.sub(rf"\1\2{GONE}", text)
        return _BASE64.sub(_unless_words, text)


def _unless_words(found: re.Match[str]) -> str:
    """Long names and paths of objects are no base64: these have a dash or a slash between every few letters."""
    text = found.group()
    longest = max(map(len, re.split(r"[-_/]", text)))
    return GONE if longest >= 32 else text
