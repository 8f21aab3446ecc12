"""Create, update, merge patch and apply: one pipeline with three ways in."""

from __future__ import annotations

import copy
import secrets
from typing import Any

from kbconsole.demo import hooks, ownership, schema
from kbconsole.demo.apply import apply, typed_problem
from kbconsole.demo.authz import User
from kbconsole.demo.call import Call, check_body
from kbconsole.demo.finish import finish
from kbconsole.demo.status import (
    ApiError,
    already_exists,
    bad,
    conflict,
    forbidden,
    invalid,
    modified,
    not_found,
    required,
)

Object = dict[str, Any]
Answer = tuple[int, Object]


def denied(user: User, call: Call, verb: str) -> ApiError:
    """Return the 403 of a missing right."""
    resource = call.resource
    what = f"{resource.plural}/{call.subresource}" if call.subresource else resource.plural
    space = call.question().namespace
    where = f'in the namespace "{space}"' if space else "at the cluster scope"
    text = f'User "{user.name}" cannot {verb} resource "{what}" in API group "{resource.group}" {where}'
    return forbidden(resource.plural, resource.group, call.name, text)


def create(call: Call) -> Answer:
    """POST."""
    body = call.body()
    check_body(call, body)
    metadata = body["metadata"]
    if metadata.get("resourceVersion"):
        raise ApiError(500, "resourceVersion should not be set on objects to be created", reason="")
    if not metadata.get("name") and metadata.get("generateName"):
        alphabet = "bcdfghjklmnpqrstvwxz2456789"
        metadata["name"] = metadata["generateName"] + "".join(secrets.choice(alphabet) for _ in range(5))
    call.name = metadata.get("name", "")
    if not call.name:
        raise invalid(
            call.resource.kind,
            call.resource.group,
            "",
            [required("metadata.name", "name or generateName is required")],
        )
    hooks.check_namespace(call)
    body = decoded(call, body)
    if call.stored() is not None:
        raise already_exists(call.resource.plural, call.resource.group, call.name)
    _drop_foreign_part(call, body, None)
    shares = ownership.after_update(None, body, call.resource.schema, call.writer, call.resource.api_version)
    return 201, finish(call, body, None, shares)


def update(call: Call) -> Answer:
    """PUT."""
    body = call.body()
    check_body(call, body)
    before = _existing(call)
    sent = body["metadata"]
    uid = before["metadata"]["uid"]
    if sent.get("uid", uid) != uid:
        text = f"Precondition failed: UID in precondition: {sent['uid']}, UID in object meta: {uid}"
        raise conflict(call.resource.plural, call.resource.group, call.name, text)
    return 200, _replace(call, before, decoded(call, body))


def merge_patch(call: Call) -> Answer:
    """PATCH with application/merge-patch+json."""
    patch = call.body()
    before = _existing(call)
    body = _merge_json(copy.deepcopy(before), patch)
    body["apiVersion"], body["kind"] = call.resource.api_version, call.resource.kind
    check_body(call, body)
    if body["metadata"].get("uid") != before["metadata"]["uid"]:
        raise _immutable(call, "metadata.uid", body["metadata"].get("uid"))
    return 200, _replace(call, before, decoded(call, body))


