"""A fleet of either kind whose stand-in controllers take their steps when a test says so, without delays."""

from __future__ import annotations

from typing import Any

from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.demo.kbobjects import PLACEMENT, POD_ROLE, SERVICE_PLACEMENT
from kbconsole.demo.kubelet import Kubelet
from kbconsole.demo.loadbalancer import LoadBalancer
from kbconsole.demo.operator import HOME, NAME, Operator
from kbconsole.demo.upkeep import Upkeep
from kbconsole.k8s.client import Applied, PlaneClient
from kbconsole.k8s.kinds import (
    CLUSTER_ROLE,
    CRD,
    DEPLOYMENT,
    EVENT,
    Kind,
)
from tests.fleets.protocol import Fleet
from tests.fleets.real import RealFleet

Object = dict[str, Any]
PLANES = ("k8s-1", "k8s-2", "k8s-3")
ALL = ",".join(PLANES)
SPACE = "dbs"
COPIED = ("apiVersion", "kind", "data", "spec", "rules", "roleRef", "subjects")


class Writes:
    """Counts what really changed: an answer with a version that was not seen before."""

    def __init__(self) -> None:
        self.count = 0
        self._seen: set[tuple[str, str]] = set()

    def note(self, body: Object) -> Object:
        metadata = body["metadata"]
        version = metadata["uid"], metadata["resourceVersion"]
        self.count += version not in self._seen
        self._seen.add(version)
        return body


class CountingClient(PlaneClient):
    """A client whose writes are counted."""

    def __init__(self, fleet: Fleet, plane: str, user: str, writes: Writes, manager: str) -> None:
        super().__init__(
            plane, fleet.credential(plane, user), manager=manager, deadline=20, allow_loopback=True
        )
        self._writes = writes

    def create(self, obj: Object, **options: Any) -> Object:
        return self._writes.note(super().create(obj, **options))

    def patch(self, *args: Any, **options: Any) -> Object:
        return self._writes.note(super().patch(*args, **options))

    def apply(self, obj: Object, **options: Any) -> Applied:
        applied = super().apply(obj, **options)
        self._writes.note(applied.object)
        return applied

    def delete(self, *args: Any, **options: Any) -> bool:
        deleted = super().delete(*args, **options)
        self._writes.count += deleted
        return deleted


