"""Label and field selectors."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kbconsole.demo.status import ApiError

Object = dict[str, Any]
Labels = dict[str, str]
_SET = re.compile(r"^\s*([A-Za-z0-9_./-]+)\s+(in|notin)\s+\(([^()]*)\)\s*$")
_EQUAL = re.compile(r"^\s*([A-Za-z0-9_./-]+)\s*(==|=|!=)\s*([A-Za-z0-9_.-]*)\s*$")
_EXISTS = re.compile(r"^\s*(!?)\s*([A-Za-z0-9_./-]+)\s*$")
_FIELDS: dict[str, Callable[[Object], str]] = {
    "metadata.name": lambda body: str(body["metadata"]["name"]),
    "metadata.namespace": lambda body: str(body["metadata"].get("namespace", "")),
    "status.phase": lambda body: str(body.get("status", {}).get("phase", "")),
    "spec.nodeName": lambda body: str(body.get("spec", {}).get("nodeName", "")),
    "involvedObject.name": lambda body: str(body.get("involvedObject", {}).get("name", "")),
    "involvedObject.kind": lambda body: str(body.get("involvedObject", {}).get("kind", "")),
    "involvedObject.uid": lambda body: str(body.get("involvedObject", {}).get("uid", "")),
    "involvedObject.namespace": lambda body: str(body.get("involvedObject", {}).get("namespace", "")),
    "reason": lambda body: str(body.get("reason", "")),
    "type": lambda body: str(body.get("type", "")),
}
_EVERYWHERE = {"metadata.name", "metadata.namespace"}
_BY_RESOURCE = {
    "pods": {"status.phase", "spec.nodeName"},
    "namespaces": {"status.phase"},
    "events": {name for name in _FIELDS if name.startswith("involvedObject.")} | {"reason", "type"},
}


def _parts(text: str) -> list[str]:
    """Split at commas that are not inside parentheses."""
    return [part for part in re.split(r",(?![^()]*\))", text) if part.strip()]


def _requirement(part: str) -> Callable[[Labels], bool]:
    if match := _SET.match(part):
        key, word, listed = match.groups()
        values = {value.strip() for value in listed.split(",")}
        if word == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if match := _EQUAL.match(part):
        key, sign, value = match.groups()
        if sign == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if match := _EXISTS.match(part):
        absent, key = match.groups()
        return lambda labels: (key in labels) != bool(absent)
    raise ApiError(400, f"unable to parse requirement: found '{part.strip()}', expected: identifier")


def labels(text: str) -> Callable[[Object], bool]:
    """Return a filter for a labelSelector. Raises ApiError 400."""
    requirements = [_requirement(part) for part in _parts(text)]
    return lambda body: all(holds(body["metadata"].get("labels") or {}) for holds in requirements)


def fields(text: str, resource: str) -> Callable[[Object], bool]:
    """Return a filter for a fieldSelector. Raises ApiError 400 for a field that the kind does not offer."""
    tests: list[Callable[[Object], bool]] = []
    for part in _parts(text):
        match = re.match(r"^\s*([A-Za-z.]+)\s*(==|=|!=)\s*(.*?)\s*$", part)
        if match is None:
            raise ApiError(400, f"invalid selector: '{text}'; can't understand '{part}'")
        field, sign, value = match.groups()
        if field not in _EVERYWHERE | _BY_RESOURCE.get(resource, set()):
            raise ApiError(400, f"field label not supported: {field}")
        tests.append(_field_test(_FIELDS[field], sign == "!=", value))
    return lambda body: all(test(body) for test in tests)


def _field_test(read: Callable[[Object], str], negate: bool, value: str) -> Callable[[Object], bool]:
    return lambda body: (read(body) == value) != negate


def matches(selector: Object, carried: Labels) -> bool:
    """Return whether a LabelSelector object selects these labels."""
    if any(carried.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for rule in selector.get("matchExpressions") or []:
        key, word, values = rule["key"], rule["operator"], rule.get("values") or []
        holds = {
            "In": carried.get(key) in values,
            "NotIn": carried.get(key) not in values,
            "Exists": key in carried,
            "DoesNotExist": key not in carried,
        }
        if not holds[word]:
            return False
    return True
