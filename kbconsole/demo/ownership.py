"""Who owns which field: `metadata.managedFields` read, changed and written back."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass, replace
from typing import Any

from kbconsole.demo.fields import NEVER_OWNED, Fields, changes, from_tree, to_tree
from kbconsole.demo.schema import Schema

Object = dict[str, Any]
_STRUCTS = {
    "metadata",
    "spec",
    "status",
    "template",
    "strategy",
    "loadBalancer",
    "resources",
    "roleRef",
    "names",
    "acceptedNames",
}


def now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Writer:
    """A manager, how it writes (Apply or Update) and through which subresource."""

    manager: str
    operation: str
    subresource: str = ""
    version: str = ""
    """The apiVersion that it wrote in; applies of all versions are one writer."""


@dataclass(frozen=True)
class Share:
    """What one writer owns."""

    fields: Fields
    api_version: str
    time: str

    def without(self, fields: Fields) -> Share:
        return replace(self, fields=self.fields - fields)


Shares = dict[Writer, Share]


def read(body: Object) -> Shares:
    shares: Shares = {}
    for entry in body.get("metadata", {}).get("managedFields", []):
        version = entry["apiVersion"] if entry["operation"] == "Update" else ""
        writer = Writer(entry["manager"], entry["operation"], entry.get("subresource", ""), version)
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
        if not share.time:
            del entry["time"]
        if writer.subresource:
            entry["subresource"] = writer.subresource
        entries.append(entry)
    entries.sort(key=lambda entry: (entry["operation"] != "Apply", entry.get("time", ""), entry["manager"]))
    if entries:
        body["metadata"]["managedFields"] = entries
    else:
        body["metadata"].pop("managedFields", None)


def after_update(before: Object, after: Object, schema: Schema, writer: Writer, api_version: str) -> Shares:
    """Return the shares after a write that was not an apply: what changed belongs to the writer alone."""
    before = {"metadata": {}} if before is None else before
    found = changes(before, after, schema)
    written, removed = frozenset(found.written) - NEVER_OWNED, frozenset(found.removed) - NEVER_OWNED
    shares = {other: share.without(written | removed) for other, share in read(before).items()}
    if written:
        mine = shares.get(writer)
        kept = mine.fields if mine else frozenset()
        shares[writer] = Share(kept | written, api_version, now())
    return shares


def zero(schema: Schema) -> Object:
    """Return what the programme of a server holds of a built-in kind before anything is in it."""
    properties: dict[str, Schema] = schema.get("properties") or {}
    found: Object = {
        name: zero(below) for name, below in properties.items() if name in _STRUCTS and "properties" in below
    }
    # The one list that a programme in Go always writes.
    return found | ({"containers": []} if "containers" in properties else {})


def printed(writer: Writer, share: Share) -> str:
    """Return how a conflict names another writer."""
    text = json.dumps(writer.manager)
    if writer.subresource:
        text += f' with subresource "{writer.subresource}"'
    return f"{text} using {share.api_version}" if writer.operation == "Update" else text
