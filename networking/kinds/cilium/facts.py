"""What is known of Cilium on one plane: JSON in, JSON out, nothing secret.

Where each fact is read, without the CLI: reference table of `reading.py`. A fact that could not be read is None (or
"unread" in `denied`), never a guess.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from kbconsole.common.sentences import Json

KIND = "cilium_mesh"
"""The slug of the kind to which all this belongs."""
JOINS = frozenset({"pods", "nodes"})
"""What a mesh makes one network of: these may not overlap between planes."""
DEFAULT_MOST = 255
"""`max-connected-clusters` where nobody set it (cilium/cilium pkg/clustermesh/types/option.go)."""


@dataclass(frozen=True)
class MeshFacts:
    """Cilium as one plane has it. Ranges and addresses are texts; numbers are ints, 0 where unset.

    `found`: its ConfigMap `cilium-config` is there. `other_cni`: DaemonSets of other networks, None where the
    console may not list them. `remotes`: the names under which its agents know other clusters, None where unread.
    `authority`: SubjectKeyId of the certificate in Secret `cilium-ca`, in hex, "" for none, None where unread.
    `service_type`: of Service `clustermesh-apiserver`, "" where there is none. `denied`: what the console may not
    read there.
    """

    plane: str
    found: bool = False
    other_cni: tuple[str, ...] | None = ()
    name: str = ""
    id: int = 0
    most: int = DEFAULT_MOST
    version: str = ""
    routing: str = ""
    tunnel: str = ""
    encryption: str = ""
    ipam: str = ""
    chaining: str = ""
    pool: tuple[str, ...] = ()
    pool_mask: int = 0
    native_range: str = ""
    kube_proxy_replacement: bool = False
    local_policy: bool = False
    global_by_default: bool = True
    global_namespaces: tuple[str, ...] = ()
    """Those that are marked to be shared; it counts where not all are."""
    helm: bool = True
    pods: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    """Every InternalIP and ExternalIP of its nodes."""
    nodes_inside: int = 0
    """How many nodes have an InternalIP."""
    nodes_all: int = 0
    kernels: tuple[str, ...] = ()
    enabled: bool = False
    ready: bool = False
    kvstoremesh: bool = False
    service_type: str = ""
    service_port: int = 0
    """The NodePort, or of a load balancer the port of the service."""
    service_addresses: tuple[str, ...] = ()
    remotes: tuple[str, ...] | None = ()
    authority: str | None = ""
    exec_allowed: bool | None = None
    denied: tuple[str, ...] = ()

    LISTS: ClassVar[tuple[str, ...]] = (
        "other_cni", "pool", "global_namespaces", "pods", "nodes", "kernels", "service_addresses", "remotes", "denied",
    )  # fmt: skip

    def to_json(self) -> Json:
        return {key: list(v) if isinstance(v, tuple) else v for key, v in dataclasses.asdict(self).items()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> MeshFacts:
        """Read what `to_json` gave; keys that this version does not know are left out."""
        known = {one.name for one in dataclasses.fields(cls)} & set(stored)
        values = {key: stored[key] for key in known}
        for key in cls.LISTS:
            if isinstance(values.get(key), list):
                values[key] = tuple(values[key])
        return cls(**values)

    @property
    def minor(self) -> tuple[int, int] | None:
        """Major and minor version, None where it is not known."""
        return minor_of(self.version)

    @property
    def release(self) -> tuple[int, int, int] | None:
        """The whole number of the release, None where it is not known, or before its first (1.19.0-rc.1)."""
        match = re.match(r"v?(\d+)\.(\d+)\.(\d+)(.*)", self.version)
        if match is None or (match[3] == "0" and match[4]):
            return None
        return int(match[1]), int(match[2]), int(match[3])

    @property
    def tunnelled(self) -> bool:
        """Pods talk through an overlay unless routing is native: `tunnel` is the default of `routing-mode`."""
        return self.routing != "native"

    @property
    def mode(self) -> str:
        """Routing, and for an overlay its protocol: what has to be the same everywhere."""
        return f"tunnel/{self.tunnel or 'vxlan'}" if self.tunnelled else "native"

    @property
    def asked_by(self) -> dict[str, Json]:
        """What decides how its agents are asked: version, native routing, and whether KVStoreMesh stands between."""
        return {"version": self.version, "native": not self.tunnelled, "behind": self.kvstoremesh}

    @property
    def shared(self) -> frozenset[str] | None:
        """The namespaces that other planes may reach; None where that is all of them, or not to be read."""
        if not self.found or self.global_by_default or "namespaces" in self.denied:
            return None
        return frozenset(self.global_namespaces)

    @property
    def in_mesh(self) -> bool:
        """Whether other planes can be connected to it: named, numbered and with its API server for the mesh."""
        return self.found and self.id != 0 and self.name not in ("", "default") and self.enabled


def minor_of(version: str) -> tuple[int, int] | None:
    match = re.match(r"v?(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2])) if match else None
