"""Structural schemas in OpenAPI form: short words to write them, and what a server does with them."""

from __future__ import annotations

import json
import re
from typing import Any

from kbconsole.demo.gotext import type_error
from kbconsole.demo.status import Cause, bad, required

Schema = dict[str, Any]
ANY: Schema = {"x-kubernetes-preserve-unknown-fields": True}
STRING: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
BOOLEAN: Schema = {"type": "boolean"}
INT_OR_STRING: Schema = {"x-kubernetes-int-or-string": True}
RULES = "x-kubernetes-validations"
"""Rules of a custom kind beyond its types: `{rule, message}`; what `rule` may be, `broken_rules` tells."""
_SCALED = r"(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
QUANTITY: Schema = INT_OR_STRING | {"pattern": rf"^{_SCALED}(([KMGTPE]i)|[numkMGTPE]|([eE]{_SCALED}))?$"}
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
        return isinstance(value, int | str) and not isinstance(value, bool)
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


def prune(value: Any, schema: Schema, *, typed: bool, applied: bool) -> Any:
    """Return the value without undeclared fields, as a server keeps it.

    `typed`: a built-in kind, which keeps neither nulls nor empty maps and lists; a custom one loses nulls that
    it may not have: all of them where it was not `applied`, else those for which there is a default.
    """
    if isinstance(value, dict):
        kept = {}
        for key, item in value.items():
            below = child(schema, key)
            if below is None or (item is None and (typed or _never_null(below, applied=applied))):
                continue
            item = prune(item, below, typed=typed, applied=applied)
            if not (typed and item in ({}, []) and _is_collection(below)):
                kept[key] = item
        return kept
    if isinstance(value, list):
        return [prune(item, schema.get("items", ANY), typed=typed, applied=applied) for item in value]
    return value


def _never_null(schema: Schema, *, applied: bool) -> bool:
    return not schema.get("nullable") and bool(schema.get("type")) and ("default" in schema or not applied)


def _is_collection(schema: Schema) -> bool:
    return schema.get("type") == "array" or "additionalProperties" in schema


def undecodable(value: Any, schema: Schema, kind: str, path: tuple[str, ...] = ()) -> str:
    """Return why a body is no object of a built-in kind, "" for nothing."""
    if value is None:
        return ""
    if not fits(value, schema) and schema.get("type") and path:
        return type_error(kind, path, schema, value)
    if isinstance(value, dict):
        properties = schema.get("properties") or {}
        for key, item in value.items():
            here = (*path, key) if key in properties else path
            if why := undecodable(item, child(schema, key) or ANY, kind, here):
                return why
    for item in value if isinstance(value, list) else ():
        if why := undecodable(item, schema.get("items", ANY), kind, path):
            return why
    return ""


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
    causes = []
    if isinstance(value, str) and (why := _text_problem(value, schema)):
        reason, text = why
        shown = (
            ""
            if reason == "FieldValueTooLong"
            else f"Invalid value: {json.dumps(value, ensure_ascii=False)}: "
        )
        causes.append(Cause(path, reason, shown + text.format(path=path)))
    if isinstance(value, int | float) and not isinstance(value, bool):
        causes += _number_problems(value, schema, path)
    return causes


def _enum_problems(value: Any, schema: Schema, path: str) -> list[Cause]:
    if "enum" not in schema or value in schema["enum"]:
        return []
    listed = ", ".join(json.dumps(word) for word in schema["enum"])
    text = f"Unsupported value: {json.dumps(value, ensure_ascii=False)}: supported values: {listed}"
    return [Cause(path, "FieldValueNotSupported", text)]


def _text_problem(value: str, schema: Schema) -> tuple[str, str] | None:
    if len(value) > schema.get("maxLength", len(value)):
        return "FieldValueTooLong", f"Too long: may not be more than {schema['maxLength']} bytes"
    if len(value) < schema.get("minLength", 0):
        return "FieldValueInvalid", f"{{path}} in body should be at least {schema['minLength']} chars long"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        pattern = schema["pattern"].replace("{", "{{").replace("}", "}}")
        return "FieldValueInvalid", f"{{path}} in body should match '{pattern}'"
    return None


