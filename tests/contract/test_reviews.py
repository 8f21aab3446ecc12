"""What may I do, and who am I?"""

from __future__ import annotations

import pytest

from tests.contract.conftest import Case, Object
from tests.contract.granting import ACCESS, GROUP, granted, rule

ME = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
POD_ROLE = "kubeblocks-cluster-pod-role"


def review(**attributes: str) -> Object:
    kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    return kind | {"spec": {"resourceAttributes": attributes}}


@pytest.mark.parametrize("user", ["nobody", "kbconsole", "operator", "admin"])
def test_who_am_i(case: Case, user: str) -> None:
    kind = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    bodies: list[Object] = [{}, kind, kind | {"metadata": {}}]
    for body in bodies:
        answer = case.raw(user).create(ME, body)
        assert answer.code == 201
        info = answer.body["status"]["userInfo"]
        assert info["username"] == user
        assert "system:authenticated" in info["groups"]
    assert case.client(user).whoami() == info


def test_the_answer_names_the_binding_that_allows(case: Case) -> None:
    one = rule("", "pods", "get", "one")
    with granted(case, one) as nobody:
        status = nobody.create(ACCESS, review(verb="get", resource="pods", name="one")).body["status"]
        text = (
            f'RBAC: allowed by ClusterRoleBinding "{case.name}" of ClusterRole "{case.name}" to User "nobody"'
        )
        assert status == {"allowed": True, "reason": text}
        denied = nobody.create(ACCESS, review(verb="get", resource="pods")).body["status"]
        assert denied == {"allowed": False}
        in_space = review(verb="get", resource="pods", name="one", namespace="default")
        assert nobody.create(ACCESS, in_space).body["status"]["allowed"]


def test_and_the_one_inside_a_namespace(case: Case) -> None:
    space = case.namespace()
    everybody = {"kind": "Group", "name": "system:authenticated", "apiGroup": GROUP}
    with granted(case, rule("", "pods/log", "get"), namespace=space, subject=everybody) as nobody:
        asked = review(verb="get", resource="pods", subresource="log", namespace=space)
        reason = nobody.create(ACCESS, asked).body["status"]["reason"]
        who = 'to Group "system:authenticated"'
        assert reason == f'RBAC: allowed by RoleBinding "{case.name}/{space}" of Role "{case.name}" {who}'
        everywhere = review(verb="get", resource="pods", subresource="log")
        assert not nobody.create(ACCESS, everywhere).body["status"]["allowed"]
        whole = review(verb="get", resource="pods", namespace=space)
        assert not nobody.create(ACCESS, whole).body["status"]["allowed"]


@pytest.mark.parametrize("user", ["nobody", "admin"])
@pytest.mark.parametrize(
    "asked",
    [
        {"verb": "get", "group": "no.such.group", "resource": "things"},
        {"verb": "*", "group": "*", "resource": "*"},
        {"verb": "get", "resource": "namespaces", "name": "default"},
        {"verb": "get", "resource": "pods", "version": "v1"},
        {"verb": "get"},
        {"resource": "pods"},
        {},
        {"verb": "create", "group": "authorization.k8s.io", "resource": "selfsubjectaccessreviews"},
    ],
)
def test_odd_questions_get_answers_too(case: Case, user: str, asked: Object) -> None:
    assert case.raw(user).create(ACCESS, review(**asked)).code == 201


def test_a_right_limited_by_name_needs_the_name_in_the_question(case: Case) -> None:
    with granted(case, rule(GROUP, "clusterroles", "create", POD_ROLE)):
        client = case.client("nobody")
        assert client.can_i("create", group=GROUP, resource="clusterroles", name=POD_ROLE)
        assert not client.can_i("create", group=GROUP, resource="clusterroles")


@pytest.mark.parametrize(
    "spec",
    [
        {"nonResourceAttributes": {"path": "/metrics", "verb": "get"}},
        {
            "nonResourceAttributes": {"path": "/x", "verb": "get"},
            "resourceAttributes": {"verb": "get", "resource": "pods"},
        },
        {"resourceAttributes": None},
        {"resourceAttributes": {"verb": "get", "resource": "pods", "foo": "x"}},
        {"user": "x", "resourceAttributes": {"verb": "get", "resource": "pods"}},
        {},
    ],
)
def test_other_questions(case: Case, spec: Object) -> None:
    nobody = case.raw("nobody")
    answer = nobody.create(ACCESS, {"spec": spec})
    assert answer.code in (201, 422)
    nobody.create(ACCESS, {"spec": spec}, fieldValidation="Strict")


def test_a_review_is_only_ever_created(case: Case) -> None:
    admin = case.raw()
    for answer in (admin.get(ACCESS), admin.delete(ACCESS), admin.get(ME)):
        assert (answer.code, answer.reason) == (405, "MethodNotAllowed")
    assert admin.get(f"{ACCESS}/x").code == 404
    assert case.raw("nobody").get(ACCESS).code == 403
