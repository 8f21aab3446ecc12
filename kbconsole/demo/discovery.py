"""What a plane serves, as clients ask for it."""

from __future__ import annotations

from typing import Any

from kbconsole.demo.plane import GIT_VERSION, Plane
from kbconsole.demo.resources import Resource
from kbconsole.demo.reviews import REVIEWS

Object = dict[str, Any]
_VERBS = ["create", "delete", "get", "list", "patch", "update"]


def version(plane: Plane) -> Object:
    major, minor, _ = GIT_VERSION.lstrip("v").split(".")
    return {
        "major": major,
        "minor": minor,
        "gitVersion": GIT_VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "2026-07-01T00:00:00Z",
        "goVersion": "embedded",
        "compiler": "embedded",
        "platform": "linux/amd64",
    }


def _listed(resource: Resource) -> list[Object]:
    entry: Object = {
        "name": resource.plural,
        "singularName": resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": _VERBS,
    }
    if resource.short:
        entry["shortNames"] = list(resource.short)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    status = {
        **entry,
        "name": f"{resource.plural}/status",
        "singularName": "",
        "verbs": ["get", "patch", "update"],
    }
    status.pop("shortNames", None)
    status.pop("categories", None)
    return [entry, status] if resource.status else [entry]


def resources(plane: Plane, group: str, api_version: str) -> Object | None:
    """Return the APIResourceList of a group version; None when it is not served."""
    entries = [entry for r in plane.served.in_version(group, api_version) for entry in _listed(r)]
    for review_group, review_version, plural in REVIEWS:
        if (review_group, review_version) == (group, api_version):
            kind = {"selfsubjectaccessreviews": "SelfSubjectAccessReview"}.get(plural)
            kind = kind or {"selfsubjectrulesreviews": "SelfSubjectRulesReview"}.get(
                plural, "SelfSubjectReview"
            )
            entries.append(
                {
                    "name": plural,
                    "singularName": kind.lower(),
                    "namespaced": False,
                    "kind": kind,
                    "verbs": ["create"],
                }
            )
    if not entries:
        return None
    name = f"{group}/{api_version}" if group else api_version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": entries}


def _group(name: str, versions: list[str]) -> Object:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _openapi(plane: Plane, group: str, api_version: str) -> Object | None:
    """Return as much OpenAPI as kubectl needs to see that field validation is done here."""
    parameter = {"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}
    paths: Object = {}
    for resource in plane.served.in_version(group, api_version):
        kind = {"group": group, "version": api_version, "kind": resource.kind}
        base = f"/apis/{group}/{api_version}" if group else f"/api/{api_version}"
        space = "/namespaces/{namespace}" if resource.namespaced else ""
        operation = {"x-kubernetes-group-version-kind": kind, "parameters": [parameter], "responses": {}}
        paths[f"{base}{space}/{resource.plural}/{{name}}"] = {"patch": operation}
    info = {"title": "kbconsole embedded plane", "version": GIT_VERSION}
    return {"openapi": "3.0.0", "info": info, "paths": paths} if paths else None


def _openapi_index(plane: Plane) -> Object:
    names = ["api/v1"]
    for group, versions in plane.served.group_versions().items():
        names += [f"apis/{group}/{version}" for version in versions]
    return {"paths": {name: {"serverRelativeURL": f"/openapi/v3/{name}"} for name in names}}


def answer(plane: Plane, parts: list[str]) -> Object | None:
    """Return the document at a discovery path, or None."""
    match parts:
        case ["openapi", "v3"]:
            return _openapi_index(plane)
        case ["openapi", "v3", "api", api_version]:
            return _openapi(plane, "", api_version)
        case ["openapi", "v3", "apis", group, api_version]:
            return _openapi(plane, group, api_version)
        case ["version"]:
            return version(plane)
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case ["apis"]:
            groups = [_group(name, versions) for name, versions in plane.served.group_versions().items()]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case ["api", api_version]:
            return resources(plane, "", api_version)
        case ["apis", group]:
            versions = plane.served.group_versions().get(group)
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, versions)} if versions else None
        case ["apis", group, api_version]:
            return resources(plane, group, api_version)
    return None
