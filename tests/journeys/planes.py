"""Looking at what the planes of a fleet really hold, as their admin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.kinds import (
    CONFIG_MAP,
    PERSISTENT_VOLUME,
    POD,
    PVC,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
    kind_named,
)
from tests.fleets.protocol import Fleet

Object = dict[str, Any]
KINDS = (POD, PVC, SERVICE, CONFIG_MAP, SERVICE_ACCOUNT, ROLE_BINDING)
# What a real server and its controllers make on their own.
_EVERYWHERE = {(SERVICE_ACCOUNT, "default"), (CONFIG_MAP, "kube-root-ca.crt"), (SERVICE, "kubernetes")}


class Planes:
    """The admin's clients of all planes of a fleet."""

    def __init__(self, clients: dict[str, PlaneClient], line: str) -> None:
        self.clients = clients
        self.line = line

    def one(self, plane: str, kind: Kind, name: str, namespace: str = "") -> Object:
        """Return an object that has to be there."""
        found = self.clients[plane].get(kind, name, namespace)
        assert found is not None, f"{plane} has no {kind.kind} {namespace}/{name}"
        return found

    def names(self, plane: str, kind: Kind, namespace: str) -> set[str]:
        """Return the names of all objects of the kind in a namespace but those that are in every one."""
        names = {body["metadata"]["name"] for body in self.clients[plane].list(kind, namespace)}
        return {name for name in names if (kind, name) not in _EVERYWHERE}

    def held(self, plane: str, namespace: str) -> dict[Kind, set[str]]:
        """Return the names of all objects of a namespace by kind, kinds without any left out."""
        found = {kind: self.names(plane, kind, namespace) for kind in KINDS}
        return {kind: names for kind, names in found.items() if names}

    def volumes(self, plane: str) -> list[str]:
        return [body["metadata"]["name"] for body in self.clients[plane].list(PERSISTENT_VOLUME)]

    def owners(self, control: str) -> list[str]:
        """Return `Kind/name` of KubeBlocks' own objects in the control plane, in all namespaces."""
        version = "v1alpha1" if self.line == "0.9" else "v1"
        groups = {"Cluster": "apps", "Component": "apps", "InstanceSet": "workloads"}
        kinds = [kind_named(f"{group}.kubeblocks.io/{version}", name) for name, group in groups.items()]
        return [
            f"{kind.kind}/{body['metadata']['name']}"
            for kind in kinds
            for body in self.clients[control].list(kind)
        ]


@contextmanager
def looking(fleet: Fleet) -> Iterator[Planes]:
    with ExitStack() as stack:
        names = (fleet.control_plane, *fleet.planes)
        clients = {name: stack.enter_context(closing(fleet.client(name))) for name in names}
        yield Planes(clients, fleet.line)


def managers(body: Object) -> dict[str, Object]:
    """Return the fields that each manager owns, by `manager/operation`."""
    entries = body["metadata"].get("managedFields") or []
    return {f"{entry['manager']}/{entry['operation']}": entry["fieldsV1"] for entry in entries}


def contains(whole: Any, part: Any) -> bool:
    """Return whether everything that `part` says stands in `whole` too; lists item by item."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(contains(whole.get(key), value) for key, value in part.items())
    if isinstance(part, list):
        same = isinstance(whole, list) and len(whole) == len(part)
        return same and all(contains(*pair) for pair in zip(whole, part, strict=True))
    return bool(whole == part)


def addresses(service: Object) -> list[str]:
    return [entry["ip"] for entry in service["status"]["loadBalancer"].get("ingress") or []]
