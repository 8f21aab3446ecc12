"""Walking the chain: every entry is the text that was sealed, and none is missing or out of its place.

What a chain cannot show by itself is an end that was cut off together with its head; for that the head (its
number and hash, kept in every `Check`) has to be known somewhere else.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import TextField
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from kbconsole.audit import sealing
from kbconsole.audit.models import Check, Entry, Head
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
        "audit.chain_link": _("Entry %(seq)s does not continue the entry before it."),
        "audit.chain_head": _("The head of the chain does not name entry %(seq)s, the last one."),
        "audit.chain_no_head": _(
            "The head of the chain is missing. Run `manage.py migrate` to make it again."
        ),
    }
)

COLUMNS = (*sealing.SEALED, "canonical", "hash")


@dataclass(frozen=True)
class Verdict:
    """`problem` is None for an unbroken chain; otherwise `bad_seq` is the first entry that is wrong."""

    entries: int
    since: datetime | None
    head_seq: int
    head_hash: str
    bad_seq: int | None = None
    problem: Sentence | None = None


def verify() -> Verdict:
    """Walk all entries in order and stop at the first that is wrong.

    Entries written meanwhile are left for the next time, so nothing is locked.
    """
    with transaction.atomic():
        head = Head.objects.first()
        last: int = Entry.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
    first = Entry.objects.order_by("seq").values_list("at", flat=True).first()
    end, hash_ = (head.seq, head.hash) if head else (last, "")
    bad, problem, walked = _walk(max(end, last), end, hash_)
    if problem is None and head is None:
        bad, problem = last, say("audit.chain_no_head")
    return Verdict(walked, first, end, hash_, bad, problem)


def check(*, verdict: Verdict) -> Check:
    """Keep what a verification found, for the audit page."""
    return Check.objects.create(
        entries=verdict.entries,
        since=verdict.since,
        head_seq=verdict.head_seq,
        head_hash=verdict.head_hash,
        bad_seq=verdict.bad_seq,
        problem=verdict.problem.to_json() if verdict.problem else None,
    )


def _walk(until: int, end: int, end_hash: str) -> tuple[int | None, Sentence | None, int]:
    """Return the first bad number, what is wrong with it, and how many entries were good."""
    keys, previous, seq = sealing.known_keys(), "", 0
    for row in _rows(until):
        expected = seq + 1
        problem = _problem(row, expected, previous, keys)
        if problem is None and expected > end:
            problem = say("audit.chain_beyond", seq=expected, head=end)
        if problem is not None:
            return expected, problem, seq
        seq, previous = expected, row["hash"]
    if seq < end:
        return seq + 1, say("audit.chain_end", seq=seq + 1, head=end), seq
    if seq and end_hash and previous != end_hash:
        return seq, say("audit.chain_head", seq=seq), seq
    return None, None, seq


def _rows(until: int) -> Iterator[dict[str, Any]]:
    """Read `params` as text: what is no longer JSON should be found, not break off the walk."""
    columns = [name for name in COLUMNS if name != "params"]
    entries = Entry.objects.filter(seq__lte=until).order_by("seq").annotate(text=Cast("params", TextField()))
    for row in entries.values(*columns, "text").iterator(chunk_size=1000):
        try:
            row["params"] = json.loads(row["text"])
        except ValueError:
            row["params"] = None
        yield row


def _problem(
    row: Mapping[str, Any], expected: int, previous: str, keys: Mapping[str, str]
) -> Sentence | None:
    if row["seq"] != expected:
        return say("audit.chain_gap", seq=expected, found=row["seq"])
    key = keys.get(row["key_id"])
    if key is None:
        return say("audit.chain_key", seq=expected, key=row["key_id"])
    if not hmac.compare_digest(sealing.seal(row["canonical"], key), row["hash"]):
        return say("audit.chain_text", seq=expected)
    sealed = json.loads(row["canonical"])
    for name, value in sealing.sealed_fields(row).items():
        if sealed.get(name) != value:
            return say("audit.chain_column", seq=expected, column=name)
    if row["prev_hash"] != previous:
        return say("audit.chain_link", seq=expected)
    return None
