"""Roles, bindings, and users who have a right for the length of a block."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from tests.contract.conftest import Case, Raw

Object = dict[str, Any]
GROUP = "rbac.authorization.k8s.io"
RBAC = f"/apis/{GROUP}/v1"
CLUSTER_ROLES = f"{RBAC}/clusterroles"
ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
NOBODY: Object = {"kind": "User", "name": "nobody", "apiGroup": GROUP}


def rule(group: str, resources: str, verbs: str, *names: str) -> Object:
    made: Object = {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}
    return made | ({"resourceNames": list(names)} if names else {})


def role(name: str, *rules: Object, kind: str = "ClusterRole", **extra: Any) -> Object:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": kind,
        "metadata": {"name": name},
        "rules": list(rules),
    } | extra


def binding(name: str, to: str, *, kind: str = "ClusterRole", namespace: str = "", **extra: Any) -> Object:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": GROUP, "kind": kind, "name": to},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace or "default"}],
    } | extra


def paths(namespace: str) -> tuple[str, str]:
    """Return where roles and bindings are, of a namespace or of the cluster."""
    if namespace:
        return f"{RBAC}/namespaces/{namespace}/roles", f"{RBAC}/namespaces/{namespace}/rolebindings"
    return CLUSTER_ROLES, f"{RBAC}/clusterrolebindings"


@contextlib.contextmanager
def granted(
    case: Case, *rules: Object, namespace: str = "", subject: Object = NOBODY, tag: str = ""
) -> Iterator[Raw]:
    """Give rights, wait until the server knows, and take them away again. Yields the user nobody."""
    admin, nobody, name = case.raw().quiet, case.raw("nobody"), f"{case.name}{tag}"
    roles, bindings = paths(namespace)
    kind = "Role" if namespace else "ClusterRole"
    assert admin.create(roles, role(name, *rules, kind=kind)).code == 201
    body = binding(name, name, kind=kind, namespace=namespace, subjects=[subject])
    assert admin.create(bindings, body).code == 201
    try:
        case.eventually(lambda: may(nobody, rules[-1], namespace))
        yield nobody
    finally:
        admin.delete(f"{bindings}/{name}")
        admin.delete(f"{roles}/{name}")
        case.eventually(lambda: not may(nobody, rules[-1], namespace))


def may(user: Raw, one: Object, namespace: str = "") -> bool:
    """Return whether the server grants the first right of a rule."""
    if urls := one.get("nonResourceURLs"):
        spec: Object = {"nonResourceAttributes": {"path": urls[0].replace("*", "x"), "verb": one["verbs"][0]}}
    else:
        resource, _, subresource = one["resources"][0].partition("/")
        asked = {"verb": one["verbs"][0], "group": one["apiGroups"][0], "resource": resource}
        asked |= {"subresource": subresource, "namespace": namespace}
        spec = {"resourceAttributes": asked | {"name": (one.get("resourceNames") or [""])[0]}}
    return bool(user.quiet.create(ACCESS, {"spec": spec}).body["status"]["allowed"])
