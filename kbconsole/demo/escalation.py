"""RBAC's own guard: nobody grants what they do not hold."""

from __future__ import annotations

from typing import Any

from kbconsole.demo.authz import Question, User, missing_rules, printed
from kbconsole.demo.call import Call
from kbconsole.demo.resources import RBAC
from kbconsole.demo.status import forbidden, not_found

Object = dict[str, Any]
_EVERYTHING = [
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
    {"nonResourceURLs": ["*"], "verbs": ["*"]},
]


def check(call: Call, body: Object, before: Object | None) -> None:
    """Raise ApiError 403 where a role or binding would give its writer more than he has."""
    if call.resource.group != RBAC or call.user.is_master or (before and _granted(before) == _granted(body)):
        return
    if call.resource.kind in ("Role", "ClusterRole"):
        _check_role(call, body, before)
    else:
        _check_binding(call, body)


def _granted(body: Object) -> Object:
    """Return the object without what a garbage collector writes, which grants nothing."""
    parts = {"rules": body.get("rules") or None}
    ignored = ("ownerReferences", "finalizers", "managedFields", "resourceVersion")
    metadata = {key: value for key, value in body["metadata"].items() if key not in ignored}
    return {**body, **parts, "metadata": metadata}


def _refuse_missing(call: Call, name: str, wanted: list[Any]) -> None:
    user: User = call.user
    held = list(call.plane.authorizer.rules(user, call.namespace))
    missing = missing_rules(wanted, held)
    if missing:
        groups = " ".join(f'"{group}"' for group in user.groups)
        listed = "\n".join(printed(rule) for rule in missing)
        text = f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:'
        raise forbidden(call.resource.plural, RBAC, name, f"{text}\n{listed}")


def _check_role(call: Call, body: Object, before: Object | None) -> None:
    name = body["metadata"]["name"]
    question = Question("escalate", RBAC, call.resource.plural, "", call.namespace, name)
    if call.plane.authorizer.may(call.user, question):
        return
    _refuse_missing(call, name, body.get("rules") or [])
    if body.get("aggregationRule") or (before or {}).get("aggregationRule"):
        held = list(call.plane.authorizer.rules(call.user, ""))
        if missing_rules(_EVERYTHING, held):
            text = "must have cluster-admin privileges to use the aggregationRule"
            raise forbidden(call.resource.plural, RBAC, name, text)


def _check_binding(call: Call, body: Object) -> None:
    reference, name = body.get("roleRef") or {}, body["metadata"]["name"]
    plural = "clusterroles" if reference.get("kind") == "ClusterRole" else "roles"
    question = Question("bind", RBAC, plural, "", call.namespace, reference.get("name", ""))
    if call.plane.authorizer.may(call.user, question):
        return
    rules = call.plane.authorizer.role_rules(reference, call.namespace)
    if rules is None:
        # A real server names the binding's kind here, not the role's.
        raise not_found(call.resource.plural, RBAC, reference.get("name", ""))
    _refuse_missing(call, name, rules)
