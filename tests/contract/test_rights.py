"""What a server says to those who may not, and what RBAC lets through."""

from __future__ import annotations

import pytest

from kbconsole.k8s.errors import Forbidden
from kbconsole.k8s.kinds import CONFIG_MAP
from tests.contract.conftest import Case, Object
from tests.contract.granting import CLUSTER_ROLES, GROUP, RBAC, granted, role, rule


def config_map(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}


def maps(namespace: str, name: str = "") -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps" + (f"/{name}" if name else "")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/namespaces/x/pods/p"),
        ("GET", "/api/v1/namespaces/x/pods"),
        ("GET", "/api/v1/pods"),
        ("GET", "/api/v1/nodes"),
        ("GET", "/api/v1/namespaces"),
        ("GET", "/api/v1/namespaces/x"),
        ("POST", "/api/v1/namespaces"),
        ("POST", "/api/v1/namespaces/x/configmaps"),
        ("PUT", "/api/v1/namespaces/x/configmaps/c"),
        ("DELETE", "/api/v1/namespaces/x/configmaps/c"),
        ("DELETE", "/api/v1/namespaces/x/configmaps"),
        ("DELETE", f"{RBAC}/clusterroles/c"),
        ("GET", f"{RBAC}/clusterroles"),
        ("POST", f"{RBAC}/namespaces/x/rolebindings"),
        ("GET", "/api/v1/namespaces/x/services/s/status"),
        ("PUT", "/api/v1/namespaces/x/services/s/status"),
        ("GET", "/api/v1/namespaces/x/pods/p/log"),
        ("POST", "/api/v1/namespaces/x/pods/p/exec"),
        ("GET", "/apis/apps/v1/namespaces/x/deployments/d/scale"),
        ("GET", "/apis/no.such.group/v1/things"),
        ("POST", "/apis/no.such.group/v1/namespaces/x/things"),
    ],
)
def test_a_missing_right_is_told_in_the_same_words(case: Case, method: str, path: str) -> None:
    body: Object | None = {} if method in ("POST", "PUT") else None
    answer = case.raw("nobody").ask(method, path, body)
    assert (answer.code, answer.reason) == (403, "Forbidden")
    assert 'is forbidden: User "nobody" cannot ' in answer.message


@pytest.mark.parametrize("path", ["/metrics", "/nonsense", "/logs/x"])
def test_so_is_a_path_that_is_no_resource(case: Case, path: str) -> None:
    answer = case.raw("nobody").get(path)
    assert answer.message == f'forbidden: User "nobody" cannot get path "{path}"'


def test_patches_and_applies_are_denied_as_patch(case: Case) -> None:
    nobody = case.raw("nobody")
    assert 'cannot patch resource "configmaps"' in nobody.merge(maps("default", "c"), {}).message
    assert 'cannot patch resource "configmaps"' in nobody.apply(maps("default", "c"), config_map("c")).message
    assert (
        'cannot patch resource "services/status"'
        in nobody.merge("/api/v1/namespaces/default/services/s/status", {}).message
    )
    assert 'cannot patch resource "clusterroles"' in nobody.apply(f"{CLUSTER_ROLES}/c", role("c")).message
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}
    assert 'in the namespace "x"' in nobody.apply("/api/v1/namespaces/x", space).message


def test_the_console_reads_the_missing_right_out_of_the_answer(case: Case) -> None:
    client = case.client("nobody")
    with pytest.raises(Forbidden) as raised:
        client.get(CONFIG_MAP, "c", "default")
    wanted = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"], "resourceNames": ["c"]}
    assert raised.value.missing == [wanted]
    with pytest.raises(Forbidden):
        client.list(CONFIG_MAP, "default")
    with pytest.raises(Forbidden):
        client.apply(config_map("c") | {"metadata": {"name": "c", "namespace": "default"}})
    with pytest.raises(Forbidden):
        client.delete(CONFIG_MAP, "c", "default")


def test_resource_names_let_one_object_through_but_no_list_and_no_creation(case: Case) -> None:
    space, name = case.namespace(), "mine"
    verbs = "get list create patch update delete"
    with granted(case, rule("", "configmaps", verbs, name), namespace=space) as nobody:
        assert nobody.get(maps(space, name)).code == 404
        assert nobody.get(maps(space)).code == 403
        assert nobody.create(maps(space), config_map(name)).code == 403
        assert nobody.delete(maps(space, "other")).code == 403
        assert nobody.apply(maps(space, "other"), config_map("other")).code == 403
        assert nobody.apply(maps(space, name), config_map(name)).code == 201
        assert nobody.get(maps(space, name)).code == 200
        assert nobody.delete(maps(space, name)).code == 200


