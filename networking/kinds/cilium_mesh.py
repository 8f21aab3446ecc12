"""Replicas reach each other through Cilium Cluster Mesh: a global service per replica, in every plane."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare, say
from networking.kinds.base import KINDS, Direction, NetworkKind, PlaneFact, ProfileConfig, ServicePart
from networking.kinds.cilium.facts import JOINS, KIND
from networking.kinds.cilium.rules import datapath, identity

declare(
    {
        "cilium_mesh.disk": _(
            "Self-built planes have no minimum of their own; 1 GiB is what the guide uses."
        ),
        "cilium_mesh.no_mesh": _(
            "%(planes)s: no Cilium Cluster Mesh was found there, so replicas on other planes cannot be "
            "reached from it. Connect the mesh first, take other planes, or take another network profile."
        ),
    }
)

GLOBAL = "service.cilium.io/global"


@KINDS.register
class CiliumMesh(NetworkKind):
    """ClusterIP services that Cilium joins over all planes by name.

    Never `unique`: the service has to exist in every plane, or its name does not resolve there.
    """

    slug = KIND
    label = _("Cilium Cluster Mesh (self-built)")
    note = _(
        "As in the guide. The mesh itself has to be there first: the guide's commands have a long dash "
        "before “context” and make one certificate authority per plane, which today's Cilium refuses to "
        "connect."
    )
    carries = frozenset({Direction.EAST_WEST})
    joins = JOINS
    spanning = {GLOBAL: "true"}

    def service(self, config: ProfileConfig) -> ServicePart:
        return ServicePart("ClusterIP", {GLOBAL: "true"})

    def minimum_disk_gib(self, config: ProfileConfig) -> int:
        return 1

    def minimum_disk_reason(self, config: ProfileConfig) -> Sentence:
        return say("cilium_mesh.disk")

    def problems(self, config: ProfileConfig, planes: Sequence[PlaneFact]) -> list[Sentence]:
        without = [plane.name for plane in planes if plane.mesh is False]
        found = [say("cilium_mesh.no_mesh", planes=without)] if without and len(planes) > 1 else []
        ids: dict[int, list[str]] = {}
        for plane in planes:
            if plane.mesh and plane.mesh_id:
                ids.setdefault(plane.mesh_id, []).append(plane.name)
        return found + [
            say(identity.SAME_ID, planes=same, id=id_) for id_, same in ids.items() if len(same) > 1
        ]

    def unreached(self, namespace: str, planes: Sequence[PlaneFact]) -> list[Sentence]:
        if len(planes) < 2:
            return []
        apart = [plane.name for plane in planes if datapath.unshared(plane.shared, [namespace])]
        return [say("mesh.r17", plane=apart, namespaces=namespace)] if apart else []
