"""From what the checks of a preflight saw to the columns of a plane."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from kbconsole.common.sentences import Json
from kbconsole.fleet.crds import note_crds
from kbconsole.fleet.models import Credential, Plane, Purpose

FIELDS = (
    "version",
    "release_line",
    "operator_version",
    "operator_contexts",
    "operator_contexts_disabled",
    "definitions",
    "storage_class",
    "region",
    "zones",
    "nodes",
)


def gathered(rows: Iterable[tuple[str, Json]]) -> dict[str, dict[str, Any]]:
    """Return the facts of each lane together; of (lane, facts of one check)."""
    lanes: dict[str, dict[str, Any]] = {}
    for lane, facts in rows:
        if isinstance(facts, Mapping):
            lanes.setdefault(lane, {}).update(facts)
    return lanes


def keep_facts(plane: Plane, facts: Mapping[str, Any]) -> None:
    """Write what was seen to the plane's row; what no check saw stays as it was."""
    if "serves_crds" in facts:
        note_crds(plane.name, facts["serves_crds"])
    seen = {name: facts[name] for name in FIELDS if name in facts}
    if not seen:
        return
    for name, value in seen.items():
        most = getattr(Plane._meta.get_field(name), "max_length", None)
        setattr(plane, name, value[:most] if isinstance(value, str) else value)
    plane.facts_at = timezone.now()
    plane.save(update_fields=[*seen, "facts_at"])
    ends = parse_datetime(facts["expires_at"]) if facts.get("expires_at") else None
    credentials = Credential.objects.filter(plane=plane, purpose=Purpose.CONSOLE)
    credentials.update(
        expires_at=ends, **({"subject": facts["subject"][:300]} if facts.get("subject") else {})
    )