def test_an_apply_that_creates_needs_the_right_to_create_too(case: Case) -> None:
    space = case.namespace()
    with granted(case, rule("", "configmaps", "patch"), namespace=space) as nobody:
        for query in ({}, {"dryRun": "All"}):
            answer = nobody.apply(maps(space, "c"), config_map("c"), **query)
            assert (answer.code, answer.reason) == (403, "Forbidden")
            assert 'cannot create resource "configmaps"' in answer.message
        assert nobody.merge(maps(space, "c"), {}).code == 404
        case.raw().create(maps(space), config_map("c"))
        assert nobody.apply(maps(space, "c"), config_map("c"), dryRun="All").code == 200


def test_a_subresource_is_a_right_of_its_own(case: Case) -> None:
    space = case.namespace()
    base = f"/api/v1/namespaces/{space}"
    rules = rule("", "pods/*", "get"), rule("", "services/status", "patch")
    with granted(case, *rules, namespace=space) as nobody:
        assert nobody.merge(f"{base}/services/s/status", {}).code == 404
        assert nobody.merge(f"{base}/services/s", {}).code == 403
        # pods/* is no pattern: only */status is.
        assert nobody.get(f"{base}/pods/p/status").code == 403
    with granted(case, rule("", "*/status", "get"), namespace=space, tag="b") as nobody:
        assert nobody.get(f"{base}/pods/p/status").code == 404
        assert nobody.get(f"{base}/pods/p").code == 403


def test_stars_stand_for_verbs_groups_and_resources(case: Case) -> None:
    space = case.namespace()
    rules = rule("*", "deployments", "get"), rule("apps", "*", "list"), rule("", "secrets", "*")
    with granted(case, *rules, namespace=space) as nobody:
        secrets = f"/api/v1/namespaces/{space}/secrets"
        assert nobody.get(secrets).code == 200
        assert nobody.delete(f"{secrets}/s").code == 404
        assert nobody.get("/api/v1/secrets").code == 403
        assert nobody.get("/api/v1/namespaces/default/secrets").code == 403
        deployments = f"/apis/apps/v1/namespaces/{space}/deployments"
        assert nobody.get(f"{deployments}/d").code == 404
        assert nobody.get(deployments).code == 200
        assert nobody.delete(f"{deployments}/d").code == 403


@pytest.mark.parametrize(
    ("subject", "let_in"),
    [
        ({"kind": "Group", "name": "system:authenticated", "apiGroup": GROUP}, True),
        ({"kind": "Group", "name": "kbconsole", "apiGroup": GROUP}, False),
        ({"kind": "User", "name": "Nobody", "apiGroup": GROUP}, False),
        ({"kind": "ServiceAccount", "name": "nobody", "namespace": "default"}, False),
    ],
)
def test_subjects(case: Case, subject: Object, let_in: bool) -> None:
    space = case.namespace()
    if let_in:
        with granted(case, rule("", "configmaps", "list"), namespace=space, subject=subject) as nobody:
            assert nobody.get(maps(space)).code == 200
    else:
        with granted(case, rule("", "secrets", "list"), namespace=space) as nobody:
            case.raw().quiet.create(
                f"{RBAC}/namespaces/{space}/roles", role("r", rule("", "configmaps", "list"), kind="Role")
            )
            body = {"roleRef": {"apiGroup": GROUP, "kind": "Role", "name": "r"}, "subjects": [subject]}
            made = {"apiVersion": f"{GROUP}/v1", "kind": "RoleBinding", "metadata": {"name": "r"}} | body
            assert case.raw().create(f"{RBAC}/namespaces/{space}/rolebindings", made).code == 201
            assert nobody.get(maps(space)).code == 403


def test_a_right_inside_a_namespace_opens_the_namespace_itself(case: Case) -> None:
    space = case.namespace()
    with granted(case, rule("", "namespaces", "get"), namespace=space) as nobody:
        assert nobody.get(f"/api/v1/namespaces/{space}").code == 200
        assert nobody.get("/api/v1/namespaces/default").code == 403
        assert nobody.get("/api/v1/namespaces").code == 403


def test_paths_that_are_no_resources(case: Case) -> None:
    with granted(case, {"nonResourceURLs": ["/nonsense/*", "/none"], "verbs": ["get"]}) as nobody:
        assert nobody.get("/nonsense/deep/down").code == 404
        assert nobody.get("/none").code == 404
        assert nobody.get("/nonsense").code == 403
        assert nobody.ask("POST", "/none", {}).code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2",
        "/api/v1/nothing",
        "/api/v1/namespaces/default/nothing",
        "/apis/no.such.group/v1",
        "/apis/no.such.group/v1/things",
        "/api/v1/namespaces/default/nodes/n",
        "/nonsense",
        f"{RBAC}/clusterroles/cluster-admin/status",
    ],
)
def test_what_is_not_there_for_those_who_may(case: Case, path: str) -> None:
    assert case.raw().get(path).code == 404
