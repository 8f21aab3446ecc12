"""Reviews: what may I do, who am I."""

from __future__ import annotations

from typing import Any

from kbconsole.demo.authz import Question, User
from kbconsole.demo.plane import Plane

Object = dict[str, Any]


def _group(user: User) -> Object:
    info: Object = {"username": user.name, "groups": list(user.groups)}
    return info | ({"uid": user.uid} if user.uid else {})


def self_subject(plane: Plane, user: User, body: Object) -> Object:
    return {
        "kind": "SelfSubjectReview",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"creationTimestamp": None},
        "status": {"userInfo": _group(user)},
    }


def access(plane: Plane, user: User, body: Object) -> Object:
    """SelfSubjectAccessReview: also answers for kinds that the plane does not serve, as a real server does."""
    spec = body.get("spec") or {}
    asked, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes") or {}
    if asked is None:
        question = Question(path.get("verb", ""), path=path.get("path", ""))
    else:
        question = Question(
            asked.get("verb", ""),
            asked.get("group", ""),
            asked.get("resource", ""),
            asked.get("subresource", ""),
            asked.get("namespace", ""),
            asked.get("name", ""),
        )
    allowed = plane.authorizer.may(user, question)
    status: Object = {"allowed": allowed}
    if allowed:
        status["reason"] = "RBAC: allowed by ClusterRoleBinding" if not user.is_master else ""
    return {
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {"creationTimestamp": None},
        "spec": spec,
        "status": status,
    }


def rules(plane: Plane, user: User, body: Object) -> Object:
    namespace = (body.get("spec") or {}).get("namespace") or "default"
    found = list(plane.authorizer.rules(user, namespace))
    if user.is_master:
        everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
        found = [everything, {"verbs": ["*"], "nonResourceURLs": ["*"]}]
    status = {
        "resourceRules": [rule for rule in found if not rule.get("nonResourceURLs")],
        "nonResourceRules": [rule for rule in found if rule.get("nonResourceURLs")],
        "incomplete": False,
    }
    return {
        "kind": "SelfSubjectRulesReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {"creationTimestamp": None},
        "spec": {"namespace": namespace},
        "status": status,
    }


REVIEWS = {
    ("authorization.k8s.io", "v1", "selfsubjectaccessreviews"): access,
    ("authorization.k8s.io", "v1", "selfsubjectrulesreviews"): rules,
    ("authentication.k8s.io", "v1", "selfsubjectreviews"): self_subject,
}
