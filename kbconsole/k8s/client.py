"""The client for one plane: plain dicts in, plain dicts out, five errors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from kbconsole.common.sentences import Json
from kbconsole.k8s.addresses import Rules
from kbconsole.k8s.answers import UNACCEPTED, absent, cut
from kbconsole.k8s.credentials import PlaneCredential
from kbconsole.k8s.errors import Rejected
from kbconsole.k8s.kinds import (
    SELF_SUBJECT_ACCESS_REVIEW,
    SELF_SUBJECT_REVIEW,
    Kind,
    Object,
    Ref,
    group_version_path,
    kind_of,
)
from kbconsole.k8s.manifests import changed_fields
from kbconsole.k8s.transport import Request, Transport

PAGE = 500
_MOST_PAGES = 200
_LONGEST_NAME = 253
_RESTARTS = 2


@dataclass(frozen=True)
class Applied:
    """What server-side apply answered. `touch`: created, updated or unchanged."""

    object: Object
    touch: str
    warnings: tuple[str, ...] = ()


class PlaneClient:
    """Calls to the API server of one plane, safe from several threads.

    Every call raises one of the five errors of `kbconsole.k8s.errors`, nothing else, and ends within
    `deadline` seconds. Reads and server-side applies are repeated over passing trouble, other writes only
    while nothing was sent. Make it in the process that uses it, not before a fork. `allow_loopback` None: as
    the setting says. `unaccepted`: the sentence of a 401.
    """

    def __init__(
        self,
        plane: str,
        credential: PlaneCredential,
        *,
        manager: str = "kbconsole",
        connect_timeout: float = 3,
        read_timeout: float = 7,
        deadline: float = 10,
        allow_loopback: bool | None = None,
        unaccepted: str = UNACCEPTED,
    ) -> None:
        self.plane = plane
        self.manager = manager
        self.deadline = deadline
        self._transport = Transport(
            plane,
            credential,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            rules=Rules.of_settings(allow_loopback),
            unaccepted=unaccepted,
        )

    def __repr__(self) -> str:
        return f"<PlaneClient {self.plane}>"

    @property
    def last_latency(self) -> float:
        """Seconds that the last answered request took, 0.0 before the first."""
        return self._transport.last_latency

    def close(self) -> None:
        self._transport.close()

    def pinned(self, credential: PlaneCredential) -> PlaneCredential:
        """Return what a tool gets that would resolve the server's name itself: a second answer could lead elsewhere.

        It has the address at which this client was answered; the certificate is checked against the name as before.
        The `Host` of the tool's requests is the address, which API servers do not look at. Raises AddressRefused,
        OSError, ValueError for a credential of another server.
        """
        return self._transport.pinned(credential)

    def version(self) -> str:
        """Return the API server's version, such as `v1.31.2`."""
        body, _ = self._transport.expect(Request("GET", "/version", {}, repeatable=True), self._until())
        return cut(body.get("gitVersion", ""))[:60]

    def whoami(self) -> Object:
        """Return the `userInfo` of a SelfSubjectReview: username, groups, …"""
        status = self._review(SELF_SUBJECT_REVIEW, {})
        return _dict(status.get("userInfo"))

    def groups(self) -> list[str]:
        """Return the names of the API groups that the plane serves."""
        request = Request("GET", "/apis", {"kind": "APIGroupList"}, repeatable=True)
        body, _ = self._transport.expect(request, self._until())
        return [str(group.get("name", "")) for group in _dicts(body.get("groups"))]

    def serves(self, api_version: str, plural: str) -> bool:
        """Return whether the plane serves this resource at this version."""
        path = group_version_path(api_version)
        request = Request("GET", path, {"kind": f"{api_version} {plural}"}, repeatable=True)
        answer = self._transport.send(request, self._until())
        if answer.status == 404:
            return False
        if not answer.ok:
            raise self._transport.failure(request, answer)
        resources = _dicts(self._transport.load(request, answer).get("resources"))
        return any(resource.get("name") == plural for resource in resources)

    def can_i(
        self,
        verb: str,
        *,
        group: str = "",
        resource: str,
        subresource: str = "",
        namespace: str = "",
        name: str = "",
    ) -> bool:
        """Return whether the console's user has a right.

        Give `name` for `create` too where the right may be limited by name. Says yes for groups that the
        plane does not serve: ask `serves` as well.
        """
        attributes = {
            "verb": verb,
            "group": group,
            "resource": resource,
            "subresource": subresource,
            "namespace": namespace,
            "name": name,
        }
        spec = {"resourceAttributes": {key: value for key, value in attributes.items() if value}}
        return bool(self._review(SELF_SUBJECT_ACCESS_REVIEW, spec).get("allowed"))

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        """Return one object, None if it or its namespace is absent."""
        return self._get(kind, name, namespace, self._until())

    def list(self, kind: Kind, namespace: str = "", *, labels: str = "", fields: str = "") -> list[Object]:
        """Return all objects that the selectors match, of all namespaces where none is given."""
        until = self._until()
        query = [("labelSelector", labels), ("fieldSelector", fields)]
        base = tuple((key, value) for key, value in query if value)
        for restart in range(_RESTARTS + 1):
            try:
                return list(self._pages(kind, namespace, base, until))
            except Rejected as rejected:
                # The server forgot where the pages were: begin again.
                if rejected.http_status != 410 or restart == _RESTARTS:
                    raise
        raise AssertionError("unreachable")

    def apply(
        self, obj: Object, *, dry_run: bool = False, force: bool = False, subresource: str = ""
    ) -> Applied:
        """Apply on the server as the client's field manager. Raises Conflict with the fields' owners."""
        kind, ref = kind_of(obj), self._ref(obj)
        until = self._until()
        before = self._get(kind, ref["name"], ref["namespace"], until)
        query = self._write_query(dry_run) + ((("force", "true"),) if force else ())
        request = Request(
            "PATCH",
            kind.path(ref["namespace"], ref["name"], subresource),
            ref,
            query=query,
            body=obj,
            content_type="application/apply-patch+yaml",
            repeatable=True,
        )
        body, answer = self._transport.expect(request, until)
        after = self._object(body, request)
        if answer.status == 201:
            touch = "created"
        elif dry_run and before is not None and subresource:
            touch = "unchanged" if before.get(subresource) == after.get(subresource) else "updated"
        else:
            touch = self._touch(before, after, dry_run=dry_run)
        return Applied(after, touch, answer.warnings)

    def create(self, obj: Object, *, dry_run: bool = False) -> Object:
        """Create an object. Raises Conflict if it is there."""
        kind, ref = kind_of(obj), self._ref(obj)
        request = Request(
            "POST", kind.path(ref["namespace"]), ref, query=self._write_query(dry_run), body=obj
        )
        return self._object(self._transport.expect(request, self._until())[0], request)

    def patch(
        self,
        kind: Kind,
        name: str,
        namespace: str,
        patch: Json,
        *,
        subresource: str = "",
        dry_run: bool = False,
    ) -> Object:
        """Merge a patch into an object (RFC 7386): null removes a field, a list replaces the whole list."""
        request = Request(
            "PATCH",
            kind.path(namespace, name, subresource),
            kind.ref(name, namespace),
            query=self._write_query(dry_run),
            body=patch,
            content_type="application/merge-patch+json",
        )
        return self._object(self._transport.expect(request, self._until())[0], request)

    def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str = "",
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: str = "Background",
        dry_run: bool = False,
    ) -> bool:
        """Delete an object; False if it was absent. Raises Conflict if it is not that UID or version."""
        wanted = {"uid": uid, "resourceVersion": resource_version}
        preconditions = {key: value for key, value in wanted.items() if value}
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if preconditions:
            options["preconditions"] = preconditions
        if dry_run:
            options["dryRun"] = ["All"]
        request = Request(
            "DELETE",
            kind.path(namespace, name),
            kind.ref(name, namespace),
            query=(("dryRun", "All"),) if dry_run else (),
            body=options,
        )
        answer = self._transport.send(request, self._until())
        if absent(answer.status, answer.body):
            return False
        if not answer.ok:
            raise self._transport.failure(request, answer)
        return True

    def _until(self) -> float:
        return time.monotonic() + self.deadline

    def _ref(self, obj: Object) -> Ref:
        metadata = obj["metadata"]
        name = metadata.get("name") or metadata.get("generateName") or ""
        return kind_of(obj).ref(name, metadata.get("namespace") or "")

    def _write_query(self, dry_run: bool) -> tuple[tuple[str, str], ...]:
        query = (("fieldManager", self.manager), ("fieldValidation", "Strict"))
        return (*query, ("dryRun", "All")) if dry_run else query

    def _get(self, kind: Kind, name: str, namespace: str, until: float) -> Object | None:
        ref = kind.ref(name, namespace)
        request = Request("GET", kind.path(namespace, name), ref, repeatable=True)
        answer = self._transport.send(request, until)
        if absent(answer.status, answer.body):
            return None
        if not answer.ok:
            raise self._transport.failure(request, answer)
        return self._object(self._transport.load(request, answer), request)

    def _pages(
        self, kind: Kind, namespace: str, base: tuple[tuple[str, str], ...], until: float
    ) -> Iterator[Object]:
        ref = kind.ref("", namespace)
        token = ""
        for _ in range(_MOST_PAGES):
            query = (*base, ("limit", str(PAGE)), *((("continue", token),) if token else ()))
            request = Request("GET", kind.path(namespace), ref, query=query, repeatable=True)
            body, _answer = self._transport.expect(request, until)
            items = body.get("items", "none") or []  # null is Go's empty list; without the key it is none
            for item in items if isinstance(items, list) else [items]:
                whole = {**_dict(item), "apiVersion": kind.api_version, "kind": kind.kind}
                yield self._object(whole, request)
            token = str(_dict(body.get("metadata")).get("continue") or "")
            if not token:
                return
        raise Rejected(
            "k8s.answer_too_big", plane=self.plane, ref=ref, reason="TooBig", limit=_MOST_PAGES * PAGE >> 10
        )

    def _object(self, obj: Object, request: Request) -> Object:
        """Return an answer's object if it looks like one, so that nobody above trips over a server that lies."""
        metadata = _dict(obj.get("metadata"))
        texts = [metadata.get("name"), metadata.get("uid", "none")]
        parts = [metadata.get("labels"), metadata.get("annotations"), obj.get("spec"), obj.get("status")]
        named = all(isinstance(text, str) and 0 < len(text) <= _LONGEST_NAME for text in texts)
        if named and all(part is None or isinstance(part, dict) for part in parts):
            return obj
        raise Rejected(
            "k8s.answer_unreadable", plane=self.plane, ref=request.ref, reason="Unreadable", http_status=200
        )

    def _review(self, kind: Kind, spec: Object) -> Object:
        body: Object = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {}}
        if spec:
            body["spec"] = spec
        request = Request("POST", kind.path(), kind.ref(""), body=body, repeatable=True)
        answer, _ = self._transport.expect(request, self._until())
        return _dict(answer.get("status"))

    def _touch(self, before: Object | None, after: Object, *, dry_run: bool) -> str:
        if before is None:
            # A repeated request whose first answer was lost, or somebody else was faster. Only what is ours
            # alone counts as made by us: an undo may delete it.
            return "created" if _managers(after) == {self.manager} else "updated"
        if dry_run:
            return "updated" if changed_fields(before, after) else "unchanged"
        same = _version(before) == _version(after) != ""
        return "unchanged" if same else "updated"


def _managers(obj: Object) -> set[str]:
    entries = _dicts(_dict(obj.get("metadata")).get("managedFields"))
    return {str(entry.get("manager")) for entry in entries}


def _version(obj: Object) -> str:
    return str(_dict(obj.get("metadata")).get("resourceVersion", ""))


def _dict(value: Json) -> Object:
    """Return an object of an answer; {} for anything else, since the other side may be no API server."""
    return value if isinstance(value, dict) else {}


def _dicts(value: Json) -> Iterator[Object]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())
