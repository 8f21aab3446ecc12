"""MetalLB as objects: what is installed, what a pool is, and what the plane says of it. Pure.

Sources: metallb/metallb v0.16, charts/metallb, api/v1beta1, website/content/installation and …/troubleshooting.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kbconsole.k8s.kinds import IP_ADDRESS_POOL, L2_ADVERTISEMENT, Object
from networking.addresses.ranges import Span, parsed

HOME = "metallb-system"
"""The webhook takes pools in MetalLB's own namespace only (ipaddresspool_webhook.go)."""
RELEASE = "metallb"
VERSION = "0.16.1"
REPOSITORY = "https://metallb.github.io/metallb"
VALUES: Mapping[str, Any] = {"frrk8s": {"enabled": False}, "speaker": {"frr": {"enabled": False}}}
"""For layer 2 alone: since 0.16 the chart brings FRR-K8s with a DaemonSet and kinds of its own."""
TAKEN_FROM = "metallb.io/ip-allocated-from-pool"
TAKEN_FROM_ANY = (TAKEN_FROM, "metallb.universe.tf/ip-allocated-from-pool")
"""Of 0.15 and later, and as it was called before."""
_PRIVILEGED = {f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("enforce", "audit", "warn")}
"""The speakers need it (website/content/installation/_index.md)."""


def namespace() -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME, "labels": dict(_PRIVILEGED)}}


def pool(name: str, ranges: Iterable[str]) -> Object:
    return {
        "apiVersion": IP_ADDRESS_POOL.api_version,
        "kind": IP_ADDRESS_POOL.kind,
        "metadata": {"name": name, "namespace": HOME},
        "spec": {"addresses": addresses(ranges)},
    }


def advertisement(name: str) -> Object:
    """Return the one that announces this pool. The guide's names none, which means all pools there will ever be."""
    return {
        "apiVersion": L2_ADVERTISEMENT.api_version,
        "kind": L2_ADVERTISEMENT.kind,
        "metadata": {"name": name, "namespace": HOME},
        "spec": {"ipAddressPools": [name]},
    }


def addresses(ranges: Iterable[str]) -> list[str]:
    """Return ranges as MetalLB takes them: CIDRs and `a-b`; a single address is a CIDR. Raises ConsoleError."""
    return [_written(parsed(text)) for text in ranges]


def _written(span: Span) -> str:
    text = str(span)
    return text if "/" in text or "-" in text else f"{text}/{32 if span.version == 4 else 128}"


def size(ranges: Iterable[str]) -> int:
    """Return how many addresses ranges have. Raises ConsoleError."""
    return sum(parsed(text).size for text in ranges)


@dataclass(frozen=True)
class PoolRoom:
    """A pool of a plane: what it may give, and what it has given."""

    name: str
    ranges: tuple[str, ...]
    total: int
    used: int
    announced: bool = True

    @property
    def free(self) -> int:
        return max(self.total - self.used, 0)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> PoolRoom:
        return cls(**{**stored, "ranges": tuple(stored["ranges"])})

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "ranges": list(self.ranges), "total": self.total, "used": self.used,
            "announced": self.announced,
        }  # fmt: skip


def unready(deployments: Sequence[Object], daemon_sets: Sequence[Object]) -> tuple[str, ...]:
    """Return which of the two parts are not there or not ready; the names are those of chart and plain manifests."""
    controllers = [one for one in deployments if one["metadata"]["name"].endswith("controller")]
    speakers = [one for one in daemon_sets if one["metadata"]["name"].endswith("speaker")]
    found = [] if any(map(_available, controllers)) else ["controller"]
    return tuple(found if any(map(_everywhere, speakers)) else [*found, "speaker"])


def _available(deployment: Object) -> bool:
    return bool((deployment.get("status") or {}).get("availableReplicas"))


def _everywhere(daemon_set: Object) -> bool:
    status = daemon_set.get("status") or {}
    wanted = status.get("desiredNumberScheduled", 0)
    return bool(wanted) and status.get("numberReady", 0) >= wanted


def refusals(states: Iterable[Object]) -> tuple[str, ...]:
    """Return what parts of MetalLB say against the configuration as a whole: then the last good one stays in effect."""
    found = []
    for state in states:
        status = state.get("status") or {}
        if status.get("result") == "Invalid":
            found.append(str(status.get("errorSummary") or state["metadata"]["name"]))
    return tuple(dict.fromkeys(found))


def taken_from(service: Object) -> str:
    """Return the pool that a service has its address from, as MetalLB of whatever version says it; "" for none."""
    notes = service["metadata"].get("annotations") or {}
    return next((str(notes[key]) for key in TAKEN_FROM_ANY if notes.get(key)), "")


def pools_of(
    pools: Iterable[Object], services: Iterable[Object], advertisements: Iterable[Object] | None = None
) -> tuple[PoolRoom, ...]:
    """Return the pools with what is used: by their own status (0.15 and later), else by the services that say so."""
    taken: dict[str, int] = {}
    for service in services:
        if name := taken_from(service):
            taken[name] = taken.get(name, 0) + 1
    announced = None if advertisements is None else list(advertisements)
    return tuple(
        _room(one, taken, announced) for one in sorted(pools, key=lambda one: str(one["metadata"]["name"]))
    )


def _room(one: Object, taken: Mapping[str, int], announced: list[Object] | None) -> PoolRoom:
    name, ranges = one["metadata"]["name"], tuple((one.get("spec") or {}).get("addresses") or ())
    status = one.get("status") or {}
    used, free = (
        (status.get(f"{word}IPv4", 0), status.get(f"{word}IPv6", 0)) for word in ("assigned", "available")
    )
    told = any(f"{word}IPv{version}" in status for word in ("assigned", "available") for version in (4, 6))
    total = sum((*used, *free)) if told else size(ranges)
    return PoolRoom(
        name, ranges, total=total, used=sum(used) if told else taken.get(name, 0),
        announced=announced is None or any(_announces(one, name) for one in announced),
    )  # fmt: skip


def _announces(one: Object, name: str) -> bool:
    spec = one.get("spec") or {}
    named = spec.get("ipAddressPools") or []
    return name in named or not (named or spec.get("ipAddressPoolSelectors"))
