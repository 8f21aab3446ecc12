"""Objects of every plane in memory, and the one SQLite file that keeps them."""

from __future__ import annotations

import copy
import fcntl
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Object = dict[str, Any]
Key = tuple[str, str, str, str]
Hook = Callable[[str, "Object | None"], None]

_TABLES = """
CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS objects (
    plane TEXT, resource TEXT, namespace TEXT, name TEXT, body TEXT NOT NULL,
    PRIMARY KEY (plane, resource, namespace, name)
);
"""


class StateBusy(ValueError):
    """Another fleet works on the file: two would overwrite each other."""


class StateFile:
    """What survives a restart. Writes are gathered and written together; a kill loses at most one interval.

    Raises StateBusy while another has it open.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._claim = path.with_name(path.name + ".lock").open("w")
        try:
            fcntl.flock(self._claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._claim.close()
            raise StateBusy(f"a fleet runs already on {path.name}") from error
        path.touch(mode=0o600)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_TABLES)
        # Of its own, so that the servers never wait for the disk.
        self._dirty_lock = threading.Lock()
        self._dirty: dict[Key, str | None] = {}

    def fact(self, key: str) -> Any:
        """Return what was kept under the key, or None."""
        with self._lock:
            row = self._connection.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def keep(self, key: str, value: Any) -> None:
        with self._lock, self._connection:
            self._connection.execute("REPLACE INTO facts VALUES (?, ?)", (key, json.dumps(value)))

    def remember(self, key: Key, body: Object | None) -> None:
        """Take one write (None: removed); `flush` stores it."""
        text = None if body is None else json.dumps(body)
        with self._dirty_lock:
            self._dirty[key] = text

    def objects(self, plane: str) -> Iterator[tuple[str, str, str, Object]]:
        with self._lock:
            rows = self._connection.execute(
                "SELECT resource, namespace, name, body FROM objects WHERE plane = ?", (plane,)
            ).fetchall()
        for resource, namespace, name, body in rows:
            yield resource, namespace, name, json.loads(body)

    def flush(self) -> None:
        with self._dirty_lock:
            dirty, self._dirty = self._dirty, {}
        if not dirty:
            return
        kept = [(*key, body) for key, body in dirty.items() if body is not None]
        gone = [key for key, body in dirty.items() if body is None]
        with self._lock, self._connection:
            self._connection.executemany("REPLACE INTO objects VALUES (?, ?, ?, ?, ?)", kept)
            self._connection.executemany(
                "DELETE FROM objects WHERE plane = ? AND resource = ? AND namespace = ? AND name = ?", gone
            )

    def close(self) -> None:
        self.flush()
        with self._lock:
            self._connection.close()
        self._claim.close()


class Store:
    """The objects of one plane by resource key (`pods`, `clusters.apps.kubeblocks.io`), namespace and name."""

    def __init__(self, plane: str, state: StateFile) -> None:
        self.plane = plane
        self._state = state
        self._objects: dict[str, dict[tuple[str, str], Object]] = {}
        self._hooks: list[Hook] = []
        self.version = 0
        for resource, namespace, name, body in state.objects(plane):
            self._objects.setdefault(resource, {})[(namespace, name)] = body
            self.version = max(self.version, int(body["metadata"]["resourceVersion"]))

    def on_change(self, hook: Hook) -> None:
        """Call `hook(resource, object)` after each write; the object is None for a removal."""
        self._hooks.append(hook)

    def next_version(self) -> str:
        self.version += 1
        return str(self.version)

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        """Return the stored object itself: not to be changed by the caller."""
        return self._objects.get(resource, {}).get((namespace, name))

    def all(self, resource: str, namespace: str = "") -> list[Object]:
        """Return stored objects in order of namespace and name: not to be changed by the caller."""
        rows = list(self._objects.get(resource, {}).items())
        return [
            body for key, body in sorted(rows, key=lambda row: row[0]) if not namespace or key[0] == namespace
        ]

    def put(self, resource: str, body: Object) -> None:
        """Store with a new resourceVersion."""
        metadata = body["metadata"]
        metadata["resourceVersion"] = self.next_version()
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        self._objects.setdefault(resource, {})[(namespace, name)] = body
        self._state.remember((self.plane, resource, namespace, name), body)
        for hook in self._hooks:
            hook(resource, body)

    def remove(self, resource: str, namespace: str, name: str) -> None:
        self.next_version()
        if self._objects.get(resource, {}).pop((namespace, name), None) is None:
            return
        self._state.remember((self.plane, resource, namespace, name), None)
        for hook in self._hooks:
            hook(resource, None)

    def in_namespace(self, namespace: str) -> list[tuple[str, Object]]:
        """Return (resource, object) of everything in the namespace."""
        return [
            (resource, body)
            for resource, rows in list(self._objects.items())
            for (space, _), body in list(rows.items())
            if space == namespace
        ]

    def look(self, resource: str, name: str, namespace: str = "") -> Object | None:
        """Return a copy, for tests and the curious."""
        return copy.deepcopy(self.get(resource, namespace, name))

    def names(self, resource: str, namespace: str = "") -> list[str]:
        """Return the names of what is there, sorted, for tests."""
        return [body["metadata"]["name"] for body in self.all(resource, namespace)]
