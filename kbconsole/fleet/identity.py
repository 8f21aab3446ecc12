"""Whether the plane that answers is the one that was registered, asked before anything that it says is believed."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import declare
from kbconsole.fleet.answers import NotingClient
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.errors import Conflict, KubeError, Unauthorised, Unreachable
from kbconsole.k8s.kinds import NAMESPACE, Kind, Object

P = ParamSpec("P")
R = TypeVar("R")
SURE_SECONDS = 5.0
SYSTEM = "kube-system"

declare(
    {
        "fleet.other_plane": _(
            "Behind the address of %(plane)s there is another Kubernetes cluster than the one that was registered: "
            "the UID of %(object)s is another one. Nothing was done there, and nothing that it says is believed. Find "
            "out what became of the registered one; when it answers at this address again, choose Retry."
        ),
        "installer.unaccepted": _(
            "%(plane)s no longer accepts its installer credential (401): that has expired or was revoked there. The "
            "console's own credential has nothing to do with it. Take the installer credential away under Fleet → "
            "%(plane)s, or give another one there, then choose Retry."
        ),
    }
)


def other_plane(plane: str) -> Conflict:
    return Conflict("fleet.other_plane", plane=plane, ref=NAMESPACE.ref(SYSTEM), reason="OtherPlane")


def uid_of_plane(client: PlaneClient) -> str:
    """Return the UID that no two Kubernetes clusters share, "" where the namespace is not there. Raises KubeError."""
    found = client.get(NAMESPACE, SYSTEM)
    return str(found["metadata"]["uid"]) if found else ""


def _sure(
    method: Callable[Concatenate[RegisteredClient, P], R],
) -> Callable[Concatenate[RegisteredClient, P], R]:
    @functools.wraps(method)
    def call(client: RegisteredClient, /, *args: P.args, **kwargs: P.kwargs) -> R:
        client.make_sure()
        try:
            return method(client, *args, **kwargs)
        except (Unreachable, Unauthorised):
            client.doubt()  # what answers after a silence may be something else
            raise

    return call


class RegisteredClient(NotingClient):
    """A client of a registered plane: it talks to no other Kubernetes cluster at the same address.

    A cluster that was made anew, or restored elsewhere, may answer with the same certificates and tokens. Believing
    it would prove a database gone that still runs, or write into somebody else's cluster. Its identity is asked for
    again after each silence, and after a few seconds in any case. What tells who is there is answered always.
    """

    def __init__(self, plane: str, *args: Any, uid: str, **options: Any) -> None:
        super().__init__(plane, *args, **options)
        self._uid = uid
        self._sure_until = 0.0

    def make_sure(self) -> None:
        """Raise Conflict when another Kubernetes cluster answers, any KubeError when nobody says which one it is."""
        if time.monotonic() < self._sure_until:
            return
        if uid_of_plane(self) != self._uid:
            raise other_plane(self.plane)
        self._sure_until = time.monotonic() + SURE_SECONDS

    def doubt(self) -> None:
        self._sure_until = 0.0

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        plain = (kind, name) == (NAMESPACE, SYSTEM)
        return NotingClient.get(self, kind, name, namespace) if plain else _get(self, kind, name, namespace)

    groups = _sure(NotingClient.groups)
    serves = _sure(NotingClient.serves)
    can_i = _sure(NotingClient.can_i)
    list = _sure(NotingClient.list)
    apply = _sure(NotingClient.apply)
    create = _sure(NotingClient.create)
    patch = _sure(NotingClient.patch)
    delete = _sure(NotingClient.delete)


class InstallerClient(RegisteredClient):
    """The same with an installer credential: how that fares says nothing of whether the plane answers the console."""

    def __init__(self, plane: str, *args: Any, **options: Any) -> None:
        super().__init__(plane, *args, **options, unaccepted="installer.unaccepted")

    def note(self, error: KubeError | None) -> None:
        pass


_get = _sure(NotingClient.get)
