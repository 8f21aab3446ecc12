"""A stand-in for scheduler, kubelet and volume provisioner of one plane. Nothing really runs."""

from __future__ import annotations

import random
import time
from typing import Any

from kbconsole.demo.looking import Controller, View
from kbconsole.demo.ownership import now
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.errors import Rejected
from kbconsole.k8s.kinds import CONFIG_MAP, NODE, PERSISTENT_VOLUME, POD, PVC

Object = dict[str, Any]
PROTECTION = "kubernetes.io/pvc-protection"
VOLUME_PROTECTION = "kubernetes.io/pv-protection"


def seeded(name: str, step: str, delay: float) -> float:
    """Return a delay of 0.6 to 1.4 times `delay`, the same for the same name and step."""
    return delay * random.Random(f"{name}/{step}").uniform(0.6, 1.4)


class Kubelet(Controller):
    """Takes pods from Pending to Running to Ready, binds their volumes, ends both when they are deleted.

    `number` picks the address range where the plane's nodes name none: 10.<number>.0.0/16.
    """

    def __init__(self, plane: PlaneClient, *, number: int = 1, delay: float = 1.0) -> None:
        self.plane = plane
        self.number = number
        self.delay = delay
        self._since: dict[str, tuple[str, float]] = {}

    def step(self) -> None:
        view = View(self.plane, (POD, PVC))
        self._volumes(view)
        waiting = [pod for pod in view.all(POD) if not _is_done(pod)]
        if not waiting:
            self._since.clear()
            return
        nodes = self.plane.list(NODE)
        taken = {pod.get("status", {}).get("podIP") for pod in view.all(POD)}
        for pod in waiting:
            self._advance(view, pod, nodes, taken)

    def _advance(self, view: View, pod: Object, nodes: list[Object], taken: set[str | None]) -> None:
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        if problem := self._unschedulable(view, pod):
            self._status(pod, {"phase": "Pending", "conditions": [_condition("PodScheduled", problem)]})
            return
        node = nodes[random.Random(name).randrange(len(nodes))] if nodes else None
        if node is not None and not pod["spec"].get("nodeName"):
            self._bind(pod, node["metadata"]["name"])
        missing = self._missing_maps(pod)
        if missing:
            text = f'configmap "{missing}" not found'
            state = {"waiting": {"reason": "CreateContainerConfigError", "message": text}}
            self._status(pod, self._seen(pod, node, "Pending", ready=False, state=state))
        elif pod.get("status", {}).get("phase") != "Running":
            if self._waited(pod, "start"):
                address = self._address(pod, node, taken)
                running = self._seen(
                    pod, node, "Running", ready=False, state={"running": {"startedAt": now()}}
                )
                self._status(
                    pod, running | {"podIP": address, "podIPs": [{"ip": address}], "startTime": now()}
                )
        elif self._waited(pod, "ready"):
            state = pod["status"]["containerStatuses"][0]["state"]
            self._status(pod, self._seen(pod, node, "Running", ready=True, state=state))
            self._since.pop(f"{namespace}/{name}", None)

    def _waited(self, pod: Object, step: str) -> bool:
        key = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        known = self._since.get(key)
        if known is None or known[0] != step + pod["metadata"]["uid"]:
            self._since[key] = (step + pod["metadata"]["uid"], time.monotonic())
        return time.monotonic() - self._since[key][1] >= seeded(key, step, self.delay)

    def _bind(self, pod: Object, node: str) -> None:
        """Name the node, which an API server allows by a Binding only."""
        metadata = pod["metadata"]
        target = {"apiVersion": "v1", "kind": "Node", "name": node}
        named = {"name": metadata["name"], "namespace": metadata["namespace"]}
        try:
            self.plane.create({"apiVersion": "v1", "kind": "Binding", "metadata": named, "target": target})
        except Rejected as rejected:
            # It is answered by a Status, in which the client misses an object.
            if rejected.reason != "Unreadable":
                raise
        pod["spec"]["nodeName"] = node

    def _address(self, pod: Object, node: Object | None, taken: set[str | None]) -> str:
        base = (node or {}).get("spec", {}).get("podCIDR") or f"10.{self.number}.0.0/24"
        first = base.rpartition(".")[0]
        start = random.Random(pod["metadata"]["name"]).randrange(10, 200)
        found = next(
            f"{first}.{n}" for n in [*range(start, 255), *range(2, start)] if f"{first}.{n}" not in taken
        )
        taken.add(found)
        return found

    def _unschedulable(self, view: View, pod: Object) -> str:
        for volume in pod["spec"].get("volumes") or []:
            name = volume.get("persistentVolumeClaim", {}).get("claimName")
            claim = view.get(PVC, pod["metadata"]["namespace"], name) if name else None
            if name and claim is None:
                return f'persistentvolumeclaim "{name}" not found'
            if claim is not None and claim.get("status", {}).get("phase") != "Bound":
                return "pod has unbound immediate PersistentVolumeClaims"
        return ""

    def _missing_maps(self, pod: Object) -> str:
        for container in pod["spec"]["containers"]:
            for source in container.get("envFrom") or []:
                name = source.get("configMapRef", {}).get("name", "")
                if name and self.plane.get(CONFIG_MAP, name, pod["metadata"]["namespace"]) is None:
                    return str(name)
        return ""

    def _seen(self, pod: Object, node: Object | None, phase: str, *, ready: bool, state: Object) -> Object:
        container = pod["spec"]["containers"][0]
        status = {
            "name": container["name"],
            "image": container["image"],
            "imageID": "",
            "ready": ready,
            "started": "running" in state,
            "restartCount": 0,
            "state": state,
        }
        addresses = (node or {}).get("status", {}).get("addresses") or [
            {"address": f"192.168.{self.number}.1"}
        ]
        reason = "" if ready else f"containers with unready status: [{container['name']}]"
        conditions = [
            _condition("PodScheduled"),
            _condition("Initialized"),
            _condition("ContainersReady", reason, "ContainersNotReady"),
            _condition("Ready", reason, "ContainersNotReady"),
        ]
        return {
            "phase": phase,
            "hostIP": addresses[0]["address"],
            "conditions": conditions,
            "containerStatuses": [status],
        }

    def _status(self, pod: Object, status: Object) -> None:
        """Write what changed; the times of conditions are those of the change."""
        old = pod.get("status") or {}
        known = {c["type"]: c for c in old.get("conditions") or []}
        for entry in status["conditions"]:
            before = known.get(entry["type"], {})
            same = before.get("status") == entry["status"]
            entry["lastTransitionTime"] = before["lastTransitionTime"] if same else now()
        if any(old.get(key) != value for key, value in status.items()):
            metadata = pod["metadata"]
            change = {"status": status}
            self.plane.patch(POD, metadata["name"], metadata["namespace"], change, subresource="status")

    # Volumes ---------------------------------------------------------------------------------------------------

    def _volumes(self, view: View) -> None:
        used = {
            (pod["metadata"]["namespace"], volume["persistentVolumeClaim"]["claimName"])
            for pod in view.all(POD)
            for volume in pod["spec"].get("volumes") or []
            if "persistentVolumeClaim" in volume
        }
        for claim in view.all(PVC):
            key = (claim["metadata"]["namespace"], claim["metadata"]["name"])
            if "deletionTimestamp" in claim["metadata"]:
                if key not in used:
                    self._release(claim)
            elif key in used and claim.get("status", {}).get("phase") != "Bound":
                self._provision(claim)

    def _provision(self, claim: Object) -> None:
        metadata, spec = claim["metadata"], claim["spec"]
        name = f"pvc-{metadata['uid']}"
        capacity = {"storage": spec["resources"]["requests"]["storage"]}
        reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "uid": metadata["uid"]}
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {
                "capacity": capacity,
                "accessModes": spec["accessModes"],
                "persistentVolumeReclaimPolicy": "Delete",
                "storageClassName": spec.get("storageClassName", ""),
                "claimRef": reference | {"name": metadata["name"], "namespace": metadata["namespace"]},
                "hostPath": {"path": f"/volumes/{name}"},
            },
        }
        if self.plane.get(PERSISTENT_VOLUME, name) is None:
            self.plane.create(volume)
        key = metadata["name"], metadata["namespace"]
        self.plane.patch(PVC, *key, {"spec": {"volumeName": name}})
        status = {"phase": "Bound", "accessModes": spec["accessModes"], "capacity": capacity}
        self.plane.patch(PVC, *key, {"status": status}, subresource="status")
        claim["status"] = status

    def _release(self, claim: Object) -> None:
        metadata = claim["metadata"]
        kept = [name for name in metadata.get("finalizers", []) if name != PROTECTION]
        if volume := claim["spec"].get("volumeName"):
            self._remove(volume)
        if kept != metadata.get("finalizers"):
            change = {"metadata": {"finalizers": kept, "resourceVersion": metadata["resourceVersion"]}}
            self.plane.patch(PVC, metadata["name"], metadata["namespace"], change)

    def _remove(self, volume: str) -> None:
        """Delete it; a real API server protects volumes too, and this is who ends that."""
        found = self.plane.get(PERSISTENT_VOLUME, volume)
        if found is None:
            return
        finalizers = found["metadata"].get("finalizers", [])
        if VOLUME_PROTECTION in finalizers:
            kept = [name for name in finalizers if name != VOLUME_PROTECTION]
            self.plane.patch(PERSISTENT_VOLUME, volume, "", {"metadata": {"finalizers": kept}})
        self.plane.delete(PERSISTENT_VOLUME, volume)


def _is_done(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _condition(kind: str, problem: str = "", reason: str = "Unschedulable") -> Object:
    if not problem:
        return {"type": kind, "status": "True"}
    return {"type": kind, "status": "False", "reason": reason, "message": problem}
