"""How a server's programme prints values and complains about JSON: its texts are part of its answers."""

from __future__ import annotations

import json
import re
from typing import Any

_LITERALS = {"t": "true", "f": "false", "n": "null"}
_KINDS = {dict: "object", list: "array", str: "string", bool: "bool", int: "number", float: "number"}


def go_value(value: Any) -> str:
    """Return a wrong container as `%v` prints it."""
    return "&{" + _plain(value) + "}"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_plain(item)}" for key, item in sorted(value.items())) + "]"
    if isinstance(value, list):
        return "[" + " ".join(_plain(item) for item in value) + "]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)


def go_syntax(value: Any) -> str:
    """Return a wrong scalar as `%#v` prints it."""
    return "&value.valueUnstructured{Value:" + _syntax(value) + "}"


def go_type(value: Any) -> str:
    """Return the type of a wrong value as `%T` prints it."""
    types = {
        dict: "map[string]interface {}",
        list: "[]interface {}",
        str: "string",
        bool: "bool",
        int: "int64",
    }
    return types.get(type(value), "float64")


def _syntax(value: Any) -> str:
    if isinstance(value, dict):
        parts = ", ".join(f"{json.dumps(key)}:{_syntax(item)}" for key, item in sorted(value.items()))
        return "map[string]interface {}{" + parts + "}"
    if isinstance(value, list):
        return "[]interface {}{" + ", ".join(_syntax(item) for item in value) + "}"
    return json.dumps(value, ensure_ascii=False)


def json_error(raw: bytes) -> str:
    """Return what is wrong with bytes that are no JSON, "" for nothing."""
    text = raw.decode("latin-1")
    try:
        json.loads(raw)
    except (ValueError, UnicodeDecodeError) as error:
        at = error.pos if isinstance(error, json.JSONDecodeError) else 0
        rest = text[at:].lstrip()
        if not rest or (rest[0] == '"' and "Unterminated" in str(error)):
            return "unexpected end of JSON input"
        if isinstance(error, json.JSONDecodeError) and "property name" in str(error):
            return f"invalid character {_quoted(rest[0])} looking for beginning of object key string"
        if isinstance(error, json.JSONDecodeError) and "delimiter" in str(error):
            return f"invalid character {_quoted(rest[0])} after " + (
                "object key:value pair" if "{" in text else "array element"
            )
        return _literal_error(rest)
    return ""


def _literal_error(rest: str) -> str:
    word = _LITERALS.get(rest[0])
    if word is None:
        return f"invalid character {_quoted(rest[0])} looking for beginning of value"
    same = 1
    while same < min(len(rest), len(word)) and rest[same] == word[same]:
        same += 1
    if same >= len(rest):
        return "unexpected end of JSON input"
    return f"invalid character {_quoted(rest[same])} in literal {word} (expecting {_quoted(word[same])})"


def _quoted(letter: str) -> str:
    if not letter.isprintable():
        return f"'\\x{ord(letter):02x}'" if letter < "\x80" else f"'\\u{ord(letter):04x}'"
    return "'\\''" if letter == "'" else f"'{letter}'"


def json_kind(value: Any) -> str:
    """Return the JSON type as decoding errors name it."""
    return _KINDS.get(type(value), "null")


def summary(raw: bytes) -> str:
    """Return the beginning of a body that nobody understood."""
    if not raw:
        return "<empty>"
    shown = raw[:30].decode(errors="replace") if raw[:1] == b"{" else raw[:30].hex()
    return shown + (" ..." if len(raw) > 30 else "")


def version_and_kind_error(raw: bytes) -> str:
    """Return why no apiVersion and kind could be read from a body, "" for nothing."""
    if why := json_error(raw):
        return f"couldn't get version/kind; json parse error: {why}"
    found = json.loads(raw)
    if found is None or isinstance(found, dict):
        return ""
    into = """struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }"""
    why = f"json: cannot unmarshal {json_kind(found)} into Go value of type {into}"
    return f"couldn't get version/kind; json parse error: {why}"


def loaded(raw: bytes) -> tuple[Any, list[str]]:
    """Return the JSON and the paths of keys that an object has twice (the last one counts)."""
    doubles: list[tuple[dict[str, Any], str]] = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in found:
            if key in made:
                doubles.append((made, key))
            made[key] = value
        return made

    body = json.loads(raw, object_pairs_hook=pairs)
    return body, [f"{_path_to(body, owner)}{key}" for owner, key in doubles] if doubles else []


def _path_to(value: Any, wanted: dict[str, Any], path: str = "") -> str:
    if value is wanted:
        return path
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in below:
        here = f"{path.removesuffix('.')}[{key}]." if isinstance(key, int) else f"{path}{key}."
        if found := _path_to(item, wanted, here):
            return found
    return ""


def yaml_error(error: Exception) -> str:
    """Return a YAML problem without where it is."""
    found = re.search(r"line (\d+)", str(error))
    texts = {"mapping values": "mapping values are not allowed in this context"}
    for known, text in texts.items():
        if known in str(error):
            return text
    return f"line {found[1] if found else 1}: did not find expected node content"


def type_error(kind: str, path: tuple[str, ...], schema: dict[str, Any], value: Any) -> str:
    """Return the complaint about a value that does not go into the field of a built-in kind."""
    owner = kind
    if len(path) > 1:
        structs = {"metadata": "ObjectMeta", "ports": f"{kind}Port"}
        owner = structs.get(path[-2], kind + path[-2].capitalize())
    into = f"Go struct field {owner}.{'.'.join(path)} of type {_go_type(schema)}"
    return f"json: cannot unmarshal {json_kind(value)} into {into}"


def _go_type(schema: dict[str, Any]) -> str:
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        return f"map[string]{_go_type(extra)}"
    if schema.get("type") == "array":
        return f"[]{_go_type(schema.get('items', {}))}"
    return {"boolean": "bool", "integer": "int32"}.get(schema.get("type", ""), "string")
