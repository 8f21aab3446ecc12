"""Create, update, merge patch and apply: one pipeline with three ways in."""

from __future__ import annotations

import copy
import json
from typing import Any

from kbconsole.demo import defaults, hooks, names, ownership, schema
from kbconsole.demo.apply import apply, typed_error, typed_problems
from kbconsole.demo.authz import User
from kbconsole.demo.call import (
    Call,
    apply_body,
    check_body,
    check_options,
    object_body,
    other_kind,
    patch_body,
)
from kbconsole.demo.finish import finish
from kbconsole.demo.ownership import Writer
from kbconsole.demo.status import (
    ApiError,
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
    check_options(call)
    body = object_body(call)
    check_body(call, body)
    body = decoded(call, body)
    metadata = body["metadata"]
    call.name = metadata.get("name") or ""
    hooks.check_namespace(call)
    if metadata.get("resourceVersion"):
        raise ApiError(500, "resourceVersion should not be set on objects to be created", reason="")
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = metadata["generateName"] + names.suffix()
    call.name = metadata.get("name", "")
    if not call.name:
        cause = required("metadata.name", "name or generateName is required")
        raise invalid(call.resource.kind, call.resource.group, "", [cause])
    _drop_foreign_part(call, body, None)
    shares = ownership.after_update(
        _start(call), body, call.resource.schema, call.writer, call.resource.api_version
    )
    made = finish(call, body, None, shares)
    return 201, made


def _start(call: Call) -> Object:
    """Return what an object of the kind is compared with when it is new."""
    return {"metadata": {}} | ({} if call.resource.custom else ownership.zero(call.resource.schema))


def update(call: Call) -> Answer:
    """PUT."""
    check_options(call)
    body = object_body(call)
    check_body(call, body)
    body = decoded(call, body)
    before = _existing(call)
    sent = body["metadata"]
    if call.resource.custom and not sent.get("resourceVersion"):
        cause = bad("metadata.resourceVersion", "0", "must be specified for an update")
        raise invalid(call.resource.plural, call.resource.group, call.name, [cause])
    uid = before["metadata"]["uid"]
    if sent.get("uid", uid) != uid:
        text = (
            f"StorageError: invalid object, Code: 4, Key: /{call.key}/{call.name}, ResourceVersion: 0, "
            f"AdditionalErrorMsg: Precondition failed: UID in precondition: {sent['uid']}, UID in object meta: {uid}"
        )
        raise conflict(call.resource.plural, call.resource.group, call.name, text)
    return 200, _replace(call, before, body)


def merge_patch(call: Call) -> Answer:
    """PATCH with application/merge-patch+json."""
    check_options(call)
    before = _existing(call)
    patch = patch_body(call)
    body = _merge_json(copy.deepcopy(before), patch)
    body["apiVersion"] = patch.get("apiVersion", call.resource.api_version)
    body["kind"] = patch.get("kind", call.resource.kind)
    check_patched(call, body)
    check_body(call, body)
    body = decoded(call, body, patched=True)
    _check_uid(call, body, before)
    return 200, _replace(call, before, body)


def check_patched(call: Call, body: Object) -> None:
    """Refuse a patch that makes something else of the object."""
    resource = call.resource
    if (body["apiVersion"], body["kind"]) == (resource.api_version, resource.kind):
        return
    if resource.custom:
        name = body["metadata"].get("name", "")
        cause = bad("kind", f'"{body["kind"]}"', f"must be {resource.kind}")
        raise invalid(body["kind"], resource.group, name, [cause])
    raise _undecoded(call, body, other_kind(call, body["apiVersion"], body["kind"]), patched=True)


def _check_uid(call: Call, body: Object, before: Object) -> None:
    sent, uid = body["metadata"].get("uid"), before["metadata"]["uid"]
    if sent and sent != uid:
        cause = bad("metadata.uid", f'"{sent}"', "field is immutable")
        raise invalid(call.resource.kind, call.resource.group, call.name, [cause, cause])


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
    shares = {}
    if before["metadata"].get("managedFields"):  # who owns what begins with a creation, or with an apply
        shares = ownership.after_update(before, body, call.resource.schema, call.writer, version)
    return finish(call, body, before, shares)


def _existing(call: Call) -> Object:
    before = call.stored()
    if before is None:
        raise not_found(call.resource.plural, call.resource.group, call.name)
    return before


def _check_version(call: Call, before: Object, body: Object) -> None:
    sent = body["metadata"].get("resourceVersion")
    if sent and not sent.isdigit():
        raise ApiError(500, f'strconv.ParseUint: parsing "{sent}": invalid syntax', reason="")
    if sent and sent != before["metadata"]["resourceVersion"]:
        raise modified(call.resource.plural, call.resource.group, call.name)


def apply_patch(call: Call) -> Answer:
    """PATCH with application/apply-patch+yaml."""
    resource = call.resource
    check_options(call)
    patch = apply_body(call)
    namespace = (
        (patch.get("metadata") or {}).get("namespace", "") if isinstance(patch.get("metadata"), dict) else ""
    )
    if problems := typed_problems(patch, resource.schema):
        version = resource.api_version if resource.group else f"/{resource.version}"
        name = (patch.get("metadata") or {}).get("name", "")
        kind = f"{namespace}/{name}; {version}, Kind={resource.kind}"
        raise ApiError(
            500, f"failed to create typed patch object ({kind}): {typed_error(problems)}", reason=""
        )
    before = call.stored()
    check_body(call, patch)
    patch["metadata"] = {**patch["metadata"], "name": call.name}
    if resource.namespaced:
        patch["metadata"]["namespace"] = call.namespace
    if before is None:
        return 201, _apply_new(call, patch)
    _check_version(call, before, patch)
    live = {**copy.deepcopy(before), "apiVersion": resource.api_version, "kind": resource.kind}
    if not live["metadata"].get("managedFields"):
        first = Writer("before-first-apply", "Update", "", resource.api_version)
        ownership.write(
            live, ownership.after_update(_start(call), live, resource.schema, first, first.version)
        )
    own = _own_part(call, patch)
    force = call.query.get("force") == "true"
    body, shares = apply(live, own, resource.schema, call.writer, resource.api_version, force=force)
    _check_uid(call, patch, before)
    return 200, finish(call, settled(call, body), before, shares)


def _apply_new(call: Call, patch: Object) -> Object:
    resource = call.resource
    if not call.plane.authorizer.may(call.user, call.question("create")):
        raise denied(call.user, call, "create")
    if call.subresource:
        raise not_found(resource.plural, resource.group, call.name)
    if patch["metadata"].get("uid"):
        uid = patch["metadata"]["uid"]
        text = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        raise conflict(resource.plural, resource.group, call.name, text)
    hooks.check_namespace(call)
    start: Object = {"metadata": {}}
    own = _own_part(call, patch)
    body, shares = apply(start, own, resource.schema, call.writer, resource.api_version, force=False)
    return finish(call, settled(call, body), None, shares)


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
        sent = {"status": body["status"]} if "status" in body else {}
        body.clear()
        body.update(copy.deepcopy(before))
        body.pop("status", None)
        body.update(sent)
    elif call.resource.status:
        body.pop("status", None)
        if before is not None and "status" in before:
            body["status"] = copy.deepcopy(before["status"])


def decoded(call: Call, body: Object, *, patched: bool = False) -> Object:
    """Return the body as an object of its kind, with defaults; undeclared fields are dropped.

    They are told of in warnings, or refuse the request in strict mode. Raises ApiError 400 or 422.
    """
    resource = call.resource
    if not resource.custom and (why := schema.undecodable(body, resource.schema, resource.kind)):
        raise _undecoded(call, body, why, patched=patched)
    paths = schema.unknown_fields(dict(sorted(body.items())) if patched else body, resource.schema)
    unknown = [f'unknown field "{path}"' for path in (sorted(paths) if resource.custom else paths)]
    wrong = [f'duplicate field "{path}"' for path in call.doubles] + unknown
    mode = call.query.get("fieldValidation") or "Warn"
    if wrong and mode == "Strict":
        raise _undecoded(call, body, "strict decoding error: " + ", ".join(wrong), patched=patched)
    if mode == "Warn":
        call.warnings += wrong
    return settled(call, body)


def _undecoded(call: Call, body: Object, why: str, *, patched: bool) -> ApiError:
    if not patched:
        return ApiError(400, f"{call.refused_as}: {why}")
    shown = json.dumps(json.dumps(body, separators=(",", ":"), sort_keys=True))
    return invalid("", "", "", [bad("patch", shown, why)])


def settled(call: Call, body: Object) -> Object:
    """Return the body without what is not kept, and with defaults."""
    resource = call.resource
    kept = dict(schema.prune(body, resource.schema, typed=not resource.custom, applied=call.is_apply))
    if "metadata" in kept:
        declared = resource.schema["properties"]["metadata"]
        kept["metadata"] = schema.prune(kept["metadata"], declared, typed=True, applied=False)
    schema.fill_defaults(kept, resource.schema)
    if not resource.custom and not call.subresource and "metadata" in kept:
        defaults.complete(resource.kind, kept)
    return kept
