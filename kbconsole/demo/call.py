"""A request taken apart: which kind, which object, which options."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from kbconsole.demo.authz import Question, User
from kbconsole.demo.gotext import json_error, json_kind, loaded, summary, version_and_kind_error, yaml_error
from kbconsole.demo.ownership import Writer
from kbconsole.demo.plane import Plane
from kbconsole.demo.resources import Resource
from kbconsole.demo.status import ApiError, Cause, bad, invalid, required

Object = dict[str, Any]
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
_LONGEST_MANAGER = 128
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass
class Call:
    """One request for a resource, after authentication."""

    plane: Plane
    user: User
    method: str
    resource: Resource
    namespace: str
    name: str
    subresource: str
    query: Mapping[str, str]
    agent: str = ""
    content_type: str = ""
    raw: bytes = b""
    warnings: list[str] = field(default_factory=list)
    doubles: list[str] = field(default_factory=list)
    """Fields that the body has twice."""

    @property
    def verb(self) -> str:
        if self.method == "GET":
            return "get" if self.name else "list"
        return "deletecollection" if self.method == "DELETE" and not self.name else _VERBS[self.method]

    @property
    def dry_run(self) -> bool:
        return self.query.get("dryRun") == "All"

    @property
    def is_apply(self) -> bool:
        return self.method == "PATCH" and self.content_type == APPLY

    @property
    def writer(self) -> Writer:
        """Return the manager: the option, else the first word of the User-Agent."""
        manager = self.query.get("fieldManager") or (self.agent.split("/")[0] or "unknown")[:128]
        if self.is_apply:
            return Writer(manager, "Apply", self.subresource)
        return Writer(manager, "Update", self.subresource, self.resource.api_version)

    @property
    def key(self) -> str:
        return self.resource.store_key

    def question(self, verb: str = "") -> Question:
        resource = self.resource
        return Question(
            verb or self.verb,
            resource.group,
            resource.plural,
            self.subresource,
            self.namespace or (self.name if resource.kind == "Namespace" else ""),
            self.name,
        )

    def stored(self) -> Object | None:
        return self.plane.store.get(self.key, self.namespace, self.name)

    def body(self) -> Object:
        """Return the sent object. Raises ApiError 400 or 415."""
        return object_body(self)

    @property
    def refused_as(self) -> str:
        """Return how a body is named that does not become an object."""
        return f'{self.resource.kind} in version "{self.resource.version}" cannot be handled as a {self.resource.kind}'


def check_options(call: Call) -> None:
    """Refuse options of a write that are none. Raises ApiError 422."""
    kind = {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions"}.get(call.method)
    if kind is None:
        return
    causes, query = [], call.query
    if "force" in query and not call.is_apply and call.method == "PATCH":
        why = "Forbidden: may not be specified for non-apply patch"
        causes.append(Cause("force", "FieldValueForbidden", why))
    manager = query.get("fieldManager", "")
    if call.is_apply and not manager:
        causes.append(required("fieldManager", "is required for apply patch"))
    if len(manager) > _LONGEST_MANAGER:
        why = f"Too long: may not be more than {_LONGEST_MANAGER} bytes"
        causes.append(Cause("fieldManager", "FieldValueTooLong", why))
    for at, letter in enumerate(manager):
        if not letter.isprintable():
            shown = json.dumps(manager, ensure_ascii=False)
            causes.append(
                bad("fieldManager", shown, f"invalid character U+{ord(letter):04X} (at position {at})")
            )
    if "dryRun" in query and query["dryRun"] != "All":
        causes.append(_unsupported("dryRun", json.dumps([query["dryRun"]]), "All"))
    wanted = query.get("fieldValidation", "")
    if wanted not in ("", "Ignore", "Strict", "Warn"):
        causes.append(_unsupported("fieldValidation", json.dumps(wanted), "", "Ignore", "Strict", "Warn"))
    if causes:
        raise invalid(kind, "meta.k8s.io", "", causes)


def _unsupported(field_name: str, shown: str, *allowed: str) -> Cause:
    listed = ", ".join(json.dumps(word) for word in allowed)
    why = f"Unsupported value: {shown}: supported values: {listed}"
    return Cause(field_name, "FieldValueNotSupported", why)


def media_type_refused(call: Call) -> ApiError:
    """Return the 415."""
    head = "the body of the request was in an unknown format - accepted media types include: "
    if call.method != "PATCH":
        return ApiError(415, head + "application/json, application/yaml, application/vnd.kubernetes.protobuf")
    if call.resource.custom:
        return ApiError(415, head + f"application/json-patch+json, {MERGE}, {APPLY}")
    return ApiError(415, "415: Unsupported Media Type", details={})


def object_body(call: Call) -> Object:
    """Return the object of a POST or PUT. Raises ApiError 400 or 415."""
    if call.content_type not in ("", "application/json", "application/yaml"):
        raise media_type_refused(call)
    head = f"the object provided is unrecognized (must be of type {call.resource.kind}): "
    if call.content_type == "application/yaml":
        return _yaml(call.raw)
    if why := version_and_kind_error(call.raw):
        raise ApiError(400, f"{head}{why} ({summary(call.raw)})")
    body, call.doubles = loaded(call.raw)
    if call.resource.custom and not (isinstance(body, dict) and body.get("kind")):
        text = call.raw.decode(errors="replace")
        raise ApiError(400, f"{head}Object 'Kind' is missing in '{text}' ({summary(call.raw)})")
    body = body or {}
    _check_kind(call, body)
    return dict(body)


def _check_kind(call: Call, body: Object) -> None:
    resource = call.resource
    version, kind = body.get("apiVersion", ""), body.get("kind", "")
    if not resource.custom:
        version, kind = version or resource.api_version, kind or resource.kind
    if resource.custom and version == resource.api_version and kind != resource.kind:
        name = (body.get("metadata") or {}).get("name", "")
        raise invalid(kind, resource.group, name, [bad("kind", f'"{kind}"', f"must be {resource.kind}")])
    if version != resource.api_version and resource.custom:
        raise ApiError(
            400,
            f"the API version in the data ({version}) does not match the expected API version ({resource.api_version})",
        )
    if (version, kind) != (resource.api_version, resource.kind):
        sent = version.rpartition("/")[2]
        why = other_kind(call, version, kind)
        raise ApiError(400, f'{kind} in version "{sent}" cannot be handled as a {resource.kind}: {why}')


def other_kind(call: Call, version: str, kind: str) -> str:
    """Return why an object of this kind is none of the resource's."""
    group, _, name = version.rpartition("/")
    if any(one.kind == kind and not one.custom for one in call.plane.served.in_version(group, name)):
        into = f"{call.resource.group.split('.')[0] or 'core'}.{call.resource.kind}"
        return f"converting ({name}.{kind}) to ({into}): unknown conversion"
    return f'no kind "{kind}" is registered for version "{version}" in scheme "pkg/runtime/scheme.go:111"'


