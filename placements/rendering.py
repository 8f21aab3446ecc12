"""The Cluster object of a database, for KubeBlocks 0.9 and 1.0. Pure: same facts, same object."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from networking.kinds.base import ServicePart
from placements.engines.base import LINE_0_9, LINE_1_0, Engine

PLACEMENT = "apps.kubeblocks.io/multi-cluster-placement"
SERVICE_PLACEMENT = "apps.kubeblocks.io/multi-cluster-service-placement"
CRD_API_VERSION = "kubeblocks.io/crd-api-version"
API_VERSIONS = {LINE_0_9: "apps.kubeblocks.io/v1alpha1", LINE_1_0: "apps.kubeblocks.io/v1"}


class TerminationPolicy(StrEnum):
    """What deleting the Cluster takes along. No `Halt`: 0.9 treats it as the first, 1.0 refuses it."""

    DO_NOT_TERMINATE = "DoNotTerminate"
    DELETE = "Delete"
    WIPE_OUT = "WipeOut"

    @property
    def label(self) -> str | Promise:
        return _TERMINATION[self]


_TERMINATION: dict[TerminationPolicy, str | Promise] = {
    TerminationPolicy.DO_NOT_TERMINATE: _("Keep everything: the database cannot be deleted by accident"),
    TerminationPolicy.DELETE: _("Delete the data with the database, keep its backups"),
    TerminationPolicy.WIPE_OUT: _("Delete the data and the backups with the database"),
}


@dataclass(frozen=True)
class ClusterSpec:
    """Everything that the object says. `planes` in order: replica i runs on `planes[i % len(planes)]`.

    `cpu` and `memory` are quantities as typed, for one replica; requests equal limits. `storage_class` "" is
    each plane's default, `service_version` "" the definition's own.
    """

    name: str
    namespace: str
    line: str
    definition: str
    replicas: int
    planes: tuple[str, ...]
    cpu: str
    memory: str
    disk_gib: int
    storage_class: str = ""
    termination_policy: str = TerminationPolicy.DO_NOT_TERMINATE
    service_version: str = ""


def placement_value(planes: tuple[str, ...]) -> str:
    """Return the annotation's value. Raises ValueError for what the operator would misread."""
    wrong = [plane for plane in planes if not plane or "," in plane or any(c.isspace() for c in plane)]
    if wrong or not planes or len(set(planes)) != len(planes):
        raise ValueError("planes must be there, distinct, and without commas and blanks")
    return ",".join(planes)


def cluster_manifest(spec: ClusterSpec, engine: Engine, peer: ServicePart) -> dict[str, Any]:
    """Return the Cluster object; `peer` is what the network profile makes of the per-replica service.

    Raises KeyError for a release line that the console cannot write, ValueError for impossible planes.
    """
    annotations = {PLACEMENT: placement_value(spec.planes)}
    if spec.line == LINE_1_0:
        # Beside a 0.9 operator, one of 1.0 takes only what is marked as its own.
        annotations[CRD_API_VERSION] = API_VERSIONS[LINE_1_0]
    return {
        "apiVersion": API_VERSIONS[spec.line],
        "kind": "Cluster",
        "metadata": {"name": spec.name, "namespace": spec.namespace, "annotations": annotations},
        "spec": {
            "terminationPolicy": str(spec.termination_policy),
            "componentSpecs": [_component(spec, engine, peer)],
        },
    }


def _component(spec: ClusterSpec, engine: Engine, peer: ServicePart) -> dict[str, Any]:
    figures = {"cpu": spec.cpu, "memory": spec.memory}
    component: dict[str, Any] = {
        "name": engine.component,
        "componentDef": spec.definition,
        "replicas": spec.replicas,
        "resources": {"limits": dict(figures), "requests": dict(figures)},
        "volumeClaimTemplates": [{"name": engine.data_volume, "spec": _volume(spec)}],
        "services": [_service(engine.peer_service, peer)],
    }
    if spec.service_version:
        component["serviceVersion"] = spec.service_version
    return component


def _volume(spec: ClusterSpec) -> dict[str, Any]:
    volume: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": f"{spec.disk_gib}Gi"}},
    }
    if spec.storage_class:
        volume["storageClassName"] = spec.storage_class
    return volume


def _service(name: str, part: ServicePart) -> dict[str, Any]:
    """The name has to be one of the definition's services: any other is dropped in silence."""
    placement = {SERVICE_PLACEMENT: "unique"} if part.unique else {}
    return {
        "name": name,
        "serviceType": part.service_type,
        "annotations": {**placement, **part.annotations},
        "podService": part.pod_service,
    }
