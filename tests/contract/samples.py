"""Objects that the cases send."""

from __future__ import annotations

from typing import Any

from tests.contract.conftest import Case, Raw

Object = dict[str, Any]
MAPS = "/api/v1/namespaces/default/configmaps"
SERVICES = "/api/v1/namespaces/default/services"
NAMESPACES = "/api/v1/namespaces"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGET_GROUP = "contract.example.org"
WIDGETS = f"/apis/{WIDGET_GROUP}/v1/namespaces/default/widgets"


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def service(name: str, *ports: Object, **spec: Any) -> Object:
    listed = list(ports) or [{"name": "client", "port": 2379}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": listed} | spec,
    }


def role(name: str, *verbs: str, kind: str = "ClusterRole") -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": list(verbs)}],
    }


def role_binding(name: str, role_name: str, *accounts: str) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role_name},
        "subjects": [{"kind": "ServiceAccount", "name": one, "namespace": "default"} for one in accounts],
    }


def namespace(name: str, **metadata: Any) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name} | metadata}


def clusters(line: str) -> str:
    """Return where the Clusters of a release line are."""
    version = "v1" if line == "1.0" else "v1alpha1"
    return f"/apis/apps.kubeblocks.io/{version}/namespaces/default/clusters"


def cluster(name: str, line: str, /, *, policy: str | None = "Delete", **component: Any) -> Object:
    """Return an etcd Cluster; `component` changes or adds fields of its one component."""
    definition = "etcd-3-1.0.2" if line == "1.0" else "etcd-0.9.0"
    one = {"name": "etcd", "componentDef": definition, "replicas": 3} | component
    spec: Object = {"componentSpecs": [{key: value for key, value in one.items() if value is not None}]}
    return {
        "apiVersion": "apps.kubeblocks.io/" + ("v1" if line == "1.0" else "v1alpha1"),
        "kind": "Cluster",
        "metadata": {"name": name},
        "spec": ({"terminationPolicy": policy} if policy else {}) | spec,
    }


def definition(group: str, plural: str, kind: str, schema: Object, **version: Any) -> Object:
    """Return a CustomResourceDefinition with one version."""
    one = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}} | version
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"plural": plural, "kind": kind, "singular": kind.lower(), "listKind": f"{kind}List"},
            "scope": "Namespaced",
            "versions": [one],
        },
    }


_TEXT = {"type": "string"}
_PART = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": _TEXT,
        "size": {"type": "integer", "default": 1, "minimum": 1, "maximum": 9},
        "note": _TEXT,
    },
}
_WIDGET = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["color"],
            "properties": {
                "color": {"type": "string", "enum": ["red", "green"]},
                "code": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5, "minLength": 2},
                "count": {"type": "integer", "format": "int32", "minimum": 0, "maximum": 10, "default": 1},
                "ratio": {"type": "number"},
                "on": {"type": "boolean"},
                "any": {"x-kubernetes-int-or-string": True},
                "parts": {
                    "type": "array",
                    "items": _PART,
                    "minItems": 1,
                    "maxItems": 3,
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                },
                "tags": {"type": "array", "items": _TEXT, "x-kubernetes-list-type": "set"},
                "steps": {"type": "array", "items": _TEXT},
                "plain": {"type": "array", "items": _PART},
                "limits": {"type": "object", "additionalProperties": {"type": "integer"}},
                "whole": {
                    "type": "object",
                    "additionalProperties": _TEXT,
                    "x-kubernetes-map-type": "atomic",
                },
                "nested": {
                    "type": "object",
                    "default": {},
                    "properties": {"depth": {"type": "integer", "default": 2}, "word": _TEXT},
                },
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "nil": {"type": "string", "nullable": True},
            },
        },
        "status": {
            "type": "object",
            "properties": {"phase": {"type": "string", "enum": ["Up", "Down"]}, "seen": {"type": "integer"}},
        },
    },
}


def widgets(case: Case, line: str = "0.9") -> Raw:
    """Return an admin of a data plane that serves the kind Widget, which has one of everything."""
    raw = case.raw(line=line)
    body = definition(WIDGET_GROUP, "widgets", "Widget", _WIDGET, subresources={"status": {}})
    if raw.quiet.create(CRDS, body).code == 201:
        case.eventually(lambda: raw.quiet.get(WIDGETS).code == 200)
    return raw


def widget(name: str, **spec: Any) -> Object:
    made = {"color": "red"} | spec
    return {
        "apiVersion": f"{WIDGET_GROUP}/v1",
        "kind": "Widget",
        "metadata": {"name": name},
        "spec": {key: value for key, value in made.items() if value is not None},
    }