def patch_body(call: Call) -> Object:
    """Return a merge patch. Raises ApiError 400."""
    if why := json_error(call.raw):
        raise ApiError(400, f"error decoding patch: {why}")
    found, call.doubles = loaded(call.raw)
    if found is None:
        raise ApiError(400, "Invalid JSON Patch")
    if not isinstance(found, dict):
        into = "map[string]interface {}"
        raise ApiError(
            400,
            f"error decoding patch: json: cannot unmarshal {json_kind(found)} into Go value of type {into}",
        )
    return found


def apply_body(call: Call) -> Object:
    """Return what is applied. Raises ApiError 400."""
    patch, resource = _yaml(call.raw), call.resource
    metadata = patch.get("metadata")
    if isinstance(metadata, dict) and metadata.get("managedFields"):
        raise ApiError(400, "metadata.managedFields must be nil")
    version, kind = patch.get("apiVersion") or "", patch.get("kind") or ""
    if (version, kind) != (resource.api_version, resource.kind):
        shown = version if "/" in version else f"/{version}"
        raise ApiError(400, f"invalid object type: {shown}, Kind={kind}")
    return patch


def _yaml(raw: bytes) -> Object:
    head = "error decoding YAML: "
    try:
        found = json.loads(raw) if raw.lstrip()[:1] == b"{" else yaml.safe_load(raw)
    except (ValueError, yaml.YAMLError) as error:
        raise ApiError(400, f"{head}error converting YAML to JSON: yaml: {yaml_error(error)}") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        why = f"json: cannot unmarshal {json_kind(found)} into Go value of type map[string]interface {{}}"
        raise ApiError(400, f"{head}error unmarshaling JSON: while decoding JSON: {why}")
    return found


def check_body(call: Call, body: Object) -> None:
    """Refuse a body that is of another name or namespace than the path says; complete its metadata."""
    resource = call.resource
    metadata = body.get("metadata")
    if metadata is None:
        metadata = body["metadata"] = {}
    if not isinstance(metadata, dict):
        kind = json_kind(metadata)
        why = f"json: cannot unmarshal {kind} into Go struct field {resource.kind}.metadata of type v1.ObjectMeta"
        raise ApiError(400, f"{call.refused_as}: {why}")
    if call.method != "POST" and call.name:
        _check_name(call, metadata)
    if resource.namespaced and (metadata.get("namespace") or call.namespace) != call.namespace:
        raise ApiError(
            400, "the namespace of the provided object does not match the namespace sent on the request"
        )
    body["apiVersion"], body["kind"] = resource.api_version, resource.kind


def _check_name(call: Call, metadata: Object) -> None:
    name = metadata.get("name")
    if not name:
        why = f"the name of the object ({call.name} based on URL) was undeterminable: name must be provided"
        raise ApiError(400, why)
    if name != call.name:
        raise ApiError(
            400, f"the name of the object ({name}) does not match the name on the URL ({call.name})"
        )
