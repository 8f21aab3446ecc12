"""Rules for names and labels."""

from __future__ import annotations

import re
from typing import Any

from kbconsole.demo.resources import RBAC, Resource
from kbconsole.demo.status import Cause, bad

Object = dict[str, Any]
_LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
_LABEL_1035 = re.compile(r"^[a-z]([-a-z0-9]*[a-z0-9])?$")
_SUBDOMAIN = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_VALUE = re.compile(r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")
_TEXTS = {
    _LABEL: "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
    "and end with an alphanumeric character",
    _LABEL_1035: "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character",
    _SUBDOMAIN: "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
    "must start and end with an alphanumeric character",
}


def problems(resource: Resource, body: Object) -> list[Cause]:
    """Return what is wrong with the name of a new object."""
    name = body["metadata"]["name"]
    shown = f'"{name}"'
    if resource.group == RBAC:
        wrong = "/" in name or "%" in name or name in (".", "..")
        return [bad("metadata.name", shown, "may not contain '/'")] if wrong else []
    rule, limit = {"Namespace": (_LABEL, 63), "Service": (_LABEL_1035, 63)}.get(
        resource.kind, (_SUBDOMAIN, 253)
    )
    if len(name) > limit:
        return [bad("metadata.name", shown, f"must be no more than {limit} bytes")]
    if not rule.match(name):
        return [
            bad(
                "metadata.name",
                shown,
                f"{_TEXTS[rule]} (regex used for validation is '{rule.pattern[1:-1]}')",
            )
        ]
    return []


def label_problems(body: Object) -> list[Cause]:
    """Return what is wrong with label values."""
    causes = []
    labels = body["metadata"].get("labels")
    for value in (labels if isinstance(labels, dict) else {}).values():
        if isinstance(value, str) and len(value) > 63:
            causes.append(bad("metadata.labels", f'"{value}"', "must be no more than 63 bytes"))
        elif isinstance(value, str) and not _VALUE.match(value):
            text = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and "
            causes.append(
                bad(
                    "metadata.labels",
                    f'"{value}"',
                    text + "must start and end with an alphanumeric character",
                )
            )
    return causes
