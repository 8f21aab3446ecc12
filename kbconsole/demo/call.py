"""A request taken apart: which kind, which object, which options."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from kbconsole.demo.authz import Question, User
from kbconsole.demo.ownership import Writer
from kbconsole.demo.plane import Plane
from kbconsole.demo.resources import Resource
from kbconsole.demo.status import ApiError, invalid, required

Object = dict[str, Any]
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
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

    @property
    def verb(self) -> str:
        if self.method == "GET":
            return "get" if self.name else "list"
        return "deletecollection" if self.method == "DELETE" and not self.name else _VERBS[self.method]

    @property
    def dry_run(self) -> bool:
        asked = self.query.get("dryRun", "")
        if asked not in ("", "All"):
            raise invalid(
                "CreateOptions",
                "meta.k8s.io",
                "",
                [required("dryRun", f'Unsupported value: "{asked}": supported values: "All"')],
            )
        return asked == "All"

    @property
    def is_apply(self) -> bool:
        return self.method == "PATCH" and self.content_type == APPLY

    @property
    def writer(self) -> Writer:
        """Return the manager: the option, else the first word of the User-Agent."""
        manager = self.query.get("fieldManager") or (self.agent.split("/")[0] or "unknown")[:128]
        return Writer(manager, "Apply" if self.is_apply else "Update", self.subresource)

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
        if self.content_type not in ("", "application/json", "application/yaml", APPLY, MERGE):
            text = f"the body of the request was in an unknown format - accepted media types include: {_accepted(self)}"
            raise ApiError(415, text)
        try:
            text_body = self.raw.decode()
            if self.content_type in ("application/yaml", APPLY) and not text_body.lstrip().startswith("{"):
                found = yaml.safe_load(text_body)
            else:
                found = json.loads(text_body)
        except (ValueError, yaml.YAMLError) as error:
            raise ApiError(400, f"couldn't get version/kind; json parse error: {error}") from error
        if not isinstance(found, dict):
            raise ApiError(
                400, "the object provided is unrecognized (must be of type " + self.resource.kind + ")"
            )
        return found


def _accepted(call: Call) -> str:
    if call.method == "PATCH":
        return f"{MERGE}, {APPLY}"
    return "application/json, application/yaml"


def check_body(call: Call, body: Object) -> None:
    """Refuse a body that is of another kind, name or namespace than the path says."""
    resource = call.resource
    if body.get("apiVersion", resource.api_version) != resource.api_version:
        sent = body["apiVersion"]
        raise ApiError(
            400,
            f"the API version in the data ({sent}) does not match the expected API version ({resource.api_version})",
        )
    if body.get("kind", resource.kind) != resource.kind:
        raise ApiError(
            400, f'{body["kind"]} in version "{resource.version}" cannot be handled as a {resource.kind}'
        )
    metadata = body.setdefault("metadata", {})
    if not isinstance(metadata, dict):
        raise ApiError(400, "json: cannot unmarshal into Go struct field .metadata of type v1.ObjectMeta")
    if resource.namespaced and metadata.get("namespace", call.namespace) != call.namespace:
        raise ApiError(
            400, "the namespace of the provided object does not match the namespace sent on the request"
        )
    if call.name and metadata.get("name", call.name) != call.name:
        raise ApiError(
            400,
            f"the name of the object ({metadata['name']}) does not match the name on the URL ({call.name})",
        )
    body["apiVersion"], body["kind"] = resource.api_version, resource.kind
