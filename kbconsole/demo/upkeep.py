"""A stand-in for what keeps the Deployment of the operator: tells whether it is up."""

from __future__ import annotations

from typing import Any

from kbconsole.demo.looking import Controller
from kbconsole.demo.operator import HOME, NAME, Operator
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.kinds import DEPLOYMENT

Object = dict[str, Any]


class Upkeep(Controller):
    """Writes the status of the operator's Deployment as its readiness probe would have it."""

    def __init__(self, control: PlaneClient, operator: Operator) -> None:
        self.control = control
        self.operator = operator

    def step(self) -> None:
        deployment = self.control.get(DEPLOYMENT, NAME, HOME)
        if deployment is None:
            return
        status = _status(deployment["metadata"]["generation"], up=self.operator.is_up)
        old = deployment.get("status") or {}
        if any(old.get(key, 0) != value for key, value in status.items() if key != "conditions"):
            self.control.patch(DEPLOYMENT, NAME, HOME, {"status": status}, subresource="status")


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
