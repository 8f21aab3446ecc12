"""Server-side apply: merge by schema, conflicts with other owners, removal of what is no longer sent."""

from __future__ import annotations

import copy
from typing import Any

from kbconsole.demo import ownership
from kbconsole.demo.fields import (
    MISSING,
    Fields,
    Path,
    is_atomic_map,
    key_token,
    list_kind,
    same_at,
    schema_below,
    sent_fields,
    shown,
    step,
    value_at,
)
from kbconsole.demo.ownership import Share, Shares, Writer
from kbconsole.demo.schema import ANY, Schema, child, fits
from kbconsole.demo.status import ApiError

Object = dict[str, Any]
_GO = {"object": "map", "array": "list", "string": "string", "boolean": "boolean"}


def typed_problem(value: Any, schema: Schema, path: str = "") -> str | None:
    """Return why the value is no instance of the schema, in the words of a server, or None."""
    if value is not None and not fits(value, schema):
        wanted = _GO.get(schema.get("type", ""), "numeric (int or float)")
        return f"{path or '.'}: expected {wanted}, got &{{{value}}}"
    if isinstance(value, dict):
        for key, item in value.items():
            below = child(schema, key)
            if below is None:
                return f"{path}.{key}: field not declared in schema"
            if found := typed_problem(item, below, f"{path}.{key}"):
                return found
    if isinstance(value, list):
        return _list_problem(value, schema, path)
    return None


def _list_problem(value: list[Any], schema: Schema, path: str) -> str | None:
    items, seen = schema.get("items", ANY), set()
    for i, item in enumerate(value):
        here = f"{path}[{i}]"
        if list_kind(schema) == "map" and isinstance(item, dict):
            token = key_token(item, schema)
            here = path + shown((token,))
            if token in seen:
                return f"{path}: duplicate entries for key {shown((token,))}"
            seen.add(token)
        if found := typed_problem(item, items, here):
            return found
    return None


def merge(live: Any, sent: Any, schema: Schema) -> Any:
    """Return live with what was sent laid over it."""
    if isinstance(live, dict) and isinstance(sent, dict) and not is_atomic_map(schema):
        merged = dict(live)
        for key, item in sent.items():
            merged[key] = merge(live.get(key), item, child(schema, key) or ANY)
        return merged
    if isinstance(live, list) and isinstance(sent, list) and list_kind(schema) == "map":
        items, by_key = schema.get("items", ANY), {key_token(item, schema): item for item in live}
        for item in sent:
            token = key_token(item, schema)
            by_key[token] = merge(by_key.get(token), item, items)
        return list(by_key.values())
    if isinstance(live, list) and isinstance(sent, list) and list_kind(schema) == "set":
        return live + [item for item in sent if item not in live]
    return copy.deepcopy(sent)


def remove(body: Object, path: Path, schema: Schema) -> None:
    """Take the path out of the object, with containers that it leaves empty."""
    chain: list[tuple[Any, str]] = []
    value: Any = body
    for token in path:
        below = step(value, token, schema)
        if below is MISSING:
            return
        chain.append((value, token))
        value, schema = below, schema_below(schema, token)
    first = True
    for parent, token in reversed(chain):
        if not first and value != {} and value != []:
            return
        if isinstance(parent, dict):
            parent.pop(token[2:], None)
        elif value in parent:
            parent.remove(value)
        value, first = parent, False


def conflicts(
    sent: Fields, live: Object, patch: Object, schema: Schema, others: Shares
) -> list[tuple[Writer, Path]]:
    """Return which sent fields another writer holds at another value."""
    return [
        (writer, path)
        for writer, share in others.items()
        for path in sorted(share.fields & sent)
        if not same_at(live, patch, path, schema)
    ]


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


def _removals(gone: Fields, others: Shares, merged: Object, schema: Schema) -> list[Path]:
    """Return what nobody owns any more; an item of a keyed list only when all of it is free, and then first."""
    kept: Fields = frozenset().union(*(share.fields for share in others.values())) if others else frozenset()
    free = []
    for path in gone - kept:
        held = any(other[: len(path)] == path for other in kept)
        if not held and value_at(merged, path, schema) is not MISSING:
            free.append(path)
    return sorted(free, key=len)


def apply(
    live: Object, patch: Object, schema: Schema, writer: Writer, api_version: str, *, force: bool
) -> tuple[Object, Shares]:
    """Return the merged object and the new shares. Raises ApiError 409 on conflicts without force."""
    shares = ownership.read(live)
    mine = shares.pop(writer, None)
    sent = sent_fields(patch, schema)
    found = conflicts(sent, live, patch, schema, shares)
    if found and not force:
        raise conflict_error(found, shares)
    lost: dict[Writer, Fields] = {}
    for other, path in found:
        lost[other] = lost.get(other, frozenset()) | {path}
    shares = {other: share.without(lost.get(other, frozenset())) for other, share in shares.items()}
    merged: Object = merge(live, patch, schema)
    for path in _removals((mine.fields if mine else frozenset()) - sent, shares, merged, schema):
        remove(merged, path, schema)
    unchanged = mine is not None and mine.fields == sent and mine.api_version == api_version
    shares[writer] = Share(sent, api_version, mine.time if unchanged and mine else ownership.now())
    return merged, shares
