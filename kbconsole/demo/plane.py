"""One plane: its objects, users and address ranges, and what it serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kbconsole.demo.authz import Authorizer, User
from kbconsole.demo.resources import Resource, Served
from kbconsole.demo.store import Store

Object = dict[str, Any]
DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
GIT_VERSION = "v1.36.3"


@dataclass(frozen=True)
class Identity:
    """What a plane is besides its objects. `number` picks the address ranges: 0 is the control plane."""

    name: str
    number: int

    @property
    def service_range(self) -> str:
        return f"10.{100 + self.number}" if self.number <= 150 else "10.99"

    @property
    def pod_range(self) -> str:
        return f"10.{self.number}"

    @property
    def balancer_range(self) -> str:
        return f"10.{self.number + 3}"


class Plane:
    """The state that the API server of a plane works on."""

    def __init__(self, identity: Identity, store: Store, tokens: dict[str, User]) -> None:
        self.identity = identity
        self.name = identity.name
        self.store = store
        self.tokens = tokens
        self.authorizer = Authorizer(store)
        self._served: Served | None = None
        store.on_change(self._changed)

    def _changed(self, resource: str, body: Object | None) -> None:
        if resource == DEFINITIONS:
            self._served = None

    @property
    def served(self) -> Served:
        if self._served is None:
            self._served = Served(self.store.all(DEFINITIONS))
        return self._served

    def shown(self, resource: Resource, body: Object) -> Object:
        """Return a stored object as this version of its kind (the first level is a copy)."""
        return {**body, "apiVersion": resource.api_version, "kind": resource.kind}
