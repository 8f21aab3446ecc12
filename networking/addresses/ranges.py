"""Ranges of addresses as numbers: CIDRs, `a-b` ranges and single addresses, of IPv4 and IPv6."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from ipaddress import IPv4Address, IPv6Address
from socket import AF_INET, inet_pton
from typing import NamedTuple

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import declare

declare(
    {
        "addresses.no_range": _(
            "“%(text)s” is no range of addresses. Write 10.1.0.0/16, 10.1.0.10-10.1.0.20 or 10.1.0.10."
        ),
        "addresses.backwards": _("“%(text)s” ends before it begins. Write the lower address first."),
        "addresses.two_families": _(
            "“%(text)s” begins with one version of IP and ends with another. Write a range for each."
        ),
    }
)

BITS = {4: 32, 6: 128}
_MAPPED = 0xFFFF << 32
"""IPv4 addresses that are written as IPv6 ones begin here: ::ffff:10.0.0.1 is 10.0.0.1."""
_PLAIN = re.compile(r"\A[0-9a-fA-F:.]+\Z")
_LONGEST = 100


class Span(NamedTuple):
    """All addresses from `first` to `last`, both included, of one version of IP. Sorts by version and place."""

    version: int
    first: int
    last: int

    def __str__(self) -> str:
        """Return the shortest usual form: a single address, a CIDR, or `a-b`."""
        first, last = address(self.version, self.first), address(self.version, self.last)
        if self.first == self.last:
            return str(first)
        size = self.size
        if size & (size - 1) == 0 and self.first % size == 0:
            return f"{first}/{BITS[self.version] - size.bit_length() + 1}"
        return f"{first}-{last}"

    @property
    def size(self) -> int:
        return self.last - self.first + 1

    def meets(self, other: Span) -> bool:
        """Return whether any address is in both; ranges that only touch do not meet."""
        return self.version == other.version and self.first <= other.last and other.first <= self.last

    def holds(self, other: Span) -> bool:
        return self.version == other.version and self.first <= other.first and other.last <= self.last


def address(version: int, number: int) -> IPv4Address | IPv6Address:
    return IPv4Address(number) if version == 4 else IPv6Address(number)


def parsed(text: str) -> Span:
    """Read a CIDR, an `a-b` range or one address; host bits of a CIDR are dropped. Raises ConsoleError."""
    plain = text.strip()
    if not plain.isascii():
        plain = plain.replace("–", "-").replace("—", "-")
    try:
        if "/" in plain:
            return _network(plain)
        if "-" in plain:
            return _between(plain, text)
        version, number = _one(plain)
    except ValueError:
        raise ConsoleError("addresses.no_range", text=text.strip()[:_LONGEST]) from None
    return Span(version, number, number)


def parsed_all(text: str) -> list[Span]:
    """Read ranges that stand on lines or between commas, each once, in their order. Raises ConsoleError."""
    parts = [part for part in re.split(r"[\s,;]+", re.sub(r"\s*[-–—]\s*", "-", text)) if part]
    return list(dict.fromkeys(parsed(part) for part in parts))


def _one(text: str) -> tuple[int, int]:
    """Return version and number of an address; an IPv4 address in IPv6 clothes is IPv4. Raises ValueError."""
    text = text.strip()
    if ":" not in text:
        return 4, _dotted(text)
    if not _PLAIN.match(text):
        raise ValueError(text)
    number = int(IPv6Address(text))
    return (4, number & 0xFFFFFFFF) if number >> 32 == 0xFFFF else (6, number)


def _dotted(text: str) -> int:
    """Read an IPv4 address, by C: a fleet's nodes are many. Raises ValueError, also for a leading zero."""
    try:
        return int.from_bytes(inet_pton(AF_INET, text), "big")
    except OSError:
        raise ValueError(text) from None


def _network(text: str) -> Span:
    before, _slash, after = text.partition("/")
    if not after.isascii() or not after.isdigit():
        raise ValueError(text)
    version, number = _one(before)
    prefix = int(after) - (96 if version == 4 and ":" in before else 0)
    if not 0 <= prefix <= BITS[version]:
        raise ValueError(text)
    size = 1 << (BITS[version] - prefix)
    first = number - number % size
    return Span(version, first, first + size - 1)


def _between(plain: str, text: str) -> Span:
    before, _dash, after = plain.partition("-")
    (version, first), (other, last) = _one(before), _one(after)
    if version != other:
        raise ConsoleError("addresses.two_families", text=text.strip()[:_LONGEST])
    if last < first:
        raise ConsoleError("addresses.backwards", text=text.strip()[:_LONGEST])
    return Span(version, first, last)


def sweep(spans: Sequence[Span]) -> Iterator[tuple[int, int]]:
    """Yield the places (i, j) of every two spans that meet, each pair once.

    Sorted by where they begin, with a heap of those that are still open by where they end: n log n steps, and one
    for each pair.
    """
    open_: list[tuple[int, int]] = []
    version = 0
    for place in sorted(range(len(spans)), key=spans.__getitem__):
        span = spans[place]
        if span.version != version:
            version, open_ = span.version, []
        while open_ and open_[0][0] < span.first:
            heappop(open_)
        for _last, other in open_:
            yield (other, place) if other < place else (place, other)
        heappush(open_, (span.last, place))


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return the same addresses in as few spans as possible, in order; neighbours become one."""
    found: list[Span] = []
    for span in sorted(spans):
        before = found[-1] if found else None
        if before and before.version == span.version and span.first <= before.last + 1:
            found[-1] = before._replace(last=max(before.last, span.last))
        else:
            found.append(span)
    return found
