"""Taking an API server back to what it held before a test, directly and as its admin."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from time import monotonic, sleep
from typing import Any

from kbconsole.k8s.kinds import group_version_path
from tests.fleets import binaries
from tests.fleets.api import Answer, Api

Object = dict[str, Any]
Key = tuple[str, str, str]  # collection, namespace, name
GONE_SECONDS = 60.0
METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
# What tests, the console and the stand-ins write. Definitions go before what they define would be listed.
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
COLLECTIONS = (
    DEFINITIONS,
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/statefulsets",
    "/apis/batch/v1/jobs",
    "/api/v1/pods",
    "/api/v1/persistentvolumeclaims",
    "/api/v1/persistentvolumes",
    "/api/v1/services",
    "/api/v1/configmaps",
    "/api/v1/secrets",
    "/api/v1/serviceaccounts",
    "/api/v1/resourcequotas",
    "/api/v1/limitranges",
    "/api/v1/events",
    f"{RBAC}/rolebindings",
    f"{RBAC}/roles",
    f"{RBAC}/clusterrolebindings",
    f"{RBAC}/clusterroles",
    "/apis/storage.k8s.io/v1/storageclasses",
    "/api/v1/nodes",
)
NAMESPACES = "/api/v1/namespaces"
# Where an API server keeps what it does not keep under the name of the resource.
_KEPT_AT = {
    DEFINITIONS: "apiextensions.k8s.io/customresourcedefinitions",
    "/api/v1/services": "services/specs",
    "/api/v1/nodes": "minions",
}
# Written by those who watch over every namespace, at any time.
_OTHERS = {("/api/v1/serviceaccounts", "default"), ("/api/v1/configmaps", "kube-root-ca.crt")}
_LEFT_OUT = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink")


class Baseline:
    """What a server holds at one moment, and the way back to it.

    `revisions` gives the keys of its database with their last writes: only collections in which something was written
    are asked for, since asking for all of them takes longer than most tests.
    """

    def __init__(self, api: Api, revisions: Callable[[], Mapping[str, int]]) -> None:
        self._api, self._revisions = api, revisions
        self._paths: dict[str, str] = {}
        self._written = dict(revisions())
        collections = self._collections()
        self._kept = self._everything("application/json", collections)
        unseen = {key[0] for key in self._kept} - self._below(self._written, collections)
        assert not unseen, f"they are kept elsewhere: {unseen}"

    def restore(self, api: Api) -> None:
        """Remove what is new, write back what was changed or removed. Raises TimeoutError, RuntimeError."""
        self._api, until = api, monotonic() + GONE_SECONDS
        while left := self._differences():
            if monotonic() > until:
                raise TimeoutError(f"it does not go back to what it was: {left[:5]}")
            sleep(0.05)

    def _differences(self) -> list[Key]:
        """Make one pass; return what it had to change."""
        collections = self._changed()
        now = self._everything(METADATA, collections)
        kept = {key: body for key, body in self._kept.items() if key[0] in collections}
        new = [key for key in now if key not in kept]
        changed = [key for key, body in kept.items() if not self._same(key, body, now.get(key))]
        for key in new:
            self._remove(key, now[key])
        for key in changed:
            self._write_back(key, now.get(key))
        return new + changed

    def _changed(self) -> list[str]:
        """Return the collections in which something was written or removed since."""
        now = self._revisions()
        keys = {key for key, revision in now.items() if self._written.get(key) != revision}
        collections = self._collections()
        changed = self._below(keys | (self._written.keys() - now.keys()), collections)
        return [collection for collection in collections if collection in changed]

    def _below(self, keys: Iterable[str], collections: Iterable[str]) -> set[str]:
        """Return the collections that these keys of the database belong to."""
        starts = {self._kept_at(collection): collection for collection in collections}
        return {starts[start] for key in keys for start in _starts(key) if start in starts}

    def _kept_at(self, collection: str) -> str:
        """Return the beginning of the keys of a collection: custom kinds stand below their group."""
        *_, group, _version, resource = collection.split("/")
        custom = f"{group}/{resource}" if collection in self._paths.values() else resource
        return _KEPT_AT.get(collection, custom) + "/"

    def _collections(self) -> tuple[str, ...]:
        return (*self._custom(), *COLLECTIONS, NAMESPACES)

    def _everything(self, accept: str, collections: Iterable[str]) -> dict[Key, Object]:
        found: dict[Key, Object] = {}
        for collection in collections:
            for body in self._list(collection, accept):
                metadata = body["metadata"]
                if (collection, metadata["name"]) not in _OTHERS:
                    found[(collection, metadata.get("namespace", ""), metadata["name"])] = body
        return found

    def _custom(self) -> list[str]:
        """Return the collections of all custom kinds; what was defined since is looked up."""
        for row in self._list(DEFINITIONS, METADATA):
            name = row["metadata"]["name"]
            if name not in self._paths:
                definition = _checked(self._api.get(f"{DEFINITIONS}/{name}"), missing=True)
                self._paths |= {name: _path_of(definition)} if definition.get("spec") else {}
        return list(self._paths.values())

    def _same(self, key: Key, kept: Object, now: Object | None) -> bool:
        if now is None or kept["metadata"]["resourceVersion"] == now["metadata"]["resourceVersion"]:
            return now is not None
        answer = self._api.get(_path(key))
        if answer.code != 200:
            return False
        if key[0] == DEFINITIONS:  # its status has times
            return bool(kept["spec"] == answer.body["spec"]) and _is_established(answer.body)
        return _content(kept) == _content(answer.body)

    def _list(self, collection: str, accept: str) -> list[Object]:
        answer, until = self._api.get(collection, accept=accept), monotonic() + GONE_SECONDS
        while answer.code == 429 and monotonic() < until:  # a definition was just removed or made anew
            sleep(0.2)
            answer = self._api.get(collection, accept=accept)
        if answer.code == 404:  # its definition is gone
            return []
        return list(_checked(answer)["items"] or [])

    def _remove(self, key: Key, body: Object) -> None:
        path = _path(key)
        if body["metadata"].get("finalizers") and key[0] != DEFINITIONS:
            _checked(self._api.merge(path, {"metadata": {"finalizers": None}}), missing=True)
        if "deletionTimestamp" not in body["metadata"] or key[0] != NAMESPACES:
            _checked(self._api.delete(path, {"gracePeriodSeconds": 0}), missing=True)
        if key[0] == NAMESPACES:  # its controller takes seconds; what was in it is gone
            ended = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": key[2]}, "spec": {}}
            _checked(self._api.ask("PUT", f"{path}/finalize", ended), missing=True)

    def _write_back(self, key: Key, now: Object | None) -> None:
        """Write it as it was, or remove it for the next pass: a generation does not count backwards."""
        kept = self._kept[key]
        if now is not None and ("deletionTimestamp" in now["metadata"] or _is_made_anew(key, kept)):
            self._remove(key, now)
            return
        method, path = ("POST", _collection(key)) if now is None else ("PUT", _path(key))
        answer = self._api.ask(method, path, _plain(kept), fieldManager=_manager(kept))
        if answer.code == 422 and now is not None:  # what cannot be changed
            self._remove(key, now)
            return
        _checked(answer, missing=True, conflict=True)
        if _is_made_anew(key, kept):
            patch = {"status": kept["status"]}
            _checked(self._api.merge(f"{_path(key)}/status", patch), missing=True)


def _is_made_anew(key: Key, kept: Object) -> bool:
    return bool(kept.get("status")) and key[0] not in (NAMESPACES, DEFINITIONS, "/api/v1/services")


def _is_established(definition: Object) -> bool:
    conditions = definition.get("status", {}).get("conditions") or []
    return any((entry["type"], entry["status"]) == ("Established", "True") for entry in conditions)


def _plain(body: Object) -> Object:
    """Return the object without what the server alone writes, nor what a controller fills in at its own pace."""
    plain = copy.deepcopy(body)
    if plain.get("aggregationRule") and binaries.has(binaries.MANAGER):
        plain.pop("rules", None)
    plain["metadata"] = {k: v for k, v in plain["metadata"].items() if k not in _LEFT_OUT}
    return plain


def _content(body: Object) -> Object:
    """Return what is compared; the items of a list of built-in kinds do not say what they are."""
    return {key: value for key, value in _plain(body).items() if key not in ("apiVersion", "kind")}


def _manager(body: Object) -> str:
    entries = body["metadata"].get("managedFields") or [{}]
    return str(entries[0].get("manager", "helm"))


def _path_of(definition: Object) -> str:
    spec = definition["spec"]
    stored = next(version["name"] for version in spec["versions"] if version["storage"])
    return f"{group_version_path(spec['group'] + '/' + stored)}/{spec['names']['plural']}"


def _starts(key: str) -> list[str]:
    first, _, rest = key.partition("/")
    return [f"{first}/", f"{first}/{rest.partition('/')[0]}/"]


def _collection(key: Key) -> str:
    base, _, plural = key[0].rpartition("/")
    return f"{base}/namespaces/{key[1]}/{plural}" if key[1] else key[0]


def _path(key: Key) -> str:
    return f"{_collection(key)}/{key[2]}"


def _checked(answer: Answer, *, missing: bool = False, conflict: bool = False) -> Object:
    if answer.code < 300 or (missing and answer.code == 404) or (conflict and answer.code == 409):
        return answer.body if isinstance(answer.body, dict) else {}
    raise RuntimeError(f"{answer.code}: {answer.body}")
