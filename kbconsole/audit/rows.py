"""Entries as the pages show them: a row has everything it needs, so that no template asks again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.urls import reverse
from django.utils.translation import gettext as _

from kbconsole.audit.models import Entry, EntryQuerySet, Outcome
from kbconsole.audit.object_links import url_for

PAGE_SIZE = 50
MOST = 2**63 - 1

# State and kind as the badge tag knows them; the word is the outcome's own.
LOOKS: dict[str, tuple[str, str]] = {
    Outcome.SUCCESS: ("pass", "check"),
    Outcome.FAILURE: ("fail", "check"),
    Outcome.DENIED: ("cancelled", "run"),
    Outcome.INTENT: ("wait", "check"),
    Outcome.PARTIAL: ("warn", "check"),
}


@dataclass(frozen=True)
class Row:
    """One entry, ready to be shown; a link is an empty text where there is no page."""

    seq: int
    url: str
    at: datetime
    person: str
    words: str
    act: str
    state: str
    state_kind: str
    outcome: str
    object_label: str
    object_url: str
    plane: str
    plane_url: str
    run: str
    run_url: str
    reason: str
    requester: str
    """Who asked for what this person decided; an empty text elsewhere."""


class Page(NamedTuple):
    """Rows, newest first, and the number to ask for with `before` (0 when nothing is older)."""

    rows: Sequence[Row]
    older: int


def row_of(entry: Entry) -> Row:
    """Return what a page shows of an entry, in the reader's language."""
    state, kind = LOOKS.get(entry.outcome, ("unknown", ""))
    return Row(
        seq=entry.seq,
        url=reverse("audit:entry-detail", args=[entry.seq]),
        at=entry.at,
        person=entry.person,
        words=str(entry.sentence),
        act=entry.act,
        state=state,
        state_kind=kind,
        outcome=entry.get_outcome_display(),
        object_label=entry.object_label or entry.object_id,
        object_url=url_for(entry.object_kind, entry.object_id),
        plane=entry.plane,
        plane_url=url_for("plane", entry.plane),
        run=entry.run_id,
        run_url=url_for("run", entry.run_id),
        reason=entry.reason,
        requester=_requester(entry),
    )


def _requester(entry: Entry) -> str:
    asked_by = entry.params.get("requester") if isinstance(entry.params, dict) else None
    return str(asked_by) if asked_by else ""


def page_of(entries: EntryQuerySet, before: str) -> Page:
    """Return one page of entries older than `before`, a number as it came in the URL; one query."""
    if before.isdecimal() and len(before) < len(str(MOST)):
        entries = entries.filter(seq__lt=int(before))
    found = list(entries.order_by("-seq").defer("canonical", "detail")[: PAGE_SIZE + 1])
    older = found[PAGE_SIZE - 1].seq if len(found) > PAGE_SIZE else 0
    return Page([row_of(entry) for entry in found[:PAGE_SIZE]], older)


def facts_of(entry: Entry, row: Row) -> list[dict[str, object]]:
    """Return the lines below the sentence of one entry; those without a value are left out."""
    facts: list[dict[str, object]] = [
        {"label": _("Who"), "value": row.person},
        {"label": _("Asked for by"), "value": row.requester},
        {"label": _("Known by"), "value": entry.get_actor_kind_display()},
        {"label": _("From address"), "value": entry.source_ip, "mono": True},
        {"label": _("On"), "value": row.object_label, "url": row.object_url},
        {"label": _("Plane"), "value": row.plane, "url": row.plane_url},
        {"label": _("Run"), "value": row.run, "url": row.run_url},
        {"label": _("Reason"), "value": entry.reason},
        {"label": _("Plan hash"), "value": entry.plan_hash, "copyable": True},
        {"label": _("Request"), "value": entry.request_id, "copyable": True},
        {"label": _("Act"), "value": entry.act, "mono": True},
    ]
    return [fact for fact in facts if fact["value"]]


def seal_of(entry: Entry) -> list[dict[str, object]]:
    """Return the lines that let somebody check the entry's seal with the key at hand."""
    return [
        {"label": _("Seal"), "value": entry.hash, "copyable": True},
        {"label": _("Seal of the entry before"), "value": entry.prev_hash, "copyable": True},
        {"label": _("Key"), "value": entry.key_id, "mono": True},
    ]
