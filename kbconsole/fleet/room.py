"""What is free on a plane: of each node that takes pods, what is allocatable minus what its pods ask for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kbconsole.common.sentences import Json
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.kinds import NODE, POD, STORAGE_CLASS, Object
from kbconsole.k8s.quantities import quantity

DEFAULT_CLASS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
MOST_SHAPES = 20
MIB = 1024**2
_KEEP_OFF = ("NoSchedule", "NoExecute")
_OF_CONDITIONS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
"""Taints that follow the condition Ready, which is looked at itself."""
_LIVING = "status.phase!=Succeeded,status.phase!=Failed"


@dataclass(frozen=True, order=True)
class Shape:
    """How big a pod is, or may be: thousandths of a core, and bytes."""

    cpu: int
    memory: int

    def holds(self, other: Shape) -> bool:
        return self.cpu >= other.cpu and self.memory >= other.memory

    @property
    def cores(self) -> str:
        return f"{self.cpu / 1000:.2f}".rstrip("0").rstrip(".")

    @property
    def gib(self) -> str:
        return f"{self.memory // MIB / 1024:.1f}".removesuffix(".0")


@dataclass(frozen=True)
class Room:
    """What is free. `shapes`: the pods that fit, those alone that no other of them covers, the largest first.

    `nodes`: how many nodes take pods. `storage_class` is the default one, "" for none.
    """

    free: Shape
    shapes: tuple[Shape, ...]
    nodes: int
    storage_class: str

    @property
    def largest(self) -> Shape:
        """The pod that uses most of a node, weighing both figures alike."""
        return max(self.shapes, key=lambda shape: shape.cpu * shape.memory, default=Shape(0, 0))

    def fits(self, pod: Shape) -> bool:
        return any(shape.holds(pod) for shape in self.shapes)

    def to_json(self) -> dict[str, Json]:
        return {
            "free": [self.free.cpu, self.free.memory],
            "shapes": [[shape.cpu, shape.memory] for shape in self.shapes],
            "nodes": self.nodes,
            "storage_class": self.storage_class,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Room:
        shapes = tuple(Shape(*shape) for shape in stored["shapes"])
        return cls(Shape(*stored["free"]), shapes, stored["nodes"], stored["storage_class"])


def read_room(client: PlaneClient) -> Room | None:
    """Read nodes, pods and StorageClasses; None where no node says what it can allocate. Raises KubeError."""
    nodes = client.list(NODE)
    if not any(_allocatable(node) for node in nodes):
        return None
    used = _used(client.list(POD, fields=_LIVING))
    free = [left for node in nodes if takes_pods(node) and (left := _left(node, used))]
    storage = default_class(client.list(STORAGE_CLASS))
    whole = Shape(sum(shape.cpu for shape in free), sum(shape.memory for shape in free))
    return Room(whole, tuple(_largest(free)), len(free), storage)


def takes_pods(node: Object) -> bool:
    """Whether a pod without tolerations may be put there."""
    spec, status = node.get("spec") or {}, node.get("status") or {}
    ready = any(
        c.get("type") == "Ready" and c.get("status") == "True" for c in _dicts(status.get("conditions"))
    )
    kept_off = [taint for taint in _dicts(spec.get("taints")) if taint.get("effect") in _KEEP_OFF]
    tainted = any(taint.get("key") not in _OF_CONDITIONS for taint in kept_off)
    return ready and not tainted and not spec.get("unschedulable")


def default_class(classes: Iterable[Object]) -> str:
    """Return the StorageClass that a volume without one gets: of several defaults the newest, as Kubernetes has it."""
    found = [item["metadata"] for item in classes if is_default(item)]
    newest = sorted(found, key=lambda meta: str(meta["name"]))
    newest.sort(key=lambda meta: str(meta.get("creationTimestamp") or ""), reverse=True)
    return str(newest[0]["name"]) if newest else ""


def is_default(item: Object) -> bool:
    annotations = item["metadata"].get("annotations") or {}
    return any(annotations.get(key) == "true" for key in DEFAULT_CLASS)


def _left(node: Object, used: Mapping[str, list[Shape]]) -> Shape | None:
    """Return what is free on a node, None where not one pod more may start."""
    whole, pods = _allocatable(node), used.get(str(node["metadata"]["name"]), [])
    most = quantity(_dict((node.get("status") or {}).get("allocatable")).get("pods"))
    if whole is None or (most is not None and len(pods) >= most):
        return None
    cpu, memory = sum(pod.cpu for pod in pods), sum(pod.memory for pod in pods)
    return Shape(max(whole.cpu - cpu, 0), max(whole.memory - memory, 0))


def _allocatable(node: Object) -> Shape | None:
    room = _dict((node.get("status") or {}).get("allocatable"))
    cpu, memory = quantity(room.get("cpu")), quantity(room.get("memory"))
    return None if cpu is None or memory is None else Shape(int(cpu * 1000), int(memory))


def _used(pods: Iterable[Object]) -> dict[str, list[Shape]]:
    """Return what the pods of each node ask for."""
    found: dict[str, list[Shape]] = defaultdict(list)
    for pod in pods:
        node = (pod.get("spec") or {}).get("nodeName")
        if isinstance(node, str) and node:
            found[node].append(asked_by(pod))
    return found


def asked_by(pod: Object) -> Shape:
    """Return what the scheduler keeps free for a pod: all its containers, or its largest one at the start."""
    spec = pod.get("spec") or {}
    first = list(_dicts(spec.get("initContainers")))
    beside = [one for one in first if one.get("restartPolicy") == "Always"]
    running = [_requests(one) for one in [*_dicts(spec.get("containers")), *beside]]
    starting = [_requests(one) for one in first if one not in beside]
    extra = _shape(_dict(spec.get("overhead")))
    cpu = max(sum(one.cpu for one in running), *(one.cpu for one in starting), 0)
    memory = max(sum(one.memory for one in running), *(one.memory for one in starting), 0)
    return Shape(cpu + extra.cpu, memory + extra.memory)


def _requests(container: Object) -> Shape:
    resources = _dict(container.get("resources"))
    return _shape({**_dict(resources.get("limits")), **_dict(resources.get("requests"))})


def _shape(figures: Mapping[str, Any]) -> Shape:
    cpu, memory = quantity(figures.get("cpu")), quantity(figures.get("memory"))
    return Shape(int((cpu or 0) * 1000), int(memory or 0))


def _largest(free: Iterable[Shape]) -> list[Shape]:
    """Return the shapes that no other one covers, the one with most CPU first."""
    found: list[Shape] = []
    for shape in sorted(free, reverse=True):
        if shape.cpu and shape.memory and not any(other.holds(shape) for other in found):
            found.append(shape)
    return found[:MOST_SHAPES]


def _dict(value: Json) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Json) -> Iterator[dict[str, Any]]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())
