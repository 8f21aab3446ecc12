"""A stand-in for kube-controller-manager: fills aggregated ClusterRoles, collects orphans of KubeBlocks."""

from __future__ import annotations

from typing import Any

from kbconsole.demo.looking import Controller
from kbconsole.demo.selectors import matches
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.kinds import CLUSTER_ROLE, CRD, POD, PVC, ROLE_BINDING, SERVICE_ACCOUNT

Object = dict[str, Any]
MANAGER = "clusterrole-aggregation-controller"


class Aggregation(Controller):
    """Overwrites `rules` of every ClusterRole with an aggregationRule. The client's manager must be MANAGER.

    Rules that nobody matches are sent as none: what others set stays, what this set before goes.
    """

    def __init__(self, plane: PlaneClient) -> None:
        self.plane = plane

    def step(self) -> None:
        roles = sorted(self.plane.list(CLUSTER_ROLE), key=lambda role: str(role["metadata"]["name"]))
        for role in roles:
            if role.get("aggregationRule"):
                self._fill(role, [other for other in roles if other is not role])

    def _fill(self, role: Object, others: list[Object]) -> None:
        rules: list[Object] = []
        for selector in role["aggregationRule"].get("clusterRoleSelectors") or []:
            for other in others:
                if matches(selector, other["metadata"].get("labels") or {}):
                    rules += [rule for rule in other.get("rules") or [] if rule not in rules]
        managers = {entry["manager"] for entry in role["metadata"].get("managedFields") or []}
        if rules == (role.get("rules") or []) or (not rules and MANAGER not in managers):
            return
        body: Object = {
            "apiVersion": CLUSTER_ROLE.api_version,
            "kind": "ClusterRole",
            "metadata": {"name": role["metadata"]["name"]},
        }
        self.plane.apply(body | ({"rules": rules} if rules else {}), force=True)


class Collector(Controller):
    """Garbage collection in a data plane: once it serves KubeBlocks' kinds, their absent owners doom the pods."""

    def __init__(self, plane: PlaneClient) -> None:
        self.plane = plane

    def step(self) -> None:
        served = {definition["spec"]["names"]["kind"] for definition in self.plane.list(CRD)}
        doomed = served & {"InstanceSet", "Component"}
        if not doomed:
            return
        for kind in (POD, SERVICE_ACCOUNT, ROLE_BINDING, PVC):
            for body in self.plane.list(kind):
                owners = {owner["kind"] for owner in body["metadata"].get("ownerReferences") or []}
                gone = owners & doomed and "deletionTimestamp" not in body["metadata"]
                if gone:
                    self.plane.delete(kind, body["metadata"]["name"], body["metadata"]["namespace"])
