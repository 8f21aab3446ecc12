"""The end of a namespace: its content goes first, what has finalizers holds it back."""

from __future__ import annotations

import copy
from typing import Any

from kbconsole.demo import ownership
from kbconsole.demo.plane import Plane

Object = dict[str, Any]


class Terminating:
    """Knows which namespaces of a plane are going away, and takes them further at every step."""

    def __init__(self, plane: Plane) -> None:
        self._store = plane.store
        going = [ns for ns in plane.store.all("namespaces") if "deletionTimestamp" in ns["metadata"]]
        self._names = {namespace["metadata"]["name"] for namespace in going}
        plane.store.on_change(self._changed)

    def _changed(self, resource: str, body: Object | None) -> None:
        if resource == "namespaces" and body is not None and "deletionTimestamp" in body["metadata"]:
            self._names.add(body["metadata"]["name"])

    def step(self) -> None:
        for name in list(self._names):
            content = self._store.in_namespace(name)
            for resource, body in content:
                self._remove(resource, name, body)
            if not content:
                self._finish(name)

    def _remove(self, resource: str, namespace: str, body: Object) -> None:
        metadata = body["metadata"]
        if not metadata.get("finalizers"):
            self._store.remove(resource, namespace, metadata["name"])
        elif "deletionTimestamp" not in metadata:
            marked = copy.deepcopy(body)
            marked["metadata"] |= {"deletionTimestamp": ownership.now(), "deletionGracePeriodSeconds": 0}
            self._store.put(resource, marked)

    def _finish(self, name: str) -> None:
        namespace = self._store.get("namespaces", "", name)
        if namespace is not None and not namespace["metadata"].get("finalizers"):
            self._store.remove("namespaces", "", name)
            self._names.discard(name)
        elif namespace is None:
            self._names.discard(name)
