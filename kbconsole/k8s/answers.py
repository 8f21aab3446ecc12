"""From an API server's answer to one of the five errors. Pure: no network here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kbconsole.k8s import storable
from kbconsole.k8s.errors import MESSAGE_LIMIT, Conflict, Forbidden, KubeError, Rejected, Unauthorised

UNACCEPTED = "k8s.unauthorised"
_RETRYABLE = frozenset({429, 500, 502, 503, 504})
_UNKNOWN_FIELD = re.compile(r'([.\w\[\]"=/-]*): field not declared in schema|unknown field "([^"]{1,200})"')
_MANAGER = re.compile(r'conflicts? with "([^"]*)"')
_CANNOT = re.compile(
    r'cannot (?P<verb>[a-z]+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
)
_LACKING = re.compile(r"\{([^{}]*)\}")
_LACKING_PART = re.compile(r"(\w+):\[([^\]]*)\]")
_LACKING_KEYS = {
    "APIGroups": "apiGroups",
    "Resources": "resources",
    "Verbs": "verbs",
    "ResourceNames": "resourceNames",
    "NonResourceURLs": "nonResourceURLs",
}


def failure(
    plane: str, ref: Mapping[str, str], http_status: int, body: bytes, unaccepted: str = UNACCEPTED
) -> KubeError:  # fmt: skip
    """Make the error for an answer that is no success.

    `body` may be anything: a Status object, plain text, or a page of something that is no API server. `unaccepted`:
    the sentence of a 401, which depends on whose credential it was.
    """
    status = _status(body)
    reason = str(status.get("reason") or "")
    message = _ended(cut(status.get("message") or reason or http_status))
    if http_status == 401:
        return Unauthorised(unaccepted, plane=plane, ref=ref, reason="Unauthorized", http_status=401)
    if http_status == 403:
        missing = missing_rights(str(status.get("message") or ""), ref)
        return Forbidden(plane=plane, ref=ref, message=message, missing=missing)
    if http_status == 409:
        return _conflict(plane, ref, status, message, reason)
    if 300 <= http_status < 400:
        return Rejected("k8s.redirected", plane=plane, ref=ref, reason="Redirect", http_status=http_status)
    return _rejection(plane, ref, http_status, status, message, reason)


def absent(http_status: int, body: bytes) -> bool:
    """Return whether an answer says that this object is not there, as opposed to: this kind is not served."""
    return http_status == 404 and bool((_status(body).get("details") or {}).get("name"))


def missing_rights(message: str, ref: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the RBAC rules that a 403 names: each that a role may not grant, or the one lacking."""
    if "attempting to grant RBAC permissions not currently held" in message:
        return list(_lacking_rules(message.split("not currently held", 1)[1]))
    if found := _CANNOT.search(message):
        rule = {
            "apiGroups": [found["group"]],
            "resources": [found["resource"]],
            "verbs": [found["verb"]],
        }
        return [{**rule, "resourceNames": [ref["name"]]} if ref.get("name") else rule]
    return []


def cut(message: object) -> str:
    """Return a server's message as one line of at most 300 printable characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(message)[:4000]).split())
    return line if len(line) <= MESSAGE_LIMIT else line[: MESSAGE_LIMIT - 1] + "…"


def _ended(line: str) -> str:
    """Return the line with a full stop, so that another sentence can follow it."""
    return line if line.endswith((".", "!", "?", "…")) else f"{line}."


def _status(body: bytes) -> dict[str, Any]:
    try:
        loaded = storable.loads(body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(loaded, dict) or loaded.get("kind") != "Status":
        return {}
    if not isinstance(loaded.get("details"), dict):
        loaded["details"] = {}
    return loaded


def _lacking_rules(text: str) -> Iterator[dict[str, Any]]:
    for block in _LACKING.finditer(text):
        parts = {key: re.findall(r'"([^"]*)"', values) for key, values in _LACKING_PART.findall(block[1])}
        rule = {name: parts[key] for key, name in _LACKING_KEYS.items() if key in parts}
        if rule:
            yield rule


def _conflict(
    plane: str, ref: Mapping[str, str], status: Mapping[str, Any], message: str, reason: str
) -> Conflict:
    causes = status.get("details", {}).get("causes")
    conflicts = [
        {"manager": _manager(cause), "field": cut(cause.get("field", ""))}
        for cause in (causes if isinstance(causes, list) else [])
        if isinstance(cause, dict) and cause.get("reason") == "FieldManagerConflict"
    ]
    if conflicts:
        return Conflict("k8s.owned_by_others", plane=plane, ref=ref, conflicts=conflicts)
    code = "k8s.already_exists" if reason == "AlreadyExists" else "k8s.changed_meanwhile"
    return Conflict(code, plane=plane, ref=ref, reason=reason or "Conflict", message=message)


def _manager(cause: Mapping[str, Any]) -> str:
    found = _MANAGER.search(str(cause.get("message", "")))
    return cut(found[1]) if found else ""


def _rejection(
    plane: str, ref: Mapping[str, str], http_status: int, status: Mapping[str, Any], message: str, reason: str
) -> Rejected:
    text = str(status.get("message") or "")
    if fields := [cut(one or two) for one, two in _UNKNOWN_FIELD.findall(text)]:
        return Rejected(
            "k8s.unknown_field",
            plane=plane,
            ref=ref,
            reason="UnknownField",
            http_status=http_status,
            fields=fields,
        )
    if http_status == 404:
        # A missing object or namespace has a name; a kind that is not served is answered in plain text.
        details = status.get("details", {})
        if not details.get("name"):
            return Rejected("k8s.kind_missing", plane=plane, ref=ref, reason="KindMissing", http_status=404)
        code = "k8s.namespace_missing" if details.get("kind") == "namespaces" else "k8s.not_found"
        return Rejected(code, plane=plane, ref=ref, reason="NotFound", http_status=404, message=message)
    if http_status in _RETRYABLE:
        code, retryable = "k8s.busy", True
    else:
        code, retryable = ("k8s.rejected" if status else "k8s.answer_unreadable"), False
    return Rejected(
        code,
        plane=plane,
        ref=ref,
        reason=reason,
        http_status=http_status,
        retryable=retryable,
        message=message,
    )
