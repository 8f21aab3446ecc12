"""What a controller sees of a plane in one pass, and small helpers for polling."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.errors import KubeError
from kbconsole.k8s.kinds import CONFIG_MAP, POD, PVC, ROLE_BINDING, SERVICE, SERVICE_ACCOUNT, Kind

Object = dict[str, Any]
log = logging.getLogger(__name__)
WATCHED = (POD, PVC, SERVICE, CONFIG_MAP, SERVICE_ACCOUNT, ROLE_BINDING)


class View:
    """The objects of one plane at one moment, with the client to change them. Raises KubeError when made."""

    def __init__(self, client: PlaneClient, kinds: Iterable[Kind] = WATCHED) -> None:
        self.client = client
        self._objects: dict[tuple[str, str, str], Object] = {}
        self._served: dict[Kind, bool] = {}
        for kind in kinds:
            for body in client.list(kind):
                self.keep(kind, body)

    def keep(self, kind: Kind, body: Object) -> None:
        metadata = body["metadata"]
        self._objects[(kind.plural, metadata.get("namespace", ""), metadata["name"])] = body

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        return self._objects.get((kind.plural, namespace, name))

    def all(self, kind: Kind, namespace: str = "") -> list[Object]:
        return [
            body
            for (plural, space, _), body in self._objects.items()
            if plural == kind.plural and (not namespace or space == namespace)
        ]

    def serves(self, kind: Kind) -> bool:
        """Return whether the plane serves a kind; asked once. Raises KubeError."""
        if kind not in self._served:
            self._served[kind] = self.client.serves(kind.api_version, kind.plural)
        return self._served[kind]

    def create(self, kind: Kind, body: Object) -> None:
        """Create and remember. Raises KubeError."""
        self.keep(kind, self.client.create(body))

    def forget(self, kind: Kind, namespace: str, name: str) -> None:
        self._objects.pop((kind.plural, namespace, name), None)


class Controller:
    """Something that looks at planes again and again."""

    def step(self) -> None:
        """Do one pass. Raises KubeError when a plane does not answer."""
        raise NotImplementedError

    def try_step(self) -> None:
        """Make one pass; a plane that does not answer is tried again next time."""
        try:
            self.step()
        except KubeError as error:
            log.debug("%s: %s", type(self).__name__, error)
