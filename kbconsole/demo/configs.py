"""What a server checks in ConfigMaps and Secrets."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from kbconsole.demo.call import Call
from kbconsole.demo.checks import quoted, refused
from kbconsole.demo.status import ApiError, Cause, bad, required

Object = dict[str, Any]
_KEY = re.compile("[-._a-zA-Z0-9]+")
_KEY_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  "
    "or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_NEEDED = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}
_FROZEN = "field is immutable when `immutable` is set"


def config_map(call: Call, body: Object, before: Object | None) -> list[Cause]:
    """Complete the object in place; return what is wrong with it."""
    _tidy(call, body)
    data, binary = body.get("data") or {}, body.get("binaryData") or {}
    causes = [cause for key in data for cause in _key(key)]
    for key in data:
        if key in binary:
            causes.append(bad(f"data[{key}]", quoted(key), "duplicate of key present in binaryData"))
    causes += [cause for key in binary for cause in _key(key, "binaryData")]
    return causes + _changes(body, before, "data", "binaryData")


def secret(call: Call, body: Object, before: Object | None) -> list[Cause]:
    """The same for a Secret; what it says in plain becomes data."""
    plain = body.pop("stringData", None) or {}
    if plain:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
        body["data"] = {**(body.get("data") or {}), **encoded}
    _tidy(call, body)
    body["type"] = body.get("type") or "Opaque"
    data = body.get("data") or {}
    causes = [cause for key in data for cause in _key(key)]
    causes += [required(f"data[{key}]") for key in _NEEDED.get(body["type"], ()) if key not in data]
    if before is not None and before["type"] != body["type"]:
        causes.append(bad("type", quoted(body["type"]), "field is immutable"))
    return causes + _changes(body, before, "data")


def _tidy(call: Call, body: Object) -> None:
    for key in ("data", "binaryData"):
        found = body.get(key)
        if not found:
            body.pop(key, None)
            continue
        body[key] = {name: "" if value is None else value for name, value in found.items()}
        if key == "binaryData" or body["kind"] == "Secret":
            _check_base64(call, body[key])


def _check_base64(call: Call, data: Object) -> None:
    for value in data.values():
        try:
            base64.b64decode(str(value), validate=True)
        except (binascii.Error, ValueError) as error:
            wrong = re.search(r"[^A-Za-z0-9+/\r\n]", str(value))
            kind, version = call.resource.kind, call.resource.version
            text = f"illegal base64 data at input byte {wrong.start() if wrong else len(str(value))}"
            head = f'{kind} in version "{version}" cannot be handled as a {kind}'
            raise ApiError(400, f"{head}: {text}") from error


def _key(key: str, field: str = "data") -> list[Cause]:
    if len(key) > 253:
        text = "must be no more than 253 characters"
    elif not _KEY.fullmatch(key):
        text = _KEY_TEXT
    elif key in (".", ".."):
        text = f"must not be '{key}'"
    elif key.startswith(".."):
        text = "must not start with '..'"
    else:
        return []
    return [bad(f"{field}[{key}]", quoted(key), text)]


def _changes(body: Object, before: Object | None, *fields: str) -> list[Cause]:
    if before is None or not before.get("immutable"):
        return []
    causes = [] if body.get("immutable") else [refused("immutable", _FROZEN)]
    return causes + [refused(field, _FROZEN) for field in fields if before.get(field) != body.get(field)]
