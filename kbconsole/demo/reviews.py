"""What is asked by creating an object that is never stored: what may I do, who am I; and binding a pod."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kbconsole.demo import ownership, pods, writes
from kbconsole.demo.authz import Question, User
from kbconsole.demo.builtin import META, REFERENCE
from kbconsole.demo.call import Call
from kbconsole.demo.checks import quoted
from kbconsole.demo.ownership import now
from kbconsole.demo.resources import Resource
from kbconsole.demo.schema import ANY, STRING, Schema, obj
from kbconsole.demo.status import ApiError, Cause, bad, invalid

Object = dict[str, Any]
_ATTRIBUTES = obj(
    **dict.fromkeys(("verb", "group", "version", "resource", "subresource", "namespace", "name"), STRING),
    fieldSelector=ANY,
    labelSelector=ANY,
)
_PATH = obj(path=STRING, verb=STRING)


def _review(group: str, plural: str, kind: str, **spec: Schema) -> Resource:
    schema = obj(apiVersion=STRING, kind=STRING, metadata=META, spec=obj(**spec), status=ANY)
    return Resource(group, "v1", plural, kind, namespaced=False, schema=schema)


def _info(user: User) -> Object:
    info: Object = {"username": user.name, "groups": list(user.groups)}
    return info | ({"uid": user.uid} if user.uid else {})


def self_subject(call: Call, body: Object) -> Object:
    return {"metadata": {"creationTimestamp": now()}, "status": {"userInfo": _info(call.user)}}


def access(call: Call, body: Object) -> Object:
    """SelfSubjectAccessReview: also answers for kinds that the plane does not serve, as a real server does."""
    spec = {key: value for key, value in (body.get("spec") or {}).items() if value is not None}
    asked, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (cause := _ambiguous(asked, path)) is not None:
        raise invalid("", call.resource.group, "", [cause])
    if asked is None:
        question = Question((path or {}).get("verb", ""), path=(path or {}).get("path", ""))
    else:
        question = Question(
            asked.get("verb", ""),
            asked.get("group", ""),
            asked.get("resource", ""),
            asked.get("subresource", ""),
            asked.get("namespace", ""),
            asked.get("name", ""),
        )
    why = call.plane.authorizer.why(call.user, question)
    status: Object = {"allowed": why is not None} | ({"reason": why} if why else {})
    return {"spec": spec, "status": status}


def _ambiguous(asked: Object | None, path: Object | None) -> Cause | None:
    if asked is None and path is None:
        text = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        return bad("spec.resourceAttributes", "null", text)
    if asked is None or path is None:
        return None
    shown = quoted({"Path": path.get("path", ""), "Verb": path.get("verb", "")})
    text = "cannot be specified in combination with resourceAttributes"
    return bad("spec.nonResourceAttributes", shown, text)


def rules(call: Call, body: Object) -> Object:
    namespace = (body.get("spec") or {}).get("namespace")
    if not namespace:
        raise ApiError(400, "no namespace on request")
    found = list(call.plane.authorizer.rules(call.user, namespace))
    if call.user.is_master:
        everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
        found = [everything, {"verbs": ["*"], "nonResourceURLs": ["*"]}]
    status = {
        "resourceRules": [rule for rule in found if not rule.get("nonResourceURLs")],
        "nonResourceRules": [rule for rule in found if rule.get("nonResourceURLs")],
        "incomplete": False,
    }
    return {"spec": {}, "status": status}


_AUTHORIZATION, _AUTHENTICATION = "authorization.k8s.io", "authentication.k8s.io"
_ACCESS = _review(
    _AUTHORIZATION,
    "selfsubjectaccessreviews",
    "SelfSubjectAccessReview",
    resourceAttributes=_ATTRIBUTES,
    nonResourceAttributes=_PATH,
)
_RULES = _review(_AUTHORIZATION, "selfsubjectrulesreviews", "SelfSubjectRulesReview", namespace=STRING)
_SELF = _review(_AUTHENTICATION, "selfsubjectreviews", "SelfSubjectReview")
_TARGET = obj(apiVersion=STRING, kind=STRING, metadata=META, target=REFERENCE)
_BINDING = Resource("", "v1", "bindings", "Binding", namespaced=True, schema=_TARGET)
Review = tuple[Resource, Callable[[Call, Object], Object]]
REVIEWS: dict[tuple[str, str, str], Review] = {
    (resource.group, resource.version, resource.plural): (resource, answer)
    for resource, answer in (
        (_ACCESS, access),
        (_RULES, rules),
        (_SELF, self_subject),
        (_BINDING, pods.bind),
    )
}


def answer(call: Call, review: Review) -> Object:
    """Answer a review, which is only ever created. Raises ApiError."""
    resource, tell = review
    call = replace(call, resource=resource)
    if not call.plane.authorizer.may(call.user, call.question()):
        raise writes.denied(call.user, call, call.verb)
    if call.name:
        raise ApiError(404, "the server could not find the requested resource", details={})
    if call.method != "POST":
        raise ApiError(405, "the server does not allow this method on the requested resource", details={})
    body = writes.decoded(call, {"apiVersion": resource.api_version, "kind": resource.kind, **call.body()})
    told = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": {}}
    if resource is _ACCESS:
        start: Object = {"metadata": {}} | ownership.zero(resource.schema)
        shares = ownership.after_update(start, body, resource.schema, call.writer, resource.api_version)
        ownership.write(told, shares)
    return told | tell(call, body)
