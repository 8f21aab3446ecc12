"""Structural schemas in OpenAPI form: short words to write them, and what a server does with them."""

from __future__ import annotations

import json
import re
from typing import Any

from kbconsole.demo.status import Cause, required

Schema = dict[str, Any]
ANY: Schema = {"x-kubernetes-preserve-unknown-fields": True}
STRING: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
BOOLEAN: Schema = {"type": "boolean"}
INT_OR_STRING: Schema = {"x-kubernetes-int-or-string": True}
_NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)"
QUANTITY: Schema = INT_OR_STRING | {"pattern": rf"^{_NUMBER}([KMGTPE]i|[numkMGTPE]|[eE]{_NUMBER})?$"}
STRINGS: Schema = {"type": "object", "additionalProperties": STRING}
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


def obj(*needed: str, **properties: Schema) -> Schema:
    """Return an object with these fields; the positional names are required."""
    schema: Schema = {"type": "object", "properties": properties}
    return schema | ({"required": list(needed)} if needed else {})


def arr(items: Schema, *keys: str, **extra: Any) -> Schema:
    """Return a list: keyed when keys are given, else atomic."""
    schema: Schema = {"type": "array", "items": items} | extra
    if keys:
        schema |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}
    return schema


def set_of(items: Schema) -> Schema:
    return {"type": "array", "items": items, "x-kubernetes-list-type": "set"}


def words(*allowed: str, **extra: Any) -> Schema:
    return {"type": "string", "enum": list(allowed)} | extra


def text(**extra: Any) -> Schema:
    return STRING | extra


def whole(**extra: Any) -> Schema:
    return INTEGER | extra


def is_open(schema: Schema) -> bool:
    """Return whether the schema takes any field."""
    return bool(schema.get("x-kubernetes-preserve-unknown-fields"))


def child(schema: Schema, key: str) -> Schema | None:
    """Return the schema of a field; None when the field is not declared."""
    properties: dict[str, Schema] = schema.get("properties") or {}
    if key in properties:
        return properties[key]
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        return extra
    return ANY if extra is True or is_open(schema) or schema.get("x-kubernetes-embedded-resource") else None


def fits(value: Any, schema: Schema) -> bool:
    """Return whether the value has the declared JSON type."""
    if schema.get("x-kubernetes-int-or-string"):
        return isinstance(value, int | float | str) and not isinstance(value, bool)
    kind = schema.get("type")
    if kind is None:
        return True
    if isinstance(value, bool) and kind != "boolean":
        return False
    return isinstance(value, _TYPES[kind])


def unknown_fields(value: Any, schema: Schema, path: str = "") -> list[str]:
    """Return the paths of fields that are not declared, as `spec.a[1].b`."""
    if isinstance(value, dict):
        found: list[str] = []
        for key, item in value.items():
            below = child(schema, key)
            here = f"{path}.{key}" if path else key
            found += [here] if below is None else unknown_fields(item, below, here)
        return found
    if isinstance(value, list):
        items = schema.get("items", ANY)
        return [name for i, item in enumerate(value) for name in unknown_fields(item, items, f"{path}[{i}]")]
    return []


def prune(value: Any, schema: Schema) -> Any:
    """Return the value without undeclared fields and without nulls, as a server stores it."""
    if isinstance(value, dict):
        kept = {key: (item, child(schema, key)) for key, item in value.items() if item is not None}
        return {key: prune(item, below) for key, (item, below) in kept.items() if below is not None}
    if isinstance(value, list):
        return [prune(item, schema.get("items", ANY)) for item in value]
    return value


def fill_defaults(value: Any, schema: Schema) -> None:
    """Put declared defaults into the value, in place."""
    if isinstance(value, dict):
        for key, below in (schema.get("properties") or {}).items():
            if key not in value and "default" in below:
                value[key] = json.loads(json.dumps(below["default"]))
        for key, item in value.items():
            fill_defaults(item, child(schema, key) or ANY)
    elif isinstance(value, list):
        for item in value:
            fill_defaults(item, schema.get("items", ANY))


def _scalar_problems(value: Any, schema: Schema, path: str) -> list[Cause]:
    shown = json.dumps(value, ensure_ascii=False)
    if "enum" in schema and value not in schema["enum"]:
        listed = ", ".join(json.dumps(word) for word in schema["enum"])
        return [
            Cause(path, "FieldValueNotSupported", f"Unsupported value: {shown}: supported values: {listed}")
        ]
    if isinstance(value, str):
        if "maxLength" in schema and len(value) > schema["maxLength"]:
            limit = schema["maxLength"]
            return [Cause(path, "FieldValueTooLong", f"Too long: may not be more than {limit} bytes")]
        if "pattern" in schema and not re.search(schema["pattern"], value):
            why = f"{path} in body should match '{schema['pattern']}'"
            return [Cause(path, "FieldValueInvalid", f"Invalid value: {shown}: {why}")]
    if isinstance(value, int) and "minimum" in schema and value < schema["minimum"]:
        why = f"{path} in body should be greater than or equal to {schema['minimum']}"
        return [Cause(path, "FieldValueInvalid", f"Invalid value: {shown}: {why}")]
    if isinstance(value, int) and schema.get("format") == "int32" and value >= 2**31:
        why = f"{path} in body should be of type int32"
        return [Cause(path, "FieldValueInvalid", f"Invalid value: {shown}: {why}")]
    return []


def _object_problems(value: dict[str, Any], schema: Schema, path: str) -> list[Cause]:
    def under(key: str) -> str:
        return f"{path}.{key}" if path else key

    causes = [required(under(key)) for key in schema.get("required", []) if key not in value]
    for key, item in value.items():
        causes += problems(item, child(schema, key) or ANY, under(key))
    return causes


def _list_problems(value: list[Any], schema: Schema, path: str) -> list[Cause]:
    causes: list[Cause] = []
    if len(value) < schema.get("minItems", 0):
        why = f"{path} in body should have at least {schema['minItems']} items"
        causes.append(Cause(path, "FieldValueInvalid", f"Invalid value: {len(value)}: {why}"))
    if len(value) > schema.get("maxItems", len(value)):
        causes.append(
            Cause(
                path,
                "FieldValueTooMany",
                f"Too many: {len(value)}: must have at most {schema['maxItems']} items",
            )
        )
    for i, item in enumerate(value):
        causes += problems(item, schema.get("items", ANY), f"{path}[{i}]")
    return causes


def problems(value: Any, schema: Schema, path: str = "") -> list[Cause]:
    """Return everything that a 422 would list."""
    if not fits(value, schema):
        kinds = {
            dict: "object",
            list: "array",
            str: "string",
            bool: "boolean",
            int: "integer",
            float: "number",
        }
        is_type = kinds.get(type(value), "null")
        why = f'{path} in body must be of type {schema.get("type", "string")}: "{is_type}"'
        return [Cause(path, "FieldValueTypeInvalid", f'Invalid value: "{is_type}": {why}')]
    if isinstance(value, dict):
        return _object_problems(value, schema, path)
    if isinstance(value, list):
        return _list_problems(value, schema, path)
    return _scalar_problems(value, schema, path)
