"""Whether a data plane can take databases: no CRDs of KubeBlocks, a StorageClass, nodes, the role of pods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet.asking import served_owners
from kbconsole.fleet.preflight.base import PlaneCheck
from kbconsole.fleet.preflight.rights import POD_ROLE
from kbconsole.fleet.room import default_class, is_default
from kbconsole.jobs.definition import Finding, Verdict, actions
from kbconsole.k8s.errors import Forbidden
from kbconsole.k8s.kinds import (
    CLUSTER_ROLE,
    NODE,
    STORAGE_CLASS,
    Object,
)

_REGION, _ZONE = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"
_MOST_NODES = 200

declare(
    {
        "room.crds": _("No CRDs of KubeBlocks"),
        "room.crds_none": _("The plane serves no kinds of KubeBlocks, as it should be."),
        "room.crds_some": _(
            "The plane serves %(kinds)s. Its garbage collector would not find the owners of database pods "
            "and "
            "would delete the pods, with KubeBlocks 1.0 also their data."
        ),
        "room.crds_fix": _(
            "Remove KubeBlocks and its CRDs from this plane, after making sure that nobody uses them there. "
            "Never add the plane before."
        ),
        "room.storage": _("Default StorageClass"),
        "room.storage_yes": _("%(name)s is the default StorageClass."),
        "room.storage_several": _("Several default StorageClasses: %(names)s; the newest one is taken."),
        "room.storage_none": _("No StorageClass is the default; there are: %(names)s."),
        "room.storage_fix": _(
            "Mark one as the default, or every database must name a StorageClass that this plane has."
        ),
        "room.nodes": _("Nodes, region and zones"),
        "room.nodes_yes": _("%(ready)s of %(count)s nodes are ready. Region: %(region)s. Zones: %(zones)s."),
        "room.nodes_none": _("No node is ready, so no pod can run."),
        "room.nodes_fix": _("Look at the nodes of the plane before placing databases on it."),
        "room.unread": _("Not read: %(why)s"),
        "room.unread_fix": _("The console works without it, but shows less. Grant the right to see it."),
        "room.role": _("The role of database pods"),
        "room.role_there": _("%(name)s is there with %(count)s rules."),
        "room.role_missing": _("%(name)s is not there, so pods could not report which replica leads."),
        "room.role_fix": _("Save the plane, then choose Copy RBAC under Fleet."),
        "room.unknown": _("unknown"),
    }
)


@actions.register
@dataclass(frozen=True)
class NoCrds(PlaneCheck):
    """On 0.9 and 1.0 a data plane must not serve the kinds that own the operator's objects."""

    slug: ClassVar[str] = "preflight-crds"

    def label(self) -> Sentence:
        return say("room.crds")

    def commands(self) -> list[str]:
        return self.kubectl("api-resources --api-group workloads.kubeblocks.io") + self.kubectl(
            "api-resources --api-group apps.kubeblocks.io"
        )

    def look(self) -> Finding:
        served = served_owners(self.client())
        facts: Json = {"serves_crds": served}
        if not served:
            return Finding(Verdict.PASS, say("room.crds_none"), facts=facts)
        said = say("room.crds_some", kinds=served)
        return Finding(Verdict.FAIL, said, say("room.crds_fix"), facts)


@actions.register
@dataclass(frozen=True)
class Storage(PlaneCheck):
    """A default StorageClass."""

    slug: ClassVar[str] = "preflight-storage"

    def label(self) -> Sentence:
        return say("room.storage")

    def commands(self) -> list[str]:
        return self.kubectl("get storageclass")

    def look(self) -> Finding:
        try:
            classes = self.client().list(STORAGE_CLASS)
        except Forbidden as error:
            return _unread(error)
        names = sorted(str(item["metadata"]["name"]) for item in classes)
        default = sorted(str(item["metadata"]["name"]) for item in classes if is_default(item))
        if not default:
            said = say("room.storage_none", names=names or [say("fleet.nothing")])
            return Finding(Verdict.WARN, said, say("room.storage_fix"), {"storage_class": ""})
        facts = {"storage_class": default_class(classes)}
        if len(default) > 1:
            said = say("room.storage_several", names=default)
            return Finding(Verdict.WARN, said, say("room.storage_fix"), facts)
        return Finding(Verdict.PASS, say("room.storage_yes", name=default[0]), facts=facts)


def _unread(error: Forbidden) -> Finding:
    return Finding(Verdict.WARN, say("room.unread", why=error.sentence), say("room.unread_fix"))


@actions.register
@dataclass(frozen=True)
class Nodes(PlaneCheck):
    """Which nodes there are, and where they say that they stand."""

    slug: ClassVar[str] = "preflight-nodes"

    def label(self) -> Sentence:
        return say("room.nodes")

    def commands(self) -> list[str]:
        return self.kubectl(f"get nodes -L {_REGION},{_ZONE}")

    def look(self) -> Finding:
        try:
            items = self.client().list(NODE)
        except Forbidden as error:
            return _unread(error)
        nodes = [_node(item) for item in items]
        regions = sorted({_label(item, _REGION) for item in items} - {""})
        zones = sorted({_label(item, _ZONE) for item in items} - {""})
        region = ", ".join(regions)[:100]
        facts: Json = {"nodes": nodes[:_MOST_NODES], "region": region, "zones": zones}
        ready = sum(bool(node["ready"]) for node in nodes)
        if not ready:
            return Finding(Verdict.WARN, say("room.nodes_none"), say("room.nodes_fix"), facts)
        unknown = say("room.unknown")
        said = say(
            "room.nodes_yes",
            ready=ready,
            count=len(nodes),
            region=region or unknown,
            zones=zones or [unknown],
        )
        return Finding(Verdict.PASS, said, facts=facts)


def _label(item: Object, key: str) -> str:
    return str((item["metadata"].get("labels") or {}).get(key, ""))


def _node(item: Object) -> dict[str, Json]:
    status = item.get("status") or {}
    conditions = {one.get("type"): one.get("status") for one in status.get("conditions") or []}
    room = status.get("allocatable") or status.get("capacity") or {}
    return {
        "name": str(item["metadata"]["name"]),
        "zone": _label(item, _ZONE),
        "ready": conditions.get("Ready") == "True",
        "cpu": str(room.get("cpu", "")),
        "memory": str(room.get("memory", "")),
        "machine": str((item.get("spec") or {}).get("providerID", ""))[:120],
    }


@actions.register
@dataclass(frozen=True)
class PodRole(PlaneCheck):
    """The cluster role of database pods; a plane may be saved without it, as the console can copy it."""

    slug: ClassVar[str] = "preflight-role"

    def label(self) -> Sentence:
        return say("room.role")

    def commands(self) -> list[str]:
        return self.kubectl(f"get clusterrole {POD_ROLE} -o yaml")

    def look(self) -> Finding:
        role = self.client().get(CLUSTER_ROLE, POD_ROLE)
        rules = (role or {}).get("rules") or []
        if not rules:
            return Finding(Verdict.WARN, say("room.role_missing", name=POD_ROLE), say("room.role_fix"))
        return Finding(Verdict.PASS, say("room.role_there", name=POD_ROLE, count=len(rules)))
