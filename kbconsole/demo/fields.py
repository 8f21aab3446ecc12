"""Sets of owned fields, in the tokens of FieldsV1: `f:name`, `k:{"name":"x"}`, `v:"x"`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from kbconsole.demo.schema import ANY, Schema, child

Path = tuple[str, ...]
Fields = frozenset[Path]
Object = dict[str, Any]
MISSING: Any = object()
_SERVER_SET = ("name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields")
NEVER_OWNED: Fields = frozenset(
    {("f:apiVersion",), ("f:kind",), ("f:metadata",), ("f:metadata", "f:resourceVersion")}
    | {("f:metadata", f"f:{name}") for name in _SERVER_SET}
    | {("f:metadata", "f:deletionTimestamp"), ("f:metadata", "f:deletionGracePeriodSeconds")}
)


def list_kind(schema: Schema) -> str:
    return str(schema.get("x-kubernetes-list-type", "atomic"))


def is_atomic_map(schema: Schema) -> bool:
    return schema.get("x-kubernetes-map-type") == "atomic"


def compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def key_token(item: Object, schema: Schema) -> str:
    """Return the `k:` token of an item of a keyed list; a default stands in for an absent key."""
    properties: dict[str, Schema] = schema.get("items", ANY).get("properties", {})
    keys = {}
    for key in schema["x-kubernetes-list-map-keys"]:
        value = item.get(key, properties.get(key, {}).get("default"))
        if value is not None:
            keys[key] = value
    return "k:" + compact(keys)


def owned(value: Any, schema: Schema, path: Path = ()) -> set[Path]:
    """Return the paths that somebody who sends this value sets; entries of a map are owned besides their parts."""
    if isinstance(value, dict) and value and not is_atomic_map(schema):
        found: set[Path] = set()
        for key, item in value.items():
            here = (*path, f"f:{key}")
            found |= owned(item, child(schema, key) or ANY, here)
            if key not in (schema.get("properties") or {}):
                found.add(here)
        return found
    if isinstance(value, list) and list_kind(schema) == "map":
        items = schema.get("items", ANY)
        found = set()
        for item in value:
            here = (*path, key_token(item, schema))
            found |= {here} | owned(item, items, here)
        return found
    if isinstance(value, list) and list_kind(schema) == "set":
        return {(*path, "v:" + compact(item)) for item in value}
    return {path}


def named(fields: Iterable[Path], schema: Schema) -> set[Path]:
    """Return the fields with the declared ones that they are below."""
    found: set[Path] = set()
    for path in fields:
        found.add(path)
        below = schema
        for depth, token in enumerate(path[:-1], 1):
            if token[:2] == "f:" and token[2:] in (below.get("properties") or {}):
                found.add(path[:depth])
            below = schema_below(below, token)
    return found


@dataclass
class Changes:
    """What differs between two values: containers that came or went are told besides what is in them."""

    written: set[Path] = field(default_factory=set)
    removed: set[Path] = field(default_factory=set)


def changes(old: Any, new: Any, schema: Schema, path: Path = (), into: Changes | None = None) -> Changes:
    """Return what differs; MISSING is the absence of a side."""
    into = Changes() if into is None else into
    parts = _parts(old, new, schema)
    if parts is None:
        if old is MISSING or (new is not MISSING and old != new):
            into.written.add(path)
        elif new is MISSING:
            into.removed.add(path)
        return into
    for token, before, after in parts:
        changes(before, after, schema_below(schema, token), (*path, token), into)
    if old is MISSING:
        into.written.add(path)
    elif new is MISSING:
        into.removed.add(path)
    return into


def _parts(old: Any, new: Any, schema: Schema) -> list[tuple[str, Any, Any]] | None:
    """Return the tokens of both sides with what is there; None for a leaf."""
    sides = [_by_token(side, schema) for side in (old, new)]
    if not any(sides) or None in sides:
        return None
    tokens = dict.fromkeys([*(sides[0] or {}), *(sides[1] or {})])
    return [
        (token, (sides[0] or {}).get(token, MISSING), (sides[1] or {}).get(token, MISSING))
        for token in tokens
    ]


def _by_token(value: Any, schema: Schema) -> dict[str, Any] | None:
    """Return the parts of a container, {} of what is absent or null; None for a leaf."""
    if value is MISSING or value is None:
        return {}
    if isinstance(value, dict) and not is_atomic_map(schema):
        return {f"f:{key}": item for key, item in value.items()}
    if isinstance(value, list) and list_kind(schema) == "map":
        return {key_token(item, schema): item for item in value if isinstance(item, dict)}
    if isinstance(value, list) and list_kind(schema) == "set":
        return {"v:" + compact(item): item for item in value}
    return None


def order(path: Path) -> tuple[tuple[int, str], ...]:
    """Return the sort key in which a server lists paths: at each level what ends there first."""
    return (*((1, token) for token in path[:-1]), (0, path[-1]))


def schema_below(schema: Schema, token: str) -> Schema:
    return (child(schema, token[2:]) or ANY) if token.startswith("f:") else schema.get("items", ANY)


def to_tree(fields: Iterable[Path]) -> Object:
    """Return FieldsV1."""
    tree: Object = {}
    for path in sorted(fields):
        node = tree
        for token in path:
            node = node.setdefault(token, {})
        node["."] = {}
    return _tidy(tree)


def _tidy(node: Object) -> Object:
    tidy = {token: _tidy(below) for token, below in node.items() if token != "."}
    return {".": {}} | tidy if "." in node and tidy else tidy


def from_tree(tree: Object, path: Path = ()) -> set[Path]:
    """Return the set that FieldsV1 stands for."""
    found: set[Path] = set()
    for token, below in tree.items():
        if token == ".":
            found.add(path)
        elif below:
            found |= from_tree(below, (*path, token))
        else:
            found.add((*path, token))
    return found


def shown(path: Path) -> str:
    """Return the path as conflicts print it: `.spec.ports[port=80,protocol="TCP"].name`."""
    parts = []
    for token in path:
        rest = token[2:]
        if token.startswith("f:"):
            parts.append(f".{rest}")
        elif token.startswith("k:"):
            parts.append("[" + ",".join(f"{k}={compact(v)}" for k, v in json.loads(rest).items()) + "]")
        else:
            parts.append(f"[={rest}]")
    return "".join(parts)
