"""Walking the chain: every entry is the text that was sealed, and none is missing or out of its place.

What a chain cannot show by itself is an end that was cut off together with its head, or a chain that somebody with
the key wrote anew; for that, heads are published outside the database (`kbconsole.audit.heads`).
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import DatabaseError
from django.db.models import TextField
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from kbconsole.audit import sealing
from kbconsole.audit.heads import PublishedHead, first_difference
from kbconsole.audit.models import Check, Entry, EntryQuerySet, Head
from kbconsole.common.sentences import Sentence, declare, say

declare(
    {
        "audit.chain_gap": _("Entry %(seq)s is missing: the next one that is there is %(found)s."),
        "audit.chain_end": _("Entry %(seq)s is missing: the log was once %(head)s entries long."),
        "audit.chain_beyond": _(
            "Entry %(seq)s stands after the end that the head of the chain names (%(head)s)."
        ),
        "audit.chain_key": _(
            "Entry %(seq)s was sealed with the key %(key)s, which KBCONSOLE_AUDIT_KEYS does not have. "
            "Add the old key at the end of that setting and verify again."
        ),
        "audit.chain_text": _("Entry %(seq)s: its text is not the one that was sealed."),
        "audit.chain_column": _(
            "Entry %(seq)s: the column %(column)s differs from the text that was sealed."
        ),
        "audit.chain_extra": _("Entry %(found)s stands where the log has none: %(seq)s comes next."),
        "audit.chain_unreadable": _(
            "Entry %(seq)s cannot be read: a column holds what no entry was written with."
        ),
        "audit.chain_link": _("Entry %(seq)s does not continue the entry before it."),
        "audit.chain_head": _("The head of the chain does not name entry %(seq)s, the last one."),
        "audit.chain_no_head": _(
            "The head of the chain is missing. Run `manage.py migrate` to make it again."
        ),
    }
)

COLUMNS = (*sealing.SEALED, "canonical", "hash")
CHUNK = 1000
MOST = 2**63 - 1
UNREADABLE = (ValueError, OverflowError, DatabaseError)


@dataclass(frozen=True)
class Verdict:
    """`problem` is None for an unbroken chain; otherwise `bad_seq` is the first entry that is wrong.

    `heads` counts the published heads that were compared; None: nothing was published. `differs` is true where the
    chain holds by itself and a published head tells otherwise.
    """

    entries: int
    since: datetime | None
    head_seq: int
    head_hash: str
    bad_seq: int | None = None
    problem: Sentence | None = None
    heads: int | None = None
    differs: bool = False


def verify(heads: Sequence[PublishedHead] | None = None) -> Verdict:
    """Walk all entries in order, stop at the first that is wrong, and compare with the published heads.

    Entries written meanwhile are left for the next time, so nothing is locked: the newest number is read before the
    head, as an entry that is appended between the two would otherwise seem to stand after the end.
    """
    last = _last()
    head = Head.objects.first()
    end, hash_ = (head.seq, head.hash) if head else (last, "")
    bad, problem, walked = _walk(max(end, last), end, hash_)
    if problem is None and head is None:
        bad, problem = last, say("audit.chain_no_head")
    verdict = Verdict(walked, _since(), end, hash_, bad, problem)
    return verdict if heads is None else _compared(verdict, heads)


def _last() -> int:
    """Return the newest number; SQLite would let a text stand there, which comes after every number."""
    numbers = Entry.objects.filter(seq__lte=MOST).order_by("-seq").values_list("seq", flat=True)
    return int(numbers.first() or 0)


def _since() -> datetime | None:
    try:
        return Entry.objects.order_by("seq").values_list("at", flat=True).first()
    except UNREADABLE:
        return None


def _compared(verdict: Verdict, heads: Sequence[PublishedHead]) -> Verdict:
    """Return the verdict after comparing; where the chain is broken, only heads before that place can tell more."""
    verdict = replace(verdict, heads=len(heads))
    if verdict.problem is not None:
        heads = [head for head in heads if head.seq <= verdict.entries]
    difference = first_difference(heads, last=verdict.entries)
    if difference is None:
        return verdict
    return replace(verdict, bad_seq=difference.seq, problem=difference.sentence, differs=True)


def check(*, verdict: Verdict) -> Check:
    """Keep what a verification found, for the audit page."""
    return Check.objects.create(
        entries=verdict.entries,
        since=verdict.since,
        head_seq=verdict.head_seq,
        head_hash=verdict.head_hash,
        bad_seq=verdict.bad_seq,
        problem=verdict.problem.to_json() if verdict.problem else None,
        heads=verdict.heads,
    )


def _walk(until: int, end: int, end_hash: str) -> tuple[int | None, Sentence | None, int]:
    """Return the first bad number, what is wrong with it, and how many entries were good."""
    keys, previous, seq = sealing.known_keys(), "", 0
    for row in _rows(until):
        expected = seq + 1
        if row["seq"] != expected:
            return *_out_of_place(row["seq"], expected), seq
        problem = _problem(row, previous, keys)
        if problem is None and expected > end:
            problem = say("audit.chain_beyond", seq=expected, head=end)
        if problem is not None:
            return expected, problem, seq
        seq, previous = expected, row["hash"]
    if seq < end:
        return seq + 1, say("audit.chain_end", seq=seq + 1, head=end), seq
    if seq and end_hash and previous != end_hash:
        return seq, say("audit.chain_head", seq=seq), seq
    strange = Entry.objects.exclude(seq__lte=MOST).values_list("seq", flat=True).first()
    if strange is not None:
        return seq + 1, say("audit.chain_extra", found=str(strange), seq=seq + 1), seq
    return None, None, seq


def _out_of_place(found: Any, expected: int) -> tuple[int, Sentence]:
    """Return the bad number: one below the expected, or between numbers, was put in; else one was taken out."""
    if isinstance(found, int) and found > expected:
        return expected, say("audit.chain_gap", seq=expected, found=found)
    bad = found if isinstance(found, int) else expected
    return bad, say("audit.chain_extra", found=str(found), seq=expected)


def _rows(until: int) -> Iterator[dict[str, Any]]:
    """Yield the rows by number, CHUNK at a time; one that cannot be read has only its number."""
    entries = Entry.objects.filter(seq__lte=until).order_by("seq")
    part = entries
    while True:
        try:
            rows = _read(part[:CHUNK])
        except UNREADABLE:
            rows = _one_by_one(list(part.values_list("seq", flat=True)[:CHUNK]))
        yield from rows
        if len(rows) < CHUNK:
            return
        part = entries.filter(seq__gt=rows[-1]["seq"])


def _read(entries: EntryQuerySet) -> list[dict[str, Any]]:
    """Read `params` as text: what is no longer JSON should be found, not break off the walk."""
    columns = [name for name in COLUMNS if name != "params"]
    found: list[dict[str, Any]] = list(
        entries.annotate(text=Cast("params", TextField())).values(*columns, "text")
    )
    for row in found:
        try:
            row["params"] = json.loads(row["text"])
        except (ValueError, RecursionError):
            row["params"] = None
    return found


def _one_by_one(numbers: Sequence[Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for seq in numbers:
        try:
            rows += _read(Entry.objects.filter(seq=seq))
        except UNREADABLE:
            rows.append({"seq": seq})
    return rows


def _problem(row: Mapping[str, Any], previous: str, keys: Mapping[str, str]) -> Sentence | None:
    seq = row["seq"]
    if len(row) == 1:
        return say("audit.chain_unreadable", seq=seq)
    problem = text_problem(row, keys)
    if problem is not None:
        return problem
    if not isinstance(row["at"], datetime):
        return say("audit.chain_column", seq=seq, column="at")
    sealed = json.loads(row["canonical"])
    for name, value in sealing.sealed_fields(row).items():
        if name not in sealed or not _same(sealed[name], value):
            return say("audit.chain_column", seq=seq, column=name)
    return say("audit.chain_link", seq=seq) if row["prev_hash"] != previous else None


def text_problem(row: Mapping[str, Any], keys: Mapping[str, str]) -> Sentence | None:
    """Return what is wrong with seq, key_id, canonical and hash of one entry, from the table or from an export."""
    seq, canonical, hash_ = row["seq"], row["canonical"], row["hash"]
    if not isinstance(canonical, str) or not isinstance(hash_, str):
        return say("audit.chain_text", seq=seq)
    key = keys.get(row["key_id"])
    if key is None:
        return say("audit.chain_key", seq=seq, key=str(row["key_id"]))
    if not hmac.compare_digest(sealing.seal(canonical, key).encode(), hash_.encode()):
        return say("audit.chain_text", seq=seq)
    return None


def _same(sealed: Any, stored: Any) -> bool:
    """Return whether two JSON values are one; 1 and 1.0 are, as databases rewrite numbers, 1 and true are not."""
    if isinstance(sealed, dict) and isinstance(stored, dict):
        return sealed.keys() == stored.keys() and all(
            _same(value, stored[key]) for key, value in sealed.items()
        )
    if isinstance(sealed, list) and isinstance(stored, list):
        return len(sealed) == len(stored) and all(map(_same, sealed, stored))
    return isinstance(sealed, bool) == isinstance(stored, bool) and bool(sealed == stored)
