"""What one server answered, without what must differ between two servers, and how two such stories differ."""

from __future__ import annotations

import copy
import difflib
import json
import re
from typing import Any

_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_ADDRESS = re.compile(r"\b10\.\d{1,3}\.\d{1,3}\.\d{1,3}\b")
_SERVER = re.compile(r"https://127\.0\.0\.1:\d+")
_WHOLE = re.compile(r'"\{\\"apiVersion.*\}": ')
_KEY = re.compile(r"Key: /[^,]*,")
_GENERATED = "{5 characters}"


class Masks:
    """Takes the same word for the same value throughout one story, so that what is equal stays equal."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._known: dict[tuple[str, str], str] = {}

    def _word(self, what: str, value: str) -> str:
        seen = [key for key in self._known if key[0] == what]
        return self._known.setdefault((what, value), f"<{what} {len(seen) + 1}>")

    def text(self, text: str) -> str:
        text = _sorted(text.replace(self._name, "NAME"))
        text = _UUID.sub(lambda found: self._word("uid", found[0]), text)
        text = _TIME.sub("<time>", text)
        text = _SERVER.sub("<server>", text)
        for (what, value), word in self._known.items():
            if (what in ("version", "port") and f" {value}" in text) or f"({value})" in text:
                text = re.sub(rf"(?<=[ (]){value}\b", word, text)
        text = _KEY.sub("Key: <key>,", text)
        text = _WHOLE.sub("<the whole object>: ", text)
        return _ADDRESS.sub(lambda found: self._word("address", found[0]), text)

    def value(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            value = _list_ordered(_causes_ordered(value))
            return {self.text(name): self.value(item, name) for name, item in _ordered(value).items()}
        if isinstance(value, list):
            return [self.value(item, key) for item in value]
        if key == "resourceVersion" and value:
            return self._word("version", str(value))
        if key in ("nodePort", "healthCheckNodePort") and value:
            return self._word("port", str(value))
        if key == "continue" and value:
            return "<continue>"
        return self.text(value) if isinstance(value, str) else value


def _sorted(text: str) -> str:
    """Return a list of errors, which a server gives in an accidental order, in one."""
    head, found, listed = text.partition("errors:\n")
    return head + found + "\n".join(sorted(listed.split("\n")))


def _ordered(body: dict[str, Any]) -> dict[str, Any]:
    """Return the object with the entries of `managedFields` in one order and generated names made equal."""
    body = copy.copy(body)
    if isinstance(entries := body.get("managedFields"), list):
        body["managedFields"] = sorted(
            entries, key=lambda entry: json.dumps({**entry, "time": ""}, sort_keys=True)
        )
    prefix, name = body.get("generateName"), body.get("name")
    if prefix and isinstance(name, str) and len(name) == len(prefix) + 5 and name.startswith(prefix):
        body["name"] = prefix + _GENERATED
    return body


def _causes_ordered(status: dict[str, Any]) -> dict[str, Any]:
    """Return a refusal with its causes, which a server gives in an accidental order, in one."""
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    if not causes or status.get("kind") != "Status":
        return status
    if "FieldManagerConflict" in str(causes):  # managers come in any order, the fields of one in theirs
        causes = sorted(causes, key=lambda cause: str(cause["message"]))
        return {**status, "details": {**status["details"], "causes": causes}}
    causes = sorted(causes, key=lambda cause: json.dumps(cause, sort_keys=True))
    head, found, listed = status["message"].partition(" is invalid: [")
    said = sorted({f"{cause.get('field')}: {cause.get('message')}" for cause in causes})
    if found and len(", ".join(said)) == len(listed) - 1 and all(one in listed for one in said):
        listed = ", ".join(said) + "]"
    return {**status, "message": head + found + listed, "details": {**status["details"], "causes": causes}}


def _list_ordered(body: dict[str, Any]) -> dict[str, Any]:
    """Return a list without the version at which it was read."""
    if isinstance(body.get("items"), list) and str(body.get("kind")).endswith("List"):
        return {**body, "metadata": {**body["metadata"], "resourceVersion": ""}}
    return body


class Transcript:
    """The story of one case on one backend."""

    def __init__(self, name: str) -> None:
        self._masks = Masks(name)
        self.entries: list[Any] = []

    def add(self, entry: Any) -> None:
        """Take what is JSON; it is masked at once, since the caller may change it."""
        self.entries.append(self._masks.value(json.loads(json.dumps(entry, default=str))))


def difference(real: Transcript, embedded: Transcript) -> str:
    """Return the difference as a text, "" for none."""
    one, other = (
        json.dumps(story.entries, indent=1, sort_keys=True, ensure_ascii=False).splitlines()
        for story in (real, embedded)
    )
    return "\n".join(difflib.unified_diff(one, other, "real", "embedded", n=6, lineterm=""))
