"""Sets of owned fields, in the tokens of FieldsV1: `f:name`, `k:{"name":"x"}`, `v:"x"`."""

from __future__ import annotations

import json
from collections.abc import Iterable
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
    """Return the paths that somebody who sends this value sets."""
    if isinstance(value, dict) and value and not is_atomic_map(schema):
        return {
            leaf
            for key, item in value.items()
            for leaf in owned(item, child(schema, key) or ANY, (*path, f"f:{key}"))
        }
    if isinstance(value, list) and list_kind(schema) == "map":
        items = schema.get("items", ANY)
        found: set[Path] = set()
        for item in value:
            here = (*path, key_token(item, schema))
            found |= {here} | owned(item, items, here)
        return found
    if isinstance(value, list) and list_kind(schema) == "set":
        return {(*path, "v:" + compact(item)) for item in value}
    return {path}


def sent_fields(body: Object, schema: Schema) -> Fields:
    """Return what a writer of this object owns afterwards."""
    return frozenset(owned(body, schema)) - NEVER_OWNED


def step(value: Any, token: str, schema: Schema) -> Any:
    """Return what is below the token, or MISSING."""
    what, rest = token[:2], token[2:]
    if what == "f:":
        return value.get(rest, MISSING) if isinstance(value, dict) else MISSING
    if not isinstance(value, list):
        return MISSING
    if what == "k:":
        return next((item for item in value if key_token(item, schema) == token), MISSING)
    return next((item for item in value if "v:" + compact(item) == token), MISSING)


def schema_below(schema: Schema, token: str) -> Schema:
    return (child(schema, token[2:]) or ANY) if token.startswith("f:") else schema.get("items", ANY)


def value_at(value: Any, path: Path, schema: Schema) -> Any:
    """Return the value at the path, or MISSING."""
    for token in path:
        value = step(value, token, schema)
        if value is MISSING:
            return MISSING
        schema = schema_below(schema, token)
    return value


def same_at(one: Any, other: Any, path: Path, schema: Schema) -> bool:
    """Return whether both have the same at a path; two items of a keyed list are the same by their key."""
    left, right = value_at(one, path, schema), value_at(other, path, schema)
    if path[-1].startswith("k:"):
        return (left is MISSING) == (right is MISSING)
    return bool(left is right) if MISSING in (left, right) else bool(left == right)


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
