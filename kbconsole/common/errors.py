"""Expected failures. Everything that is not a `ConsoleError` is a bug and is never swallowed."""

from __future__ import annotations

from typing import Any, ClassVar

from kbconsole.common.sentences import Sentence, say


class ConsoleError(Exception):
    """Something a person can understand and act upon: what happened, and what to do next.

    `status` is the HTTP status that a view or the API answers with. `retryable` says whether the same call may
    succeed a moment later without anybody doing anything.
    """

    status: ClassVar[int] = 400
    retryable: bool = False

    def __init__(self, code: str, /, **params: Any) -> None:
        self.sentence: Sentence = say(code, **params)
        super().__init__(code)

    def __str__(self) -> str:
        return str(self.sentence)


class Refused(ConsoleError):
    """The person may not do this; the attempt is audited."""

    status = 403


class Stale(ConsoleError):
    """Somebody else was first, or what was shown is no longer so."""

    status = 409
