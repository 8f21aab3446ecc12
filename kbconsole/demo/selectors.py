"""Label and field selectors."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kbconsole.demo import checks
from kbconsole.demo.status import ApiError

Object = dict[str, Any]
Labels = dict[str, str]
Test = Callable[[Labels], bool]
_TOKEN = re.compile(r"\s*(==|!=|[=!<>(),]|[^\s=!<>(),]+)")
_SIGNS = {"=", "==", "!=", "<", ">", "(", ")", ",", "!", ""}
_END = "end of string"
_FIELDS: dict[str, Callable[[Object], str]] = {
    "metadata.name": lambda body: str(body["metadata"]["name"]),
    "metadata.namespace": lambda body: str(body["metadata"].get("namespace", "")),
    "status.phase": lambda body: str(body.get("status", {}).get("phase", "")),
    "spec.nodeName": lambda body: str(body.get("spec", {}).get("nodeName", "")),
    "spec.type": lambda body: str(body.get("spec", {}).get("type", "")),
    "spec.clusterIP": lambda body: str(body.get("spec", {}).get("clusterIP", "")),
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
    "services": {"spec.type", "spec.clusterIP"},
    "secrets": {"type"},
    "events": {name for name in _FIELDS if name.startswith("involvedObject.")} | {"reason", "type"},
}


class _Reader:
    """Reads a label selector the way a server does, so that it complains in the same words."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)

    def look(self) -> str:
        return self._tokens[0] if self._tokens else ""

    def take(self) -> str:
        return self._tokens.pop(0) if self._tokens else ""

    def all(self) -> list[Test]:
        tests: list[Test] = []
        if self.look() == "":
            return tests
        while True:
            if self.look() in _SIGNS - {"!"}:
                raise _wrong(f"found '{self.look()}', expected: !, identifier, or '{_END}'")
            tests.append(self._requirement())
            found = self.take()
            if found == "":
                return tests
            if found != ",":
                raise _wrong(f"found '{found}', expected: ',' or '{_END}'")
            if self.look() in _SIGNS - {"!"}:
                raise _wrong(f"found '{self.look()}', expected: identifier after ','")

    def _requirement(self) -> Test:
        if self.look() == "!":
            self.take()
            absent = self._key()
            return lambda labels: absent not in labels
        key, sign = self._key(), self.look()
        if sign in ("", ","):
            return lambda labels: key in labels
        self.take()
        if sign in ("in", "notin"):
            values = self._values()
            return lambda labels: (labels.get(key) in values) == (sign == "in")
        if sign not in ("=", "==", "!=", "<", ">"):
            words = "in, notin, =, ==, !=, gt, lt"
            raise _wrong(f"unable to parse requirement: found '{sign}', expected: {words}")
        return _compared(key, sign, self._value(key))

    def _key(self) -> str:
        key = self.take()
        if causes := checks.qualified("key", key):
            raise _wrong(f"unable to parse requirement: {causes[0]}")
        return key

    def _value(self, key: str) -> str:
        if self.look() in ("", ","):
            return ""
        value = self.take()
        if value in _SIGNS:
            raise _wrong(f"unable to parse requirement: found '{value}', expected: identifier")
        if causes := checks.labels("x", {"x": value}):
            why = causes[0].message
            raise _wrong(f"unable to parse requirement: values[0][{key}]: {why}")
        return value

    def _values(self) -> set[str]:
        if (found := self.take()) != "(":
            raise _wrong(f"unable to parse requirement: found '{found}' expected: '('")
        values: set[str] = set()
        while True:
            if self.look() in (",", ")"):
                values.add("")
            else:
                values.add(self.take())
            found = self.take()
            if found == ")":
                return values
            if found != ",":
                raise _wrong(f"unable to parse requirement: found '{found}', expected: ',' or ')'")


def _wrong(text: str) -> ApiError:
    return ApiError(400, text)


def _compared(key: str, sign: str, value: str) -> Test:
    if sign in ("<", ">"):
        return lambda labels: _ordered(labels.get(key, ""), sign, value)
    if sign == "!=":
        return lambda labels: labels.get(key) != value
    return lambda labels: labels.get(key) == value


def _ordered(carried: str, sign: str, value: str) -> bool:
    if not (carried.isdigit() and value.isdigit()):
        return False
    return int(carried) < int(value) if sign == "<" else int(carried) > int(value)


def labels(text: str) -> Callable[[Object], bool]:
    """Return a filter for a labelSelector. Raises ApiError 400."""
    requirements = _Reader(text).all()
    return lambda body: all(holds(body["metadata"].get("labels") or {}) for holds in requirements)


def fields(text: str, resource: str, *, custom: bool) -> Callable[[Object], bool]:
    """Return a filter for a fieldSelector. Raises ApiError 400 for a field that the kind does not offer."""
    tests: list[Callable[[Object], bool]] = []
    offered = _EVERYWHERE | (set() if custom else _BY_RESOURCE.get(resource, set()))
    for part in [part for part in text.split(",") if part.strip()]:
        match = re.match(r"^\s*([A-Za-z.]+)\s*(==|=|!=)\s*(.*?)\s*$", part)
        if match is None:
            raise ApiError(400, f"invalid selector: '{text}'; can't understand '{part}'")
        field, sign, value = match.groups()
        if field not in offered:
            known = custom or resource in _BY_RESOURCE or resource == "nodes"
            only = 'only "metadata.name", "metadata.namespace"'
            why = (
                f"field label not supported: {field}"
                if known
                else f'"{field}" is not a known field selector: {only}'
            )
            raise ApiError(400, why)
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
