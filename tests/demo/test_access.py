"""Who may do what on an embedded server."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from kbconsole.demo.fleet import EmbeddedFleet
from tests.demo.conftest import RBAC, Raw

Object = dict[str, Any]
POD_ROLE = "kubeblocks-cluster-pod-role"
EVENTS = {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]}


@pytest.fixture
def console(servers: EmbeddedFleet) -> Raw:
    return Raw(servers, "k8s-1", "kbconsole")


@pytest.fixture
def nobody(servers: EmbeddedFleet) -> Raw:
    return Raw(servers, "k8s-1", "nobody")


def role(name: str, *rules: Object, **extra: Any) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": list(rules),
    } | extra


def bind(raw: Raw, name: str, *rules: Object, user: str = "nobody") -> None:
    """Give a user rights, as an admin of the plane would."""
    raw.create(f"{RBAC}/clusterroles", role(name, *rules))
    body = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "User", "name": user}],
    }
    assert raw.create(f"{RBAC}/clusterrolebindings", body).code == 201


def can_i(raw: Raw, verb: str, group: str, resource: str, name: str = "", namespace: str = "") -> bool:
    attributes = {"verb": verb, "group": group, "resource": resource, "name": name, "namespace": namespace}
    body = {"spec": {"resourceAttributes": attributes}}
    answer = raw.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
    return bool(answer.body["status"]["allowed"])


def test_an_unknown_token_is_not_let_in(raw: Raw) -> None:
    answer = raw.ask("GET", "/api/v1/namespaces", token="stolen")
    assert (answer.code, answer.body["reason"], answer.body["message"]) == (
        401,
        "Unauthorized",
        "Unauthorized",
    )


def test_without_a_token_only_version_and_health_are_public(raw: Raw) -> None:
    assert raw.ask("GET", "/version", token="").code == 200
    assert raw.ask("GET", "/readyz", token="").body == "ok"
    answer = raw.ask("GET", "/api/v1/namespaces", token="")
    assert answer.code == 403
    assert 'User "system:anonymous" cannot list resource "namespaces"' in answer.body["message"]


def test_a_missing_right_is_named(nobody: Raw) -> None:
    answer = nobody.get("/api/v1/namespaces/default/pods/p")
    text = 'pods "p" is forbidden: User "nobody" cannot get resource "pods" in API group "" in the namespace "default"'
    assert (answer.code, answer.body["reason"], answer.body["message"]) == (403, "Forbidden", text)


def test_everybody_may_ask_who_they_are(nobody: Raw) -> None:
    answer = nobody.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert answer.code == 201
    assert answer.body["status"]["userInfo"] == {"username": "nobody", "groups": ["system:authenticated"]}


def test_a_right_limited_by_name_needs_the_name_in_the_question(console: Raw) -> None:
    group = "rbac.authorization.k8s.io"
    assert can_i(console, "create", group, "clusterroles", POD_ROLE)
    assert not can_i(console, "create", group, "clusterroles")
    assert not can_i(console, "patch", group, "clusterroles", "cluster-admin")


def test_a_review_says_yes_for_kinds_that_are_not_served(raw: Raw) -> None:
    assert can_i(raw, "get", "no.such.group", "things")


def test_the_console_writes_the_one_role_and_no_other(console: Raw) -> None:
    assert console.apply(f"{RBAC}/clusterroles/{POD_ROLE}", role(POD_ROLE, EVENTS)).code == 201
    refused = console.apply(f"{RBAC}/clusterroles/other", role("other", EVENTS))
    assert refused.code == 403
    assert "cannot patch resource" in refused.body["message"]


def test_nobody_grants_what_they_do_not_hold(raw: Raw, nobody: Raw) -> None:
    writer = {
        "apiGroups": ["rbac.authorization.k8s.io"],
        "resources": ["clusterroles"],
        "verbs": ["create", "patch"],
    }
    bind(raw, "role-writer", writer)
    name = f"r-{uuid.uuid4().hex[:6]}"
    rules = [EVENTS, {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]
    for dry_run in ({"dryRun": "All"}, {}):
        refused = nobody.apply(f"{RBAC}/clusterroles/{name}", role(name, *rules), **dry_run)
        assert refused.code == 403
        assert "is attempting to grant RBAC permissions not currently held:\n" in refused.body["message"]
        assert '{APIGroups:[""], Resources:["events"], Verbs:["create"]}' in refused.body["message"]
        assert '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}' in refused.body["message"]
    literal = role(name, aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]})
    refused = nobody.apply(f"{RBAC}/clusterroles/{name}", literal)
    assert refused.body["message"].endswith("must have cluster-admin privileges to use the aggregationRule")


def test_a_binding_needs_the_rules_or_the_right_to_bind(raw: Raw, servers: EmbeddedFleet) -> None:
    writer = {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["rolebindings"], "verbs": ["*"]}
    bind(raw, "binder", writer)
    raw.create(f"{RBAC}/clusterroles", role("bound-role", EVENTS))
    body = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "b"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "bound-role"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
    }
    path, nobody = f"{RBAC}/namespaces/default/rolebindings", Raw(servers, "k8s-1", "nobody")
    assert "not currently held" in nobody.create(path, body).body["message"]
    right = {
        "apiGroups": ["rbac.authorization.k8s.io"],
        "resources": ["clusterroles"],
        "verbs": ["bind"],
        "resourceNames": ["bound-role"],
    }
    bind(raw, "may-bind", right)
    assert nobody.create(path, body).code == 201
    changed = body | {"roleRef": {**body["roleRef"], "name": "cluster-admin"}}  # type: ignore[dict-item]
    assert raw.ask("PUT", f"{path}/b", changed).code == 422


def test_a_missing_right_is_told_before_a_missing_kind(nobody: Raw, raw: Raw) -> None:
    path = "/apis/apps.kubeblocks.io/v1/clusters"
    assert (nobody.get(path).code, raw.get(path).code) == (403, 404)
