"""Heads of the chain, published where the database's owner does not write: a file, and the log of the process.

A head is the number and the seal of the newest entry, with the time. Whoever cuts off the end of the log, or writes
the log anew with a stolen key, cannot make it agree with a head that was published before.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.models import Entry, Head
from kbconsole.common.sentences import Sentence, declare, say

logger = logging.getLogger("kbconsole.audit.head")
MODE = 0o640
HEAD = re.compile(r'\{"seq": (\d{1,18}), "hash": "([0-9a-f]{64})", "at": "([^"\\]{1,40})"\}')
CHUNK = 500

declare(
    {
        "audit.head_cut": _(
            "Entry %(head)s was published on %(at)s and is not there any more: the log ends at entry %(last)s. "
            "Everything after that was cut off."
        ),
        "audit.head_other": _(
            "Entry %(head)s has another seal than the one that was published on %(at)s: it, or an entry before it, "
            "was written anew."
        ),
    }
)


@dataclass(frozen=True)
class PublishedHead:
    """`at` is the time of publishing, ISO 8601 in UTC."""

    seq: int
    hash: str
    at: str

    @property
    def line(self) -> str:
        return json.dumps(asdict(self))

    @property
    def when(self) -> str:
        """The time for a reader."""
        try:
            return f"{datetime.fromisoformat(self.at).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        except (ValueError, OverflowError):
            return self.at


class Difference(NamedTuple):
    """The first entry that cannot be what was published, and why."""

    seq: int
    sentence: Sentence


def default_file() -> Path:
    return Path(settings.KBCONSOLE_AUDIT_HEADS)


def publish(path: Path | None = None) -> PublishedHead | None:
    """Append the head to the file and say it in the log; None while the log is empty. Raises OSError."""
    head = Head.objects.first()
    if head is None or not head.seq:
        return None
    published = PublishedHead(
        head.seq, head.hash, timezone.now().astimezone(UTC).isoformat(timespec="seconds")
    )
    logger.info("audit head %s", published.line)
    _append(path or default_file(), published.line)
    return published


def _append(path: Path, line: str) -> None:
    """Write one whole line, so that it outlives a power cut; two processes take turns."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        torn = bool(size) and os.pread(descriptor, 1, size - 1) != b"\n"
        os.write(descriptor, (b"\n" if torn else b"") + line.encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: Path) -> list[PublishedHead]:
    """Return the heads in a file, by number. Any line that holds one counts, so a log file will do. Raises OSError."""
    found: set[PublishedHead] = set()
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            found.update(PublishedHead(int(seq), hash_, at) for seq, hash_, at in HEAD.findall(line))
    return sorted(found, key=lambda head: (head.seq, head.at))


def first_difference(heads: Sequence[PublishedHead], *, last: int) -> Difference | None:
    """Return the first head that a log with the entries 1 to `last` cannot have had, or None."""
    for start in range(0, len(heads), CHUNK):
        part = heads[start : start + CHUNK]
        there = dict(Entry.objects.filter(seq__in={head.seq for head in part}).values_list("seq", "hash"))
        difference = differing(part, there, last=last)
        if difference is not None:
            return difference
    return None


def differing(heads: Iterable[PublishedHead], there: dict[int, str], *, last: int) -> Difference | None:
    """Compare heads, lowest first, with the seals that are there."""
    for head in heads:
        if head.seq > last:
            return Difference(last + 1, say("audit.head_cut", head=head.seq, at=head.when, last=last))
        if there.get(head.seq) != head.hash:
            return Difference(head.seq, say("audit.head_other", head=head.seq, at=head.when))
    return None
