"""How an entry is sealed: the text of it, and a keyed hash over that text.

The stored text is hashed, never a value read back from a JSON column: a database may reorder keys and rewrite
numbers. The key lives outside the database, so that its owner cannot make a new chain that verifies.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.conf import settings

SCHEMA_VERSION = 1

# Order is of no importance (the text has sorted keys); a column that is missing here is not protected.
SEALED = (
    "seq", "at", "act", "outcome", "actor", "actor_label", "actor_kind", "source_ip", "request_id",
    "object_kind", "object_id", "object_label", "plane", "run_id", "plan_hash", "reason", "params", "detail",
    "key_id", "prev_hash", "schema_version",
)  # fmt: skip


def sealed_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sealed columns as JSON values; times as UTC with microseconds."""
    fields = {name: row[name] for name in SEALED}
    at: datetime = fields["at"]
    fields["at"] = at.astimezone(UTC).isoformat(timespec="microseconds")
    return fields


def canonical_text(row: Mapping[str, Any]) -> str:
    """Return the text that is stored and hashed: JSON, sorted keys, no spaces."""
    return json.dumps(sealed_fields(row), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@lru_cache(maxsize=32)
def key_id(key: str) -> str:
    """Return a name for a key that tells nothing about it."""
    return hashlib.sha256(b"kbconsole audit key\0" + key.encode()).hexdigest()[:16]


def current_key() -> tuple[str, str]:
    """Return id and key that new entries are sealed with: the first of KBCONSOLE_AUDIT_KEYS."""
    key = settings.KBCONSOLE_AUDIT_KEYS[0]
    return key_id(key), key


def known_keys() -> dict[str, str]:
    """Return all keys by id; old ones stay in the setting, so that old entries verify."""
    return {key_id(key): key for key in settings.KBCONSOLE_AUDIT_KEYS}


def seal(text: str, key: str) -> str:
    """Return the HMAC-SHA256 of the canonical text, in hex."""
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