def _number_problems(value: float, schema: Schema, path: str) -> list[Cause]:
    causes = []
    if schema.get("format") == "int32" and not -(2**31) <= value < 2**31:
        causes.append(_unformatted(schema, path))
    if value > schema.get("maximum", value):
        why = f"{path} in body should be less than or equal to {schema['maximum']}"
        causes.append(bad(path, str(value), why))
    if value < schema.get("minimum", value):
        why = f"{path} in body should be greater than or equal to {schema['minimum']}"
        causes.append(bad(path, str(value), why))
    return causes


def _unformatted(schema: Schema, path: str) -> Cause:
    why = f"Checked value must be of type {schema['type']} with format {schema['format']} in {path}"
    return bad("<nil>", '""', why)


def _object_problems(value: dict[str, Any], schema: Schema, path: str) -> list[Cause]:
    def under(key: str) -> str:
        return f"{path}.{key}" if path else key

    causes = [required(under(key)) for key in sorted(schema.get("required", [])) if key not in value]
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


def doubles(value: Any, schema: Schema, path: str = "") -> list[Cause]:
    """Return what keyed lists and sets of a custom object have twice."""
    causes: list[Cause] = []
    if isinstance(value, dict):
        for key, item in value.items():
            causes += doubles(item, child(schema, key) or ANY, f"{path}.{key}" if path else key)
    if not isinstance(value, list):
        return causes
    keys = schema.get("x-kubernetes-list-map-keys", ())
    seen: list[Any] = []
    for i, item in enumerate(value):
        if keys and not isinstance(item, dict):
            text = json.dumps(item, ensure_ascii=False)
            causes.append(bad(f"{path}[{i}]", text, "must be an object for an array of list-type map"))
            continue
        shown: Any = {key: item.get(key) for key in keys if key in item} if keys else item
        if schema.get("x-kubernetes-list-type") in ("map", "set") and shown in seen:
            text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
            causes.append(Cause(f"{path}[{i}]", "FieldValueDuplicate", f"Duplicate value: {text}"))
        seen.append(shown)
        causes += doubles(item, schema.get("items", ANY), f"{path}[{i}]")
    return causes


def has_rules(schema: Schema) -> bool:
    below = [
        *(schema.get("properties") or {}).values(),
        schema.get("items"),
        schema.get("additionalProperties"),
    ]
    return RULES in schema or any(isinstance(one, dict) and has_rules(one) for one in below)


def broken_rules(value: Any, old: Any, schema: Schema, path: str = "") -> list[Cause]:
    """Return the rules that the value breaks; `old` is the value before, None for none."""
    causes = [
        bad(path, f'"{_type_name(value)}"', rule["message"])
        for rule in schema.get(RULES, ())
        if not _obeys(rule["rule"], value, old)
    ]
    for key, item in value.items() if isinstance(value, dict) else ():
        before = old.get(key) if isinstance(old, dict) else None
        causes += broken_rules(item, before, child(schema, key) or ANY, f"{path}.{key}" if path else key)
    return causes


def _obeys(rule: str, value: Any, old: Any) -> bool:
    word, _, field = rule.rpartition(" ")
    if rule == "immutable":
        return old is None or bool(value == old)
    found = [item[field] for item in value if field in item]
    if word == "distinct":
        return len(found) == len(set(found))
    return len(found) in (0, len(value))  # all or none


def _type_name(value: Any) -> str:
    kinds = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return kinds.get(type(value), "null")


def problems(value: Any, schema: Schema, path: str = "") -> list[Cause]:
    """Return everything that a 422 would list."""
    if value is None and schema.get("nullable"):
        return []
    if not fits(value, schema):
        return _misfit(value, schema, path) + _enum_problems(value, schema, path)
    if isinstance(value, dict):
        return _object_problems(value, schema, path)
    if isinstance(value, list):
        return _list_problems(value, schema, path)
    return _scalar_problems(value, schema, path) + _enum_problems(value, schema, path)


def _misfit(value: Any, schema: Schema, path: str) -> list[Cause]:
    """Return what is said about a value of another type; numbers with a format have words of their own."""
    wanted, is_type = schema.get("type", "integer,string"), _type_name(value)
    causes = []
    if "format" in schema and wanted == "integer" and isinstance(value, bool | float):
        wanted, is_type = schema["format"], "" if isinstance(value, bool) else "float64"
        causes = [] if isinstance(value, bool) else [_unformatted(schema, path)]
    why = f'{path} in body must be of type {wanted}: "{is_type}"'
    return [Cause(path, "FieldValueTypeInvalid", f'Invalid value: "{is_type}": {why}'), *causes]
