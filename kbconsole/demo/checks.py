"""Checks of single values, worded as a Kubernetes API server words them."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from kbconsole.demo.status import Cause, bad, required

Object = dict[str, Any]
_EXAMPLES = {
    "label": "'my-name',  or '123-abc'",
    "subdomain": "'example.com'",
    "value": "'MyValue',  or 'my_value',  or '12345'",
    "key": "'MyName',  or 'my.name',  or '123-abc'",
}
_PATTERNS = {
    "label": "[a-z0-9]([-a-z0-9]*[a-z0-9])?",
    "subdomain": r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
    "value": "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?",
    "key": "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]",
}
_TEXTS = {
    "label": "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
    "and end with an alphanumeric character",
    "subdomain": "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character",
    "value": "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and "
    "must start and end with an alphanumeric character",
    "key": "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character",
}
_LIMITS = {"label": 63, "subdomain": 253, "value": 63, "key": 63}


def _wrong(what: str, text: str) -> Iterator[str]:
    if len(text) > _LIMITS[what]:
        yield f"must be no more than {_LIMITS[what]} bytes"
    if not re.fullmatch(_PATTERNS[what], text):
        yield f"{_TEXTS[what]} (e.g. {_EXAMPLES[what]}, regex used for validation is '{_PATTERNS[what]}')"


def quoted(value: Any) -> str:
    """Return a value as Go's JSON shows it in a message."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def duplicate(field: str, value: Any) -> Cause:
    return Cause(field, "FieldValueDuplicate", f"Duplicate value: {quoted(value)}")


def refused(field: str, text: str) -> Cause:
    return Cause(field, "FieldValueForbidden", f"Forbidden: {text}")


def unsupported(field: str, value: Any, supported: Iterable[str]) -> Cause:
    shown = ", ".join(quoted(one) for one in supported)
    return Cause(
        field, "FieldValueNotSupported", f"Unsupported value: {quoted(value)}: supported values: {shown}"
    )


def dns(what: str, field: str, text: str) -> list[Cause]:
    """Check a name: `what` is label or subdomain."""
    return [bad(field, quoted(text), why) for why in _wrong(what, text)]


def qualified(field: str, name: str) -> list[Cause]:
    """Check `prefix/name` or `name`, as keys of labels are."""
    prefix, slash, rest = name.rpartition("/")
    if "/" in prefix:
        text = "a qualified name " + _TEXTS["key"]
        example = f"(e.g. {_EXAMPLES['key']}, regex used for validation is '{_PATTERNS['key']}')"
        text += f" {example} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return [bad(field, quoted(name), text)]
    found: list[str] = []
    if slash:
        found += [
            "prefix part " + why for why in (_wrong("subdomain", prefix) if prefix else ["must be non-empty"])
        ]
    found += ["name part must be non-empty"] if not rest else []
    found += ["name part " + why for why in _wrong("key", rest)]
    return [bad(field, quoted(name), why) for why in found]


def labels(field: str, given: Object) -> list[Cause]:
    """Check keys and values of a map of labels."""
    causes: list[Cause] = []
    for key, value in sorted(given.items()):
        causes += qualified(field, key)
        if isinstance(value, str):
            causes += [bad(field, quoted(value), why) for why in _wrong("value", value)]
    return causes


def selector(field: str, given: Object) -> list[Cause]:
    """Check a label selector."""
    causes = labels(f"{field}.matchLabels", given.get("matchLabels") or {})
    for i, one in enumerate(given.get("matchExpressions") or []):
        where = f"{field}.matchExpressions[{i}]"
        if one.get("operator") not in ("In", "NotIn", "Exists", "DoesNotExist"):
            causes.append(
                bad(f"{where}.operator", quoted(one.get("operator", "")), "not a valid selector operator")
            )
    return causes


def address(field: str, text: str) -> list[Cause]:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return [bad(field, quoted(text), "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
    return []


def network(field: str, text: str) -> list[Cause]:
    try:
        ipaddress.ip_network(text.strip(), strict=False)
        valid = "/" in text
    except ValueError:
        valid = False
    return (
        []
        if valid
        else [bad(field, quoted(text), "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")]
    )


def port_number(field: str, port: int) -> list[Cause]:
    return [] if 0 < port < 65536 else [bad(field, str(port), "must be between 1 and 65535, inclusive")]


def port_or_name(field: str, port: int | str) -> list[Cause]:
    """Check a number or the name of a container's port."""
    if isinstance(port, int):
        return port_number(field, port)
    found = []
    if len(port) > 15:
        found.append("must be no more than 15 characters")
    if not re.fullmatch("[-a-z0-9]+", port):
        found.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", port):
        found.append("must contain at least one letter (a-z)")
    if "--" in port:
        found.append("must not contain consecutive hyphens")
    if port.startswith("-") or port.endswith("-"):
        found.append("must not begin or end with a hyphen")
    return [bad(field, quoted(port), why) for why in found]


def present(field: str, value: Any, text: str = "") -> list[Cause]:
    return [] if value else [required(field, text)]
