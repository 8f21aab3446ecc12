"""Verifying a JSONL export without the database: seals, links between neighbours, and the sealed last line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from kbconsole.audit import sealing
from kbconsole.audit.heads import PublishedHead, differing
from kbconsole.audit.services import filters_in_words
from kbconsole.audit.verification import text_problem
from kbconsole.common.sentences import Sentence, declare, say

declare(
    {
        "audit.export_line": _("This line is no entry."),
        "audit.export_column": _("Entry %(seq)s: %(column)s differs from the text that was sealed."),
        "audit.export_order": _("Entry %(seq)s stands after entry %(before)s."),
        "audit.export_link": _("Entry %(seq)s does not continue entry %(before)s."),
        "audit.export_end": _("The last line, the proof of the whole file, is missing. Export again."),
        "audit.export_after": _("There is something after the line that ends the export."),
        "audit.export_proof": _("The seal of the last line is not that of the text in it."),
        "audit.export_sum": _(
            "Lines were added, changed or taken out: the last line was made for another file."
        ),
        "audit.export_good": _(
            "%(entries)s entries, as they were written and as they were exported on %(at)s by %(by)s. "
            "Filters: %(filters)s. Published heads that agree: %(heads)s."
        ),
    }
)


@dataclass(frozen=True)
class Examined:
    """`problem` is None for a good file, of which `sentence` tells; `line` counts from 1."""

    line: int
    sentence: Sentence | None = None
    problem: Sentence | None = None
    differs: bool = False


def examine(lines: Iterable[bytes], heads: Sequence[PublishedHead] = ()) -> Examined:
    """Read an export line by line and stop at the first that is wrong."""
    keys, digest, before, agreed = sealing.known_keys(), hashlib.sha256(), None, 0
    published: dict[int, list[PublishedHead]] = {}
    for head in heads:
        published.setdefault(head.seq, []).append(head)
    number, count, lines = 0, 0, iter(lines)
    for number, line in enumerate(lines, 1):
        row = _parsed(line)
        if row is not None and row.get("proof") == "export":
            rest = next(lines, None)
            if rest is not None:
                return Examined(number + 1, problem=say("audit.export_after"))
            return _proven(number, row, keys, count, digest.hexdigest(), agreed)
        problem = _problem(row, before, keys)
        if problem is not None or row is None:
            return Examined(number, problem=problem)
        told = published.get(row["seq"], [])
        difference = differing(told, {row["seq"]: row["hash"]}, last=row["seq"])
        if difference is not None:
            return Examined(number, problem=difference.sentence, differs=True)
        digest.update(line)
        before, count, agreed = row, count + 1, agreed + len(told)
    return Examined(number + 1, problem=say("audit.export_end"))


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _problem(
    row: Mapping[str, Any] | None, before: Mapping[str, Any] | None, keys: Mapping[str, str]
) -> Sentence | None:
    if row is None or not _whole(row):
        return say("audit.export_line")
    problem = text_problem(row, keys)
    if problem is not None:
        return problem
    sealed = json.loads(row["canonical"])
    for name in ("seq", "prev_hash", "key_id"):
        if sealed.get(name) != row[name]:
            return say("audit.export_column", seq=row["seq"], column=name)
    if before is None:
        return None
    if row["seq"] <= before["seq"]:
        return say("audit.export_order", seq=row["seq"], before=before["seq"])
    if row["seq"] == before["seq"] + 1 and row["prev_hash"] != before["hash"]:
        return say("audit.export_link", seq=row["seq"], before=before["seq"])
    return None


def _whole(row: Mapping[str, Any]) -> bool:
    texts = ("prev_hash", "hash", "key_id", "canonical")
    return type(row.get("seq")) is int and all(isinstance(row.get(name), str) for name in texts)


def _proven(
    number: int, row: Mapping[str, Any], keys: Mapping[str, str], count: int, digest: str, agreed: int
) -> Examined:
    """Compare the last line with what was read before it."""
    unsealed = {
        "seq": number,
        "key_id": row.get("key_id"),
        "canonical": row.get("canonical"),
        "hash": row.get("hash"),
    }
    if not isinstance(unsealed["key_id"], str) or text_problem(unsealed, keys) is not None:
        return Examined(number, problem=say("audit.export_proof"))
    facts = json.loads(row["canonical"]).get("export")
    if not isinstance(facts, dict):
        return Examined(number, problem=say("audit.export_proof"))
    if (facts["entries"], facts["sha256"]) != (count, digest):
        return Examined(number, problem=say("audit.export_sum"))
    filters = filters_in_words(facts["filters"])
    said = say(
        "audit.export_good", entries=count, at=facts["at"], by=facts["by"], filters=filters, heads=agreed
    )
    return Examined(number, sentence=said)
