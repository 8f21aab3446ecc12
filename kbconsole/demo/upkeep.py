"""A stand-in for what keeps the Deployments of the operator: tells whether they are up."""

from __future__ import annotations

from typing import Any

from kbconsole.demo.looking import Controller
from kbconsole.demo.operator import HOME, NAME, Operator
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.kinds import DEPLOYMENT

Object = dict[str, Any]


class Upkeep(Controller):
    """Writes the status of the operator's Deployments as their readiness probes would have it."""

    def __init__(self, control: PlaneClient, operator: Operator) -> None:
        self.control = control
        self.operator = operator

    def step(self) -> None:
        for name in (NAME, f"{NAME}-dataprotection"):
            self._tell(name, up=self.operator.is_up)

    def _tell(self, name: str, *, up: bool) -> None:
        deployment = self.control.get(DEPLOYMENT, name, HOME)
        if deployment is None:
            return
        status = _status(deployment["metadata"]["generation"], up=up)
        old = deployment.get("status") or {}
        if any(old.get(key, 0) != value for key, value in status.items() if key != "conditions"):
            self.control.patch(DEPLOYMENT, name, HOME, {"status": status}, subresource="status")


def _status(generation: int, *, up: bool) -> Object:
    reason = "MinimumReplicasAvailable" if up else "MinimumReplicasUnavailable"
    ready = int(up)
    return {
        "observedGeneration": generation,
        "replicas": 1,
        "updatedReplicas": 1,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": 1 - ready,
        "conditions": [{"type": "Available", "status": str(up), "reason": reason}],
    }
