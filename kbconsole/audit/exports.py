"""The log as a file: CSV for people, JSONL with proof for whoever has the key (docs/audit.md).

Both are generators over one query, so that an export of a million entries needs no more memory than one of ten.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import override

from kbconsole.audit import sealing
from kbconsole.audit.access import Right
from kbconsole.audit.models import Entry, EntryQuerySet

CHUNK = 1000
PROVEN = ("seq", "prev_hash", "hash", "key_id", "canonical")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
BOM = "\ufeff"


class _Echo:
    """A file whose `write` gives the text back, as csv.writer returns what `write` returns."""

    def write(self, text: str) -> str:
        return text


def csv_lines(entries: EntryQuerySet, language: str) -> Iterator[str]:
    """Yield the rows as CSV, oldest first; the mark in front tells spreadsheets that it is UTF-8."""
    writer = csv.writer(_Echo())
    yield BOM + _line(writer, language, _titles)
    for entry in entries.order_by("seq").defer("canonical").iterator(chunk_size=CHUNK):
        yield _line(writer, language, partial(_cells, entry))


def _line(writer: Any, language: str, cells: Callable[[], list[Any]]) -> str:
    """Write one row in the reader's language, and leave it before the row is given away: the thread answers others."""
    with override(language):
        return str(writer.writerow([guarded(cell) for cell in cells()]))


def access_lines(rights: Iterable[Right], language: str) -> Iterator[str]:
    """Yield the access report as CSV."""
    writer = csv.writer(_Echo())
    yield BOM + _line(writer, language, _right_titles)
    for right in rights:
        yield _line(writer, language, partial(_right, right))


def _right_titles() -> list[str]:
    return [
        _("Person"),
        _("May sign in"),
        _("Role"),
        _("May"),
        _("Since (UTC)"),
        _("Given by"),
        _("Last sign-in (UTC)"),
    ]


def _right(right: Right) -> list[str]:
    may = _("yes") if right.active else _("no, deactivated")
    return [
        right.person,
        may,
        right.role,
        right.allows,
        _utc(right.since),
        right.by,
        _utc(right.last_sign_in),
    ]


def _utc(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else ""


def guarded(cell: Any) -> str:
    """Return the cell so that no spreadsheet takes it for a formula."""
    text = str(cell)
    return f"'{text}" if text.startswith(FORMULA) else text


def _titles() -> list[str]:
    return [
        _("Number"), _("Time (UTC)"), _("Who"), _("Known by"), _("What happened"), _("Outcome"), _("Act"),
        _("Kind of object"), _("Object's id"), _("On"), _("Plane"), _("Run"), _("Plan hash"), _("Reason"),
        _("From address"), _("Request"), _("Detail"), _("Seal"),
    ]  # fmt: skip


def _cells(entry: Entry) -> list[Any]:
    return [
        entry.seq, f"{entry.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}", entry.person,
        entry.get_actor_kind_display(), entry.sentence, entry.get_outcome_display(), entry.act,
        entry.object_kind, entry.object_id, entry.object_label, entry.plane, entry.run_id, entry.plan_hash,
        entry.reason, entry.source_ip, entry.request_id, entry.detail, entry.hash,
    ]  # fmt: skip


def json_lines(entries: EntryQuerySet, about: dict[str, Any]) -> Iterator[str]:
    """Yield one line per entry, oldest first, and a sealed last line that counts and digests all before it."""
    digest, count = hashlib.sha256(), 0
    for row in entries.order_by("seq").values(*PROVEN).iterator(chunk_size=CHUNK):
        line = json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"
        digest.update(line.encode())
        count += 1
        yield line
    yield _proof({**about, "entries": count, "sha256": digest.hexdigest()})


def _proof(facts: dict[str, Any]) -> str:
    """The text begins with "export", so that no sealed entry can be passed off as a proof, nor a proof as an entry."""
    key_id, key = sealing.current_key()
    text = json.dumps({"export": facts}, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    proof = {"canonical": text, "hash": sealing.seal(text, key), "key_id": key_id, "proof": "export"}
    return json.dumps(proof, ensure_ascii=False, separators=(",", ":")) + "\n"
