"""Trouble that a plane can be put into while it runs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, fields
from typing import Any

from kbconsole.demo.status import ApiError

CONSOLE_USER = "kbconsole"
# What each kind does is told in `python -m kbconsole.demo.fault --help`.
KINDS = ("slow", "hang", "403", "429", "500", "drop", "expired", "unreachable")
_OF_ONE_USER = {"403", "429", "500", "expired"}


@dataclass
class Fault:
    """One kind of trouble and whom it meets.

    `ms` is the delay of slow; `retry_after` the header of 429, in seconds; `when` says where drop cuts:
    before the request is done, after it, or half-way through the answer. Only requests whose method is in
    `methods` and whose path contains `path` are met, by these `users` (empty: all), after the first `skip`
    of them and at most `count` times.
    """

    kind: str
    ms: float = 1000
    retry_after: int = 1
    when: str = "before"
    methods: tuple[str, ...] = ()
    path: str = ""
    users: tuple[str, ...] | None = None
    skip: int = 0
    count: int | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such fault: {self.kind}; there are {', '.join(KINDS)}, drift")
        if self.when not in ("before", "after", "half"):
            raise ValueError("a connection is dropped before, after or half")
        if self.users is None:
            self.users = (CONSOLE_USER,) if self.kind in _OF_ONE_USER else ()

    def meets(self, user: str, method: str, path: str) -> bool:
        """Return whether this request is met; counts it."""
        if (self.users and user not in self.users) or (self.methods and method not in self.methods):
            return False
        if self.path not in path or self.count == 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.count is not None:
            self.count -= 1
        return True

    @classmethod
    def of(cls, kind: str, options: dict[str, Any]) -> Fault:
        """Read what the control port or a test gave. Raises ValueError for an unknown option."""
        known = {f.name for f in fields(cls)} - {"kind", "over"}
        if unknown := set(options) - known:
            raise ValueError(
                f"no such option: {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}"
            )
        cleaned: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in options.items()
        }
        return cls(kind, **cleaned)

    def refusal(self, user: str) -> ApiError | None:
        """Return the answer of a fault that is one."""
        match self.kind:
            case "403":
                return ApiError(
                    403, f'forbidden: User "{user}" has lost this right (a fault that was switched on)'
                )
            case "429":
                text = "the server has received too many requests and has asked us to try again later"
                error = ApiError(429, text, details={"retryAfterSeconds": self.retry_after})
                error.headers["Retry-After"] = str(self.retry_after)
                return error
            case "500":
                return ApiError(500, "Internal error occurred: etcdserver: request timed out")
            case "expired":
                return ApiError(401, "Unauthorized")
        return None
