"""Server-side apply: merge by schema, conflicts with other owners, removal of what is no longer sent."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

from kbconsole.demo import ownership
from kbconsole.demo.fields import (
    NEVER_OWNED,
    Path,
    changes,
    compact,
    is_atomic_map,
    key_token,
    list_kind,
    named,
    order,
    owned,
    shown,
)
from kbconsole.demo.gotext import go_syntax, go_type, go_value
from kbconsole.demo.ownership import Share, Shares, Writer
from kbconsole.demo.schema import ANY, Schema, child, fits
from kbconsole.demo.status import ApiError

Object = dict[str, Any]
_GO = {"object": "map", "array": "list", "string": "string", "boolean": "boolean"}


def typed_problems(value: Any, schema: Schema, path: str = "") -> list[str]:
    """Return why the value is no instance of the schema, in the words of a server."""
    if value is None:
        return []
    if not fits(value, schema):
        wanted = _GO.get(schema.get("type", ""), "numeric (int or float)")
        got = {"string": go_syntax, "numeric (int or float)": go_type}.get(wanted, go_value)(value)
        return [f"{path}: expected {wanted}, got {got}"]
    if isinstance(value, dict):
        found: list[str] = []
        for key, item in value.items():
            below = child(schema, key)
            if below is None:
                return [*found, f"{path}.{key}: field not declared in schema"]
            found += typed_problems(item, below, f"{path}.{key}")
        return found
    return _list_problems(value, schema, path) if isinstance(value, list) else []


def _list_problems(value: list[Any], schema: Schema, path: str) -> list[str]:
    items, seen, found = schema.get("items", ANY), set(), []
    kind = list_kind(schema)
    for i, item in enumerate(value):
        here = f"{path}[{i}]"
        if kind == "map" and isinstance(item, dict):
            token = key_token(item, schema)
            if token == "k:{}":
                keys = " ".join(f'"{key}"' for key in schema["x-kubernetes-list-map-keys"])
                return [
                    f"{path}: element {i}: associative list with keys has an element that omits all key fields "
                    f"[{keys}] (and doesn't have default values for any key fields)"
                ]
            here = path + shown((token,))
        elif kind == "set":
            token = "v:" + compact(item)
        else:
            token = f"i:{i}"
        if token in seen:
            return [f"{path}: duplicate entries for key {shown((token,))}"]
        seen.add(token)
        found += typed_problems(item, items, here)
    return found


def typed_error(found: list[str]) -> str:
    return found[0] if len(found) == 1 else "errors:" + "".join(f"\n  {one}" for one in found)


def merge(live: Any, sent: Any, schema: Schema) -> Any:
    """Return live with what was sent laid over it."""
    if isinstance(live, dict) and isinstance(sent, dict) and not is_atomic_map(schema):
        merged = dict(live)
        for key, item in sent.items():
            merged[key] = merge(live.get(key), item, child(schema, key) or ANY)
        return merged
    if isinstance(live, list) and isinstance(sent, list) and list_kind(schema) in ("map", "set"):
        return _merge_lists(live, sent, schema)
    if sent is None and isinstance(live, dict | list) and live and not _is_leaf(schema):
        return live
    return copy.deepcopy(sent)


def _is_leaf(schema: Schema) -> bool:
    if schema.get("type") == "array":
        return list_kind(schema) == "atomic"
    return is_atomic_map(schema)


def _merge_lists(live: list[Any], sent: list[Any], schema: Schema) -> list[Any]:
    """Return both lists as one: what was sent in its order, what was there before stays in front of its follower."""
    token_of = partial(_token, schema=schema)
    old = {token_of(item): item for item in live}
    new = {token_of(item): item for item in sent}
    left, right = [token_of(item) for item in live], list(new)
    shared = [token for token in right if token in old]
    done: set[str] = set()
    merged: list[Any] = []
    while left or right:
        if left and right and left[0] != right[0] and left[0] in new and shared and left[0] != shared[0]:
            left.pop(0)
            continue
        if left and (not right or left[0] != right[0]):
            token = left[0]
            if token not in new:
                merged.append(old[left.pop(0)])
                continue
            if token in done:
                left.pop(0)
        elif left:
            left.pop(0)
        if right:
            token = right.pop(0)
            done.add(token)
            below = schema.get("items", ANY)
            merged.append(merge(old[token], new[token], below) if token in old else copy.deepcopy(new[token]))
            if shared and shared[0] == token:
                shared.pop(0)
    return merged


def _token(item: Any, schema: Schema) -> str:
    return key_token(item, schema) if list_kind(schema) == "map" else "v:" + compact(item)


def without(value: Any, paths: set[Path], schema: Schema) -> Any:
    """Return the value without what is at the paths; a container that this empties is null."""
    first = {path[0]: {rest[1:] for rest in paths if rest[0] == path[0]} for path in paths}
    if isinstance(value, dict):
        kept = {}
        for key, item in value.items():
            below = first.get(f"f:{key}")
            if below is None or () not in below:
                kept[key] = without(item, below, child(schema, key) or ANY) if below else item
        return kept or None
    if isinstance(value, list) and list_kind(schema) in ("map", "set"):
        left = []
        for item in value:
            below = first.get(_token(item, schema))
            if below is None or () not in below:
                left.append(without(item, below, schema.get("items", ANY)) if below else item)
        return left or None
    return value


def conflict_error(found: list[tuple[Writer, Path]], others: Shares) -> ApiError:
    """Return the 409 that names every manager and field."""
    names = {writer: ownership.printed(writer, others[writer]) for writer, _ in found}
    if len(found) == 1:
        writer, path = found[0]
        text = f"Apply failed with 1 conflict: conflict with {names[writer]}: {shown(path)}"
    else:
        lines = []
        for writer in sorted(names, key=lambda writer: names[writer]):
            lines.append(f"conflicts with {names[writer]}:")
            lines += [f"- {shown(path)}" for other, path in found if other == writer]
        text = f"Apply failed with {len(found)} conflicts: " + "\n".join(lines)
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {names[writer]}", "field": shown(path)}
        for writer, path in found
    ]
    return ApiError(409, text, details={"causes": causes})


def apply(
    live: Object, patch: Object, schema: Schema, writer: Writer, api_version: str, *, force: bool
) -> tuple[Object, Shares]:
    """Return the merged object and the new shares. Raises ApiError 409 on conflicts without force."""
    shares = ownership.read(live)
    mine = shares.pop(writer, None)
    sent = frozenset(owned(patch, schema))
    merged: Object = merge(live, patch, schema)
    if mine is not None:
        held = named(sent.union(*(share.fields for share in shares.values())), schema)
        if gone := named(mine.fields, schema) - held:
            merged = without(merged, gone, schema)
    found = changes(live, merged, schema)
    clashes = [(other, path) for other, share in shares.items() for path in share.fields & found.written]
    clashes.sort(key=lambda clash: order(clash[1]))
    if clashes and not force:
        raise conflict_error(clashes, shares)
    taken = found.written | found.removed
    shares = {other: share.without(frozenset(taken)) for other, share in shares.items()}
    was = mine.time if mine else ""
    shares[writer] = Share(sent - NEVER_OWNED, api_version, ownership.now() if taken else was)
    return merged, shares
