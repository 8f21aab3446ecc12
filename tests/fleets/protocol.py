"""What a fleet of test planes is, whoever serves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.credentials import PlaneCredential


class Fleet(Protocol):
    """A control plane with KubeBlocks of a release line, and data planes."""

    @property
    def control_plane(self) -> str: ...

    @property
    def planes(self) -> tuple[str, ...]: ...

    @property
    def line(self) -> str: ...

    def credential(self, plane: str, user: str = "kbconsole") -> PlaneCredential:
        """Return how a user reaches a plane. Users: kbconsole, operator, admin, nobody."""
        ...

    def kubeconfig(self, user: str = "kbconsole", contexts: Sequence[str] | None = None) -> str:
        """Return a self-contained kubeconfig; without `contexts`: the control plane and all data planes."""
        ...

    def client(self, plane: str, user: str = "admin", **options: Any) -> PlaneClient:
        """Return a new client; the caller closes it."""
        ...
