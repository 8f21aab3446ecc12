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
    if call.resource.group != RBAC or call.user.is_master:
        return
    if call.resource.kind in ("Role", "ClusterRole"):
        _check_role(call, body, before)
    else:
        _check_binding(call, body)


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
    if body.get("aggregationRule"):
        held = list(call.plane.authorizer.rules(call.user, ""))
        if missing_rules(_EVERYTHING, held):
            text = "must have cluster-admin privileges to use the aggregationRule"
            raise forbidden(call.resource.plural, RBAC, name, text)
    _refuse_missing(call, name, body.get("rules") or [])


def _check_binding(call: Call, body: Object) -> None:
    reference, name = body["roleRef"], body["metadata"]["name"]
    plural = "clusterroles" if reference["kind"] == "ClusterRole" else "roles"
    question = Question("bind", RBAC, plural, "", call.namespace, reference["name"])
    if call.plane.authorizer.may(call.user, question):
        return
    rules = call.plane.authorizer.role_rules(reference, call.namespace)
    if rules is None:
        raise not_found(plural, RBAC, reference["name"])
    _refuse_missing(call, name, rules)