class World:
    """The controllers of a fleet that has none of its own running, and what a test asks of its planes."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.line = fleet.line
        self.writes = Writes()
        self.dead: set[str] = set()
        names = (fleet.control_plane, *PLANES)
        self.admin = {name: self._client(name, "admin", "kubectl") for name in names}
        self.users = {name: self._client(name, "operator", "kubeblocks") for name in names}
        self.control = self.admin[fleet.control_plane]
        planes = {name: self.users[name] for name in PLANES}
        self.operator = Operator(self.users[fleet.control_plane], planes, fleet.line)
        self.upkeep = Upkeep(self.control, self.operator)
        self.kubelets = {n: Kubelet(self.admin[n], number=i, delay=0) for i, n in enumerate(PLANES, 1)}
        self.balancers = {n: LoadBalancer(self.admin[n], number=i, delay=0) for i, n in enumerate(PLANES, 1)}

    def _client(self, plane: str, user: str, manager: str) -> PlaneClient:
        return CountingClient(self.fleet, plane, user, self.writes, manager)

    def close(self) -> None:
        for client in (*self.admin.values(), *self.users.values()):
            client.close()

    # What people do ----------------------------------------------------------------------------------------------

    def prepare(self, *, spaces: tuple[str, ...] = PLANES, roles: tuple[str, ...] = PLANES) -> None:
        """Make namespaces and copy the pod role, as the console does before it makes a Cluster."""
        for name in (self.fleet.control_plane, *spaces):
            self.admin[name].apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
        for name in roles:
            self.copy(CLUSTER_ROLE, POD_ROLE, self.fleet.control_plane, name)

    def copy(self, kind: Kind, name: str, source: str, target: str) -> None:
        """Copy an object into another plane, with that plane's name as its placement."""
        space = SPACE if kind.namespaced else ""
        found = self.admin[source].get(kind, name, space) or {}
        metadata: Object = {"name": name} | ({"namespace": space} if space else {})
        if labels := found["metadata"].get("labels"):
            metadata["labels"] = {key: labels[key] for key in labels if "helm" not in key}
        if PLACEMENT in (found["metadata"].get("annotations") or {}):
            metadata["annotations"] = {PLACEMENT: target}
        body = {key: found[key] for key in COPIED if key in found} | {"metadata": metadata}
        for given in ("clusterIP", "clusterIPs"):
            if kind.kind == "Service" and body["spec"].get(given) not in ("None", ["None"]):
                body["spec"].pop(given, None)
        self.admin[target].create(body)

    def place(self, placement: str = ALL, *, name: str = "e", balanced: bool = False, **spec: Any) -> None:
        """Make a Cluster as the console's engine does."""
        annotations = {SERVICE_PLACEMENT: "unique"} if balanced else {"service.cilium.io/global": "true"}
        kind = "LoadBalancer" if balanced else "ClusterIP"
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        component = {
            "name": "etcd",
            "componentDef": "etcd-0.9.0" if self.line == "0.9" else "etcd-3-1.0.2",
            "replicas": 3,
            "services": [
                {"name": "peer", "serviceType": kind, "annotations": annotations, "podService": True}
            ],
            "volumeClaimTemplates": [{"name": "data", "spec": claim}],
        }
        policy = spec.pop("policy", "Delete")
        metadata: Object = {"name": name, "namespace": SPACE}
        if placement:
            metadata["annotations"] = {PLACEMENT: placement}
        body = {
            "apiVersion": self.operator.cluster_kind.api_version,
            "kind": "Cluster",
            "metadata": metadata,
            "spec": {"terminationPolicy": policy, "componentSpecs": [component | spec]},
        }
        self.control.create(body)

    def delete(self, name: str = "e") -> None:
        self.control.delete(self.operator.cluster_kind, name, SPACE)

    def set_contexts(self, contexts: str, disabled: str = "") -> None:
        """Give the operator other contexts, as a Helm upgrade does; it starts anew."""
        deployment = self.control.get(DEPLOYMENT, NAME, HOME) or {}
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        args = [word for word in container["args"] if not word.startswith("--multi-cluster-contexts")]
        args += [f"--multi-cluster-contexts={contexts}"] if contexts else []
        args += [f"--multi-cluster-contexts-disabled={disabled}"] if disabled else []
        change = {"spec": {"template": {"spec": {"containers": [{**container, "args": args}]}}}}
        self.control.patch(DEPLOYMENT, NAME, HOME, change)

    def install_crds(self, plane: str) -> None:
        """Put definitions of KubeBlocks into a plane, as somebody does who installs it there."""
        for found in self.control.list(CRD):
            if found["spec"]["names"]["kind"] in ("Component", "InstanceSet"):
                body = {key: found[key] for key in ("apiVersion", "kind", "spec")}
                self.admin[plane].create(body | {"metadata": {"name": found["metadata"]["name"]}})

    def kill(self, plane: str) -> None:
        """Let a plane die: its port refuses connections."""
        self.dead.add(plane)
        if isinstance(self.fleet, EmbeddedFleet):
            self.fleet.fault(plane, "unreachable")
        elif isinstance(self.fleet, RealFleet):
            self.fleet.stop(plane)

    def revive(self, plane: str) -> None:
        self.dead.discard(plane)
        if isinstance(self.fleet, EmbeddedFleet):
            self.fleet.fault(plane, None)
        elif isinstance(self.fleet, RealFleet):
            self.fleet.start(plane)

    def step(self, times: int = 16) -> None:
        """Let every controller take steps until nothing changes any more."""
        before = -1
        for _ in range(times):
            if before == (before := self.writes.count):
                return
            self.operator.try_step()
            self.upkeep.step()
            for name in PLANES:
                if name not in self.dead:
                    self.balancers[name].step()
                    self.kubelets[name].step()

    # What is there -----------------------------------------------------------------------------------------------

    def cluster(self, name: str = "e") -> Object | None:
        return self.control.get(self.operator.cluster_kind, name, SPACE)

    def phase(self, name: str = "e") -> str:
        return str((self.cluster(name) or {}).get("status", {}).get("phase"))

    def conditions(self, name: str = "e") -> dict[str, str]:
        found = (self.cluster(name) or {}).get("status", {}).get("conditions") or []
        return {one["type"]: one["status"] for one in found}

    def names(self, plane: str, kind: Kind) -> list[str]:
        """Return names of the namespace, without what every Kubernetes puts into each namespace."""
        space = SPACE if kind.namespaced else ""
        found = [str(body["metadata"]["name"]) for body in self.admin[plane].list(kind, space)]
        return sorted(name for name in found if name not in ("kube-root-ca.crt", "default"))

    def everywhere(self, kind: Kind) -> dict[str, list[str]]:
        return {plane: self.names(plane, kind) for plane in PLANES}

    def look(self, plane: str, kind: Kind, name: str) -> Object:
        found = self.admin[plane].get(kind, name, SPACE)
        assert found is not None, f"{plane} has no {kind.kind} {name}"
        return found

    def warnings(self) -> list[str]:
        return [str(event["involvedObject"]["kind"]) for event in self.control.list(EVENT, SPACE)]

    def is_available(self) -> bool:
        """Return whether the operator's Deployment says that it is up."""
        deployment = self.control.get(DEPLOYMENT, NAME, HOME) or {}
        return bool(deployment["status"].get("availableReplicas", 0))