def _merge_json(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge_json(merged.get(key), value)
    return merged


def _replace(call: Call, before: Object, body: Object) -> Object:
    _check_version(call, before, body)
    _drop_foreign_part(call, body, before)
    version = call.resource.api_version
    shares = ownership.after_update(before, body, call.resource.schema, call.writer, version)
    return finish(call, body, before, shares)


def _existing(call: Call) -> Object:
    before = call.stored()
    if before is None:
        raise not_found(call.resource.plural, call.resource.group, call.name)
    return before


def _check_version(call: Call, before: Object, body: Object) -> None:
    sent = body["metadata"].get("resourceVersion")
    if sent and sent != before["metadata"]["resourceVersion"]:
        raise modified(call.resource.plural, call.resource.group, call.name)


def _immutable(call: Call, field: str, sent: Any) -> ApiError:
    resource = call.resource
    return invalid(resource.kind, resource.group, call.name, [bad(field, f'"{sent}"', "field is immutable")])


def apply_patch(call: Call) -> Answer:
    """PATCH with application/apply-patch+yaml."""
    resource, patch = call.resource, call.body()
    if not call.query.get("fieldManager"):
        cause = required("fieldManager", "is required for apply patch")
        raise invalid("PatchOptions", "meta.k8s.io", "", [cause])
    check_body(call, patch)
    if patch["metadata"].get("managedFields"):
        raise ApiError(400, "metadata.managedFields must be nil")
    if problem := typed_problem(patch, resource.schema):
        target = f"{call.namespace}/{call.name}" if call.namespace else f"/{call.name}"
        kind = f"{target}; {resource.api_version}, Kind={resource.kind}"
        raise ApiError(500, f"failed to create typed patch object ({kind}): {problem}", reason="")
    before = call.stored()
    patch["metadata"] = {**patch["metadata"], "name": call.name}
    if resource.namespaced:
        patch["metadata"]["namespace"] = call.namespace
    if before is None:
        return 201, _apply_new(call, patch)
    _check_version(call, before, patch)
    if patch["metadata"].get("uid", before["metadata"]["uid"]) != before["metadata"]["uid"]:
        raise _immutable(call, "metadata.uid", patch["metadata"]["uid"])
    live = {**copy.deepcopy(before), "apiVersion": resource.api_version, "kind": resource.kind}
    patch = _own_part(call, patch)
    force = call.query.get("force") == "true"
    body, shares = apply(live, patch, resource.schema, call.writer, resource.api_version, force=force)
    return 200, finish(call, body, before, shares)


def _apply_new(call: Call, patch: Object) -> Object:
    resource = call.resource
    if not call.plane.authorizer.may(call.user, call.question("create")):
        raise denied(call.user, call, "create")
    if call.subresource:
        raise not_found(resource.plural, resource.group, call.name)
    hooks.check_namespace(call)
    if patch["metadata"].get("uid"):
        uid = patch["metadata"]["uid"]
        text = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        raise conflict(resource.plural, resource.group, call.name, text)
    body, shares = apply(
        {"metadata": {}},
        _own_part(call, patch),
        resource.schema,
        call.writer,
        resource.api_version,
        force=False,
    )
    return finish(call, body, None, shares)


def _own_part(call: Call, patch: Object) -> Object:
    """Return what an apply through this door may set: the status alone, or everything but the status."""
    if call.subresource:
        metadata = {key: patch["metadata"][key] for key in ("name", "namespace") if key in patch["metadata"]}
        return {key: patch[key] for key in ("apiVersion", "kind", "status") if key in patch} | {
            "metadata": metadata
        }
    return {key: value for key, value in patch.items() if key != "status" or not call.resource.status}


def _drop_foreign_part(call: Call, body: Object, before: Object | None) -> None:
    """Ignore what a plain write through this door may not change, in place."""
    if call.subresource and before is not None:
        status = body.get("status")
        body.clear()
        body.update(copy.deepcopy(before))
        body["status"] = status if status is not None else {}
    elif call.resource.status:
        body.pop("status", None)
        if before is not None and "status" in before:
            body["status"] = copy.deepcopy(before["status"])


def decoded(call: Call, body: Object) -> Object:
    """Return the body without undeclared fields; say so in a warning, or refuse in strict mode."""
    resource = call.resource
    unknown = [f'unknown field "{path}"' for path in schema.unknown_fields(body, resource.schema)]
    mode = call.query.get("fieldValidation", "Warn")
    head = f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}'
    if unknown and mode == "Strict":
        raise ApiError(400, f"{head}: strict decoding error: " + ", ".join(unknown))
    if mode == "Warn":
        call.warnings += unknown
    body = schema.prune(body, resource.schema)
    wrong = [
        cause for cause in schema.problems(body, resource.schema) if cause.reason == "FieldValueTypeInvalid"
    ]
    if wrong and not resource.custom:
        raise ApiError(400, f"{head}: json: cannot unmarshal: {wrong[0]}")
    return dict(body)
