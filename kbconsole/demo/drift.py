"""Changes that somebody else makes to a plane's objects."""

from __future__ import annotations

from typing import Any

from kbconsole.demo import seed
from kbconsole.demo.plane import Plane
from kbconsole.demo.resources import RBAC
from kbconsole.demo.rights import POD_ROLE, rule

Object = dict[str, Any]
MERGE = "application/merge-patch+json"
# Named changes: path below the plane, and what is merged into the object.
PRESETS: dict[str, tuple[str, Object]] = {
    "role-wider": (
        f"/apis/{RBAC}/v1/clusterroles/{POD_ROLE}",
        {"rules": [rule("", "events", "create"), rule("", "secrets", "get list")]},
    ),
    "role-empty": (f"/apis/{RBAC}/v1/clusterroles/{POD_ROLE}", {"rules": None}),
}


def make(
    plane: Plane,
    name: str = "role-wider",
    path: str = "",
    patch: Object | None = None,
    manager: str = "kubectl-edit",
) -> Object:
    """Merge a preset by name, or `patch` into the object at `path`. Raises ApiError, ValueError."""
    if path:
        return seed.send(plane, "PATCH", path, patch or {}, manager=manager, kind=MERGE)
    if name not in PRESETS:
        raise ValueError(f"no such drift: {name}; there are {', '.join(PRESETS)}, or path and patch")
    path, change = PRESETS[name]
    return seed.send(plane, "PATCH", path, change, manager=manager, kind=MERGE)
