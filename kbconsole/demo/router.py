"""From a path to an answer: authentication is done, authorisation and the rest is here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kbconsole.demo import discovery, reads, reviews, writes
from kbconsole.demo.authz import ANONYMOUS, Question, User
from kbconsole.demo.call import APPLY, MERGE, Call, media_type_refused
from kbconsole.demo.plane import Plane
from kbconsole.demo.resources import Resource, is_built_in
from kbconsole.demo.reviews import REVIEWS
from kbconsole.demo.status import ApiError, not_found

Object = dict[str, Any]
_HEALTH = {"readyz", "livez", "healthz"}


@dataclass
class Ask:
    """An HTTP request without the transport."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes


@dataclass
class Reply:
    """An answer: an object, or plain text where a real server says plain text."""

    code: int
    body: Object | str
    headers: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Target:
    """A resource path taken apart."""

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def split(parts: list[str]) -> Target | None:
    """Return what the path names; None for anything that is no resource path."""
    match parts:
        case ["api", version, *rest]:
            group = ""
        case ["apis", group, version, *rest]:
            pass
        case _:
            return None
    namespace = ""
    if len(rest) >= 3 and rest[0] == "namespaces" and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    if not rest or len(rest) > 3:
        return None
    plural, name, subresource = [*rest, "", ""][:3]
    return Target(group, version, plural, namespace, name, subresource)


def authenticate(plane: Plane, authorization: str) -> User | None:
    """Return who asks; None for a token that the plane does not know. What is no token at all is nobody's."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token or token.startswith(" "):
        return ANONYMOUS
    return plane.tokens.get(token)


def answer(plane: Plane, user: User, ask: Ask) -> Reply:
    """Return the answer. Raises ApiError."""
    parts = [part for part in ask.path.split("/") if part]
    target = split(parts)
    if target is None:
        return _unnamed(plane, user, ask, parts)
    review = REVIEWS.get((target.group, target.version, target.plural))
    if review is not None:
        call = _call(plane, user, ask, target)
        return Reply(201, reviews.answer(call, review), warnings=call.warnings)
    call = _call(plane, user, ask, target)
    _check_accept(ask.headers.get("Accept", ""))
    return _resource(call)


def _unnamed(plane: Plane, user: User, ask: Ask, parts: list[str]) -> Reply:
    question = Question(ask.method.lower(), path=ask.path)
    if not plane.authorizer.may(user, question):
        text = f'forbidden: User "{user.name}" cannot {ask.method.lower()} path "{ask.path}"'
        raise ApiError(403, text, details={})
    if parts and parts[0] in _HEALTH:
        return Reply(200, "ok")
    if parts[:1] == ["api"] and len(parts) == 2 and parts[1] != "v1":
        raise ApiError(404, "the server could not find the requested resource", details={})
    found = discovery.answer(plane, parts)
    if found is not None and ask.method != "GET":
        raise _not_allowed()
    return Reply(404, "404 page not found\n") if found is None else Reply(200, found)


def _call(plane: Plane, user: User, ask: Ask, target: Target) -> Call:
    resource = plane.served.find(target.group, target.version, target.plural)
    return Call(
        plane=plane,
        user=user,
        method=ask.method,
        resource=resource or _unknown(target),
        namespace=target.namespace,
        name=target.name,
        subresource=target.subresource,
        query=ask.query,
        agent=ask.headers.get("User-Agent", ""),
        content_type=ask.headers.get("Content-Type", "").split(";")[0].strip(),
        raw=ask.raw,
    )


def _unknown(target: Target) -> Resource:
    """Return a stand-in, so that a missing right is told before a missing kind."""
    return Resource(target.group, target.version, target.plural, "", bool(target.namespace))


def _check_accept(header: str) -> None:
    """Refuse to answer in a form that is not offered. Raises ApiError 406."""
    forms = [part.split(";")[0].strip() for part in header.split(",") if part.strip()]
    if forms and not {"*/*", "application/json", "application/yaml"} & set(forms):
        text = "406: Not Acceptable\n\nAvailable representations: "
        offered = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
        raise ApiError(406, text + offered, details={})


def _resource(call: Call) -> Reply:
    if call.method not in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        raise _not_allowed()
    if not call.plane.authorizer.may(call.user, call.question()):
        raise writes.denied(call.user, call, call.verb)
    resource = call.resource
    known = bool(resource.kind) and resource.namespaced >= bool(call.namespace)
    if not known or (resource.namespaced and call.name and not call.namespace):
        if resource.custom or not is_built_in(resource.group, resource.version):
            return Reply(404, "404 page not found\n")
        raise ApiError(404, "the server could not find the requested resource", details={})
    if call.subresource and not (call.subresource == "status" and resource.status):
        if resource.custom and call.subresource in ("status", "scale"):
            raise not_found(resource.plural, resource.group, call.name)
        raise ApiError(404, "the server could not find the requested resource", details={})
    code, body = _dispatch(call)
    return Reply(code, body, warnings=call.warnings)


def _dispatch(call: Call) -> tuple[int, Object]:
    match call.method, bool(call.name):
        case "GET", True:
            return reads.get(call)
        case "GET", False:
            return reads.list_all(call)
        case "POST", False if not call.resource.namespaced or call.namespace:
            return writes.create(call)
        case "PUT", True:
            return writes.update(call)
        case "PUT" | "PATCH", False if call.resource.custom:
            if call.method == "PATCH" and call.content_type not in (APPLY, MERGE):
                raise media_type_refused(call)
            raise ApiError(400, "name must be provided")
        case "PATCH", True if call.content_type == APPLY:
            return writes.apply_patch(call)
        case "PATCH", True if call.content_type == MERGE:
            return writes.merge_patch(call)
        case "PATCH", True:
            raise media_type_refused(call)
        case "DELETE", True if not call.subresource:
            return reads.delete(call)
    raise _not_allowed()


def _not_allowed() -> ApiError:
    return ApiError(405, "the server does not allow this method on the requested resource", details={})
