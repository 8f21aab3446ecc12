"""Rules for names, labels, annotations, owners and finalizers."""

from __future__ import annotations

import secrets
from typing import Any

from kbconsole.demo import checks
from kbconsole.demo.checks import quoted
from kbconsole.demo.resources import RBAC, Resource
from kbconsole.demo.status import Cause, bad

Object = dict[str, Any]
_LABELS = ("Namespace", "Service")
_ANNOTATIONS_LIMIT = 256 * 1024
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")


def suffix() -> str:
    """Return what a server appends to a generateName: letters that make no words."""
    return "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(5))


def problems(resource: Resource, body: Object) -> list[Cause]:
    """Return what is wrong with the name of a new object."""
    metadata = body["metadata"]
    name, prefix = metadata["name"], metadata.get("generateName") or ""
    causes = _name(resource, "metadata.generateName", prefix, prefix=True) if prefix else []
    return causes + (_name(resource, "metadata.name", name) if name else [])


def _name(resource: Resource, field: str, name: str, *, prefix: bool = False) -> list[Cause]:
    if resource.group == RBAC:
        return _path_segment(field, name, prefix=prefix)
    checked = name[:-1] + "a" if prefix and name.endswith("-") else name
    if resource.kind not in _LABELS or resource.custom:
        return [_shown(cause, field, name) for cause in checks.dns("subdomain", field, checked)]
    if len(checked) > 63:
        return [bad(field, quoted(name), "must be no more than 63 characters")]
    causes = checks.dns("label", field, checked)
    if causes and not checks.dns("subdomain", field, checked):
        return [bad(field, quoted(name), "must not contain dots")]
    return [_shown(cause, field, name) for cause in causes]


def _shown(cause: Cause, field: str, name: str) -> Cause:
    """Return the cause with the name as it was sent."""
    why = cause.message.partition('": ')[2]
    return bad(field, quoted(name), why)


def _path_segment(field: str, name: str, *, prefix: bool) -> list[Cause]:
    if name in (".", "..") and not prefix:
        return [bad(field, quoted(name), f"may not be '{name}'")]
    found = [letter for letter in "/%" if letter in name]
    return [bad(field, quoted(name), f"may not contain '{letter}'") for letter in found]


def label_problems(body: Object) -> list[Cause]:
    """Return what is wrong with the rest of the metadata."""
    metadata = body["metadata"]
    given = metadata.get("labels")
    causes = checks.labels("metadata.labels", given) if isinstance(given, dict) else []
    annotations = metadata.get("annotations")
    if isinstance(annotations, dict):
        causes += _annotations(annotations)
    owners = metadata.get("ownerReferences")
    if isinstance(owners, list):
        causes += _owners([owner for owner in owners if isinstance(owner, dict)])
    for i, name in enumerate(metadata.get("finalizers") or []):
        causes += _finalizer(f"metadata.finalizers[{i}]", str(name))
    return causes


def _annotations(annotations: Object) -> list[Cause]:
    causes: list[Cause] = []
    for key in sorted(annotations):
        for cause in checks.qualified("metadata.annotations", key.lower()):
            causes.append(_shown(cause, "metadata.annotations", key))
    if sum(len(str(part).encode()) for item in annotations.items() for part in item) > _ANNOTATIONS_LIMIT:
        text = f"Too long: may not be more than {_ANNOTATIONS_LIMIT} bytes"
        causes.append(Cause("metadata.annotations", "FieldValueTooLong", text))
    return causes


def _owners(owners: list[Object]) -> list[Cause]:
    causes: list[Cause] = []
    where = "metadata.ownerReferences"
    for owner in owners:
        if not owner.get("apiVersion"):
            causes.append(bad(f"{where}.apiVersion", '""', "version must not be empty"))
        for key in ("kind", "name", "uid"):
            if not owner.get(key):
                causes.append(
                    bad(f"{where}.{key}", '""', f"{'must' if key == 'kind' else key + ' must'} not be empty")
                )
        if owner.get("kind") == "Event" and owner.get("apiVersion") == "v1":
            causes.append(bad(where, quoted(owner), "/v1, Kind=Event is disallowed from being an owner"))
    ruling = [str(owner.get("name")) for owner in owners if owner.get("controller")]
    if len(ruling) > 1:
        text = 'Only one reference can have Controller set to true. Found "true" in references for '
        causes.append(bad(where, quoted(owners), text + f"{ruling[0]} and {ruling[1]}"))
    return causes


def _finalizer(field: str, name: str) -> list[Cause]:
    causes = checks.qualified("metadata.finalizers", name)
    if "/" not in name and name not in _FINALIZERS:
        text = "name is neither a standard finalizer name nor is it fully qualified"
        causes.append(bad(field, quoted(name), text))
    return causes
