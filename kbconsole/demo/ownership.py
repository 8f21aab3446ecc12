"""Who owns which field: `metadata.managedFields` read, changed and written back."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass, replace
from typing import Any

from kbconsole.demo.fields import NEVER_OWNED, Fields, from_tree, owned, same_at, to_tree
from kbconsole.demo.schema import Schema

Object = dict[str, Any]


def now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Writer:
    """A manager, how it writes (Apply or Update) and through which subresource."""

    manager: str
    operation: str
    subresource: str = ""


@dataclass(frozen=True)
class Share:
    """What one writer owns."""

    fields: Fields
    api_version: str
    time: str

    def without(self, fields: Fields) -> Share:
        return replace(self, fields=self.fields - fields)


Shares = dict[Writer, Share]


def read(body: Object | None) -> Shares:
    shares: Shares = {}
    for entry in (body or {}).get("metadata", {}).get("managedFields", []):
        writer = Writer(entry["manager"], entry["operation"], entry.get("subresource", ""))
        fields = frozenset(from_tree(entry.get("fieldsV1", {})))
        shares[writer] = Share(fields, entry["apiVersion"], entry.get("time", ""))
    return shares


def write(body: Object, shares: Shares) -> None:
    """Put the shares into the object; writers that own nothing any more are dropped."""
    entries = []
    for writer, share in shares.items():
        if not share.fields:
            continue
        entry: Object = {
            "manager": writer.manager,
            "operation": writer.operation,
            "apiVersion": share.api_version,
            "time": share.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": to_tree(share.fields),
        }
        if writer.subresource:
            entry["subresource"] = writer.subresource
        entries.append(entry)
    entries.sort(key=lambda entry: (entry["operation"] != "Apply", entry["time"], entry["manager"]))
    if entries:
        body["metadata"]["managedFields"] = entries
    else:
        body["metadata"].pop("managedFields", None)


def after_update(
    before: Object | None, after: Object, schema: Schema, writer: Writer, api_version: str
) -> Shares:
    """Return the shares after a write that was not an apply: what changed belongs to the writer alone."""
    old = frozenset(owned(before, schema)) - NEVER_OWNED if before else frozenset()
    new = frozenset(owned(after, schema)) - NEVER_OWNED
    changed = frozenset(
        path for path in new if before is None or path not in old or not same_at(before, after, path, schema)
    )
    touched = changed | (old - new)
    shares = {other: share.without(touched) for other, share in read(before).items()}
    if changed:
        mine = shares.get(writer)
        kept = mine.fields if mine else frozenset()
        shares[writer] = Share(kept | changed, api_version, now())
    return shares


def printed(writer: Writer, share: Share) -> str:
    """Return how a conflict names another writer."""
    text = json.dumps(writer.manager)
    if writer.subresource:
        text += f' with subresource "{writer.subresource}"'
    return f"{text} using {share.api_version}" if writer.operation == "Update" else text
