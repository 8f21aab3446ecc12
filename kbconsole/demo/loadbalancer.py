"""A stand-in for a cloud's load balancer controller in one plane."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from kbconsole.demo.kubelet import seeded
from kbconsole.demo.looking import Controller
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.kinds import SERVICE

Object = dict[str, Any]
CLEANUP = "service.kubernetes.io/load-balancer-cleanup"


def addresses(service: Object) -> list[str]:
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    return [str(entry.get("ip") or entry.get("hostname")) for entry in ingress]


class LoadBalancer(Controller):
    """Gives each LoadBalancer service an address of 10.<number + 3>.0.0/16 after a while, but what `others` claim."""

    def __init__(
        self,
        plane: PlaneClient,
        *,
        number: int = 1,
        delay: float = 1.0,
        others: Callable[[Object], bool] = lambda service: False,
    ) -> None:
        self.plane = plane
        self.others = others
        self.number = number
        self.delay = delay
        self._since: dict[str, float] = {}

    def step(self) -> None:
        services = self.plane.list(SERVICE)
        taken = {address for service in services for address in addresses(service)}
        for service in services:
            wanted = service["spec"].get("type") == "LoadBalancer" and not service["spec"].get(
                "loadBalancerClass"
            )
            if "deletionTimestamp" in service["metadata"]:
                self._release(service)
            elif wanted and not addresses(service) and not self.others(service):
                self._assign(service, taken)
            elif not wanted and CLEANUP in service["metadata"].get("finalizers", []):
                self._status(service, {"ingress": None})
                self._release(service)

    def _assign(self, service: Object, taken: set[str]) -> None:
        metadata = service["metadata"]
        uid, finalizers = metadata["uid"], metadata.get("finalizers", [])
        begun = self._since.setdefault(uid, time.monotonic())
        if CLEANUP not in finalizers:
            self._finalizers(service, [*finalizers, CLEANUP])
        if time.monotonic() - begun < seeded(metadata["name"], "address", self.delay):
            return
        pool = (f"10.{self.number + 3}.{i // 250}.{i % 250 + 1}" for i in range(10, 60000))
        address = next(found for found in pool if found not in taken)
        taken.add(address)
        self._status(service, {"ingress": [{"ip": address, "ipMode": "VIP"}]})
        self._since.pop(uid, None)

    def _status(self, service: Object, balancer: Object) -> None:
        metadata, change = service["metadata"], {"status": {"loadBalancer": balancer}}
        self.plane.patch(SERVICE, metadata["name"], metadata["namespace"], change, subresource="status")

    def _release(self, service: Object) -> None:
        finalizers = service["metadata"].get("finalizers", [])
        if CLEANUP in finalizers:
            self._finalizers(service, [name for name in finalizers if name != CLEANUP])

    def _finalizers(self, service: Object, names: list[str]) -> None:
        """Write the list, unless somebody else changed the service meanwhile: then the next pass does."""
        metadata = service["metadata"]
        change = {"metadata": {"finalizers": names, "resourceVersion": metadata["resourceVersion"]}}
        self.plane.patch(SERVICE, metadata["name"], metadata["namespace"], change)
