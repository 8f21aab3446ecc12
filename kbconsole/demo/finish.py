"""The end of every write: identity, defaults, checks, generation, and the store."""

from __future__ import annotations

import json
import uuid
from typing import Any

from kbconsole.demo import definitions, escalation, hooks, names, ownership, schema
from kbconsole.demo.call import Call
from kbconsole.demo.ownership import Shares
from kbconsole.demo.resources import Resource
from kbconsole.demo.status import Cause, already_exists, bad, invalid

Object = dict[str, Any]
_UNCHECKED = bad(
    "<nil>",
    "null",
    "some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
)
_IDENTITY = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")


def _validate(call: Call, body: Object, before: Object | None) -> None:
    causes: list[Cause] = names.problems(call.resource, body) if before is None else []
    causes += names.label_problems(body)
    causes += _content_problems(call, body, before)
    if before is not None and "deletionTimestamp" in before["metadata"]:
        old = before["metadata"].get("finalizers", [])
        new = sorted(set(body["metadata"].get("finalizers", [])) - set(old))
        if new:
            listed = ", ".join(json.dumps(name) for name in new)
            why = "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers "
            causes += [Cause("metadata.finalizers", "FieldValueForbidden", f"{why}[]string{{{listed}}}")] * 2
    if causes:
        raise invalid(call.resource.kind, call.resource.group, call.name, causes)


def _content_problems(call: Call, body: Object, before: Object | None) -> list[Cause]:
    whole = call.resource.schema
    causes = schema.problems(body, whole)
    if not call.resource.custom:
        return causes
    if call.subresource:  # whose part is looked at alone
        causes = [
            Cause(cause.field, cause.reason, cause.message.replace(f": {call.subresource}.", ": ", 1))
            for cause in causes
        ]
        causes = [
            Cause(cause.field, cause.reason, cause.message.replace(f": {call.subresource} in", ":  in", 1))
            for cause in causes
        ]
    causes += schema.doubles(body, whole)
    if not schema.has_rules(whole):
        return causes
    if any(cause.reason != "FieldValueInvalid" for cause in causes):
        return [*causes, _UNCHECKED]
    return causes + schema.broken_rules(body, before, whole)


def _identify(call: Call, body: Object, before: Object | None) -> None:
    metadata = body["metadata"]
    generation = None if call.resource.counts_generations else metadata.get("generation")
    for key in (*_IDENTITY, "selfLink"):
        metadata.pop(key, None)
    metadata.pop("managedFields", None)
    if call.resource.namespaced:
        metadata["namespace"] = call.namespace
    if before is not None:
        metadata.update({key: before["metadata"][key] for key in _IDENTITY if key in before["metadata"]})
        metadata["resourceVersion"] = before["metadata"]["resourceVersion"]
        return
    metadata.pop("resourceVersion", None)
    metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": ownership.now()}
    if call.resource.counts_generations:
        metadata["generation"] = 1
    elif generation:
        metadata["generation"] = generation


def _content(body: Object) -> Object:
    return {
        key: value for key, value in body.items() if key not in ("metadata", "status", "apiVersion", "kind")
    }


def _same(before: Object, body: Object, shares: Shares) -> bool:
    old_shares = {writer: share.fields for writer, share in ownership.read(before).items()}
    if old_shares != {writer: share.fields for writer, share in shares.items() if share.fields}:
        return False
    ignored = ("managedFields", "resourceVersion")
    old = {**before, "metadata": {k: v for k, v in before["metadata"].items() if k not in ignored}}
    new = {**body, "metadata": {k: v for k, v in body["metadata"].items() if k not in ignored}}
    return {**old, "apiVersion": ""} == {**new, "apiVersion": ""}


def _counted(resource: Resource, body: Object, before: Object | None) -> None:
    if before is not None and resource.counts_generations and _content(before) != _content(body):
        body["metadata"]["generation"] = before["metadata"].get("generation", 1) + 1


def finish(call: Call, body: Object, before: Object | None, shares: Shares) -> Object:
    """Complete, check and store the object; return it as it is answered."""
    resource = call.resource
    _identify(call, body, before)
    escalation.check(call, body, before)
    _validate(call, body, before)
    hooks.prepare(call, body, before)
    if before is None and (there := call.stored()) is not None:
        error = already_exists(resource.plural, resource.group, call.name)
        if "deletionTimestamp" in there["metadata"]:
            error.message = f"object is being deleted: {error.message}"
        raise error
    if before is not None and _same(before, body, shares):
        return call.plane.shown(resource, before)
    _counted(resource, body, before)
    ownership.write(body, shares)
    if call.dry_run:
        return body
    metadata = body["metadata"]
    if "deletionTimestamp" in metadata and not metadata.get("finalizers") and resource.kind != "Namespace":
        call.plane.store.remove(call.key, call.namespace, call.name)
        return body
    call.plane.store.put(call.key, body)
    if before is None and resource.kind == definitions.KIND:
        definitions.establish(call, body)
    return body
