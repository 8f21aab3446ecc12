"""A stand-in for MetalLB in one plane: what its chart brings, and a controller that gives addresses from pools."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from kbconsole.demo.kubelet import seeded
from kbconsole.demo.loadbalancer import addresses
from kbconsole.demo.looking import Controller
from kbconsole.demo.schema import ANY as FREE
from kbconsole.demo.schema import BOOLEAN, STRING, Schema, arr, obj, whole, words
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.errors import Conflict, KubeError
from kbconsole.k8s.kinds import (
    CRD,
    EVENT,
    IP_ADDRESS_POOL,
    L2_ADVERTISEMENT,
    METALLB_CONFIGURATION_STATE,
    SERVICE,
    Kind,
)

Object = dict[str, Any]
HOME = "metallb-system"
WANTED_POOL = "metallb.io/address-pool"
WANTED_ADDRESS = "metallb.io/loadBalancerIPs"
TAKEN_FROM = "metallb.io/ip-allocated-from-pool"
_LOOK_SECONDS = 5.0
_COUNTS = {
    f"{word}IPv{version}": whole(format="int64") for word in ("assigned", "available") for version in (4, 6)
}
_SELECTORS = arr(FREE)
_POOL: Schema = obj(
    "spec",
    spec=obj(
        "addresses", addresses=arr(STRING), autoAssign={**BOOLEAN, "default": True},
        avoidBuggyIPs={**BOOLEAN, "default": False}, serviceAllocation=FREE,
    ),
    status=obj(*_COUNTS, **_COUNTS),
)  # fmt: skip
_ADVERTISEMENT: Schema = obj(
    spec=obj(
        ipAddressPools=arr(STRING), ipAddressPoolSelectors=_SELECTORS, nodeSelectors=_SELECTORS,
        interfaces=arr(STRING), serviceSelectors=_SELECTORS,
    ),
    status=obj(),
)  # fmt: skip
_STATE: Schema = obj(
    status=obj(result=words("Valid", "Invalid", "Unknown"), errorSummary=STRING, conditions=arr(FREE)),
)


def definitions() -> list[Object]:
    """Return its CustomResourceDefinitions, trimmed to what the console writes and reads."""
    kinds = (
        (IP_ADDRESS_POOL, _POOL),
        (L2_ADVERTISEMENT, _ADVERTISEMENT),
        (METALLB_CONFIGURATION_STATE, _STATE),
    )
    return [_definition(kind, schema) for kind, schema in kinds]


def _definition(kind: Kind, schema: Schema) -> Object:
    names = {
        "plural": kind.plural,
        "kind": kind.kind,
        "singular": kind.kind.lower(),
        "listKind": f"{kind.kind}List",
    }
    version = {
        "name": kind.version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }  # fmt: skip
    return {
        "apiVersion": CRD.api_version,
        "kind": CRD.kind,
        "metadata": {"name": kind.resource},
        "spec": {"group": kind.group, "names": names, "scope": "Namespaced", "versions": [version]},
    }


def installed(nodes: int) -> list[Object]:
    """Return what `helm install` leaves behind, up and running on so many nodes."""
    modes = {f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("enforce", "audit", "warn")}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME, "labels": modes}}
    up = {
        "replicas": 1,
        "updatedReplicas": 1,
        "readyReplicas": 1,
        "availableReplicas": 1,
        "observedGeneration": 1,
    }
    everywhere = {
        "desiredNumberScheduled": nodes, "currentNumberScheduled": nodes, "numberReady": nodes,
        "numberAvailable": nodes, "numberMisscheduled": 0,
    }  # fmt: skip
    return [
        space, *definitions(), _workload("Deployment", "controller", up), _workload("DaemonSet", "speaker", everywhere)
    ]  # fmt: skip


def _workload(kind: str, component: str, status: Object) -> Object:
    labels = {
        "app.kubernetes.io/name": "metallb", "app.kubernetes.io/instance": "metallb",
        "app.kubernetes.io/component": component,
    }  # fmt: skip
    container = {"name": component, "image": f"quay.io/metallb/{component}:v0.16.1"}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": f"metallb-{component}", "namespace": HOME, "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
        "status": status,
    }


class MetalLb(Controller):
    """Gives LoadBalancer services addresses of the pools that are there; says so when none is free."""

    def __init__(self, plane: PlaneClient, *, delay: float = 1.0) -> None:
        self.plane = plane
        self.delay = delay
        self._pools: list[Object] = []
        self._looked = 0.0
        self._is_there = False
        self._since: dict[str, float] = {}
        self._told: set[str] = set()

    def claims(self, service: Object) -> bool:
        """Whether the service is MetalLB's, not the cloud's: there are pools, one of them named or for everybody."""
        named = (service["metadata"].get("annotations") or {}).get(WANTED_POOL)
        return any(named or pool["spec"].get("autoAssign", True) for pool in self._pools)

    def step(self) -> None:
        if not self._installed():
            return
        self._pools = sorted(
            self.plane.list(IP_ADDRESS_POOL, HOME), key=lambda pool: str(pool["metadata"]["name"])
        )
        if not self._pools:
            return
        services = [one for one in self.plane.list(SERVICE) if one["spec"].get("type") == "LoadBalancer"]
        taken = {address for service in services for address in addresses(service)}
        for service in services:
            if not addresses(service) and "deletionTimestamp" not in service["metadata"]:
                self._give(service, taken)
        self._say_how_it_stands(services)

    def _installed(self) -> bool:
        if not self._is_there and monotonic() > self._looked:
            self._looked = monotonic() + _LOOK_SECONDS
            self._is_there = self.plane.serves(IP_ADDRESS_POOL.api_version, IP_ADDRESS_POOL.plural)
        return self._is_there

    def _give(self, service: Object, taken: set[str]) -> None:
        metadata = service["metadata"]
        if not self.claims(service):
            return
        begun = self._since.setdefault(metadata["uid"], monotonic())
        if monotonic() - begun < seeded(metadata["name"], "address", self.delay):
            return
        found = next(((pool, one) for pool, one in self._candidates(metadata) if one not in taken), None)
        if found is None:
            self._tell(service)
            return
        pool, address = found
        taken.add(address)
        name, space = metadata["name"], metadata["namespace"]
        self.plane.patch(
            SERVICE, name, space, {"metadata": {"annotations": {TAKEN_FROM: pool["metadata"]["name"]}}}
        )
        status = {"status": {"loadBalancer": {"ingress": [{"ip": address, "ipMode": "VIP"}]}}}
        self.plane.patch(SERVICE, name, space, status, subresource="status")
        self._since.pop(metadata["uid"], None)
        service["metadata"].setdefault("annotations", {})[TAKEN_FROM] = pool["metadata"]["name"]
        service["status"] = status["status"]

    def _candidates(self, metadata: Object) -> Iterator[tuple[Object, str]]:
        notes = metadata.get("annotations") or {}
        wanted, asked = notes.get(WANTED_POOL), (notes.get(WANTED_ADDRESS) or "").split(",")[0].strip()
        for pool in self._pools:
            if pool["metadata"]["name"] == wanted or (not wanted and pool["spec"].get("autoAssign", True)):
                yield from ((pool, one) for one in _each(pool) if asked in ("", one))

    def _tell(self, service: Object) -> None:
        """Write the event that MetalLB writes, once."""
        metadata = service["metadata"]
        if metadata["uid"] in self._told:
            return
        self._told.add(metadata["uid"])
        space, name, now = (
            metadata["namespace"],
            metadata["name"],
            datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        about = {
            "apiVersion": "v1",
            "kind": "Service",
            "namespace": space,
            "name": name,
            "uid": metadata["uid"],
        }
        event = {
            "apiVersion": EVENT.api_version, "kind": EVENT.kind, "type": "Warning", "reason": "AllocationFailed",
            "metadata": {"name": f"{name}.{metadata['uid'][:8]}", "namespace": space},
            "involvedObject": about, "source": {"component": "metallb-controller"}, "count": 1,
            "message": f'Failed to allocate IP for "{space}/{name}": no available IPs',
            "firstTimestamp": now, "lastTimestamp": now,
        }  # fmt: skip
        try:
            self.plane.create(event)
        except (Conflict, KubeError):
            return  # it was told before a restart

    def _say_how_it_stands(self, services: list[Object]) -> None:
        """Write what each pool has given, as the controller does since 0.15."""
        for pool in self._pools:
            name = pool["metadata"]["name"]
            used = sum((one["metadata"].get("annotations") or {}).get(TAKEN_FROM) == name for one in services)
            total = sum(1 for _ in _each(pool))
            status = {
                "assignedIPv4": used,
                "availableIPv4": total - used,
                "assignedIPv6": 0,
                "availableIPv6": 0,
            }
            if (pool.get("status") or {}) != status:
                self.plane.patch(IP_ADDRESS_POOL, name, HOME, {"status": status}, subresource="status")


def _each(pool: Object) -> Iterator[str]:
    """Yield the addresses of a pool, at most some thousand; what is no range gives none."""
    for text in pool["spec"].get("addresses") or []:
        try:
            if "-" in text:
                first, last = (ipaddress.IPv4Address(part.strip()) for part in text.split("-", 1))
            else:
                network = ipaddress.IPv4Network(text, strict=False)
                first, last = network[0], network[-1]
        except ValueError:
            continue
        yield from (
            str(ipaddress.IPv4Address(number))
            for number in range(int(first), min(int(last), int(first) + 4095) + 1)
        )
