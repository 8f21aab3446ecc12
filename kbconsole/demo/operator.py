"""A stand-in for the KubeBlocks operator: does what the real 0.9 and 1.0 were seen to do, mistakes included."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from kbconsole.demo.kbcluster import ClusterPass, said
from kbconsole.demo.kbobjects import PLACEMENT
from kbconsole.demo.looking import Controller, View
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.errors import KubeError
from kbconsole.k8s.kinds import (
    COMPONENT_DEFINITION_V1,
    COMPONENT_DEFINITION_V1ALPHA1,
    DEPLOYMENT,
    KB_CLUSTER_V1,
    KB_CLUSTER_V1ALPHA1,
)

Object = dict[str, Any]
HOME, NAME = "kb-system", "kubeblocks"


def argument(deployment: Object, flag: str) -> list[str]:
    """Return a comma list of the operator's arguments, untrimmed as the operator reads it."""
    for container in deployment["spec"]["template"]["spec"]["containers"]:
        for word in container.get("args") or []:
            name, _, value = word.partition("=")
            if name == flag and value:
                return str(value).split(",")
    return []


class Operator(Controller):
    """Reads Clusters from the control plane and fills the planes of their placements.

    Needs a client for each context that its Deployment names. It does not heal: a mirrored object is made only
    while no plane at all has it.
    """

    def __init__(
        self,
        control: PlaneClient,
        planes: Mapping[str, PlaneClient],
        line: str = "0.9",
        interval: float = 0.5,
    ) -> None:
        self.control = control
        self.planes = planes
        self.line = line
        self.interval = interval
        self.panicking = False
        # One error per Cluster of the last pass, for tests.
        self.errors: dict[str, str] = {}
        new = line != "0.9"
        self.cluster_kind = KB_CLUSTER_V1 if new else KB_CLUSTER_V1ALPHA1
        self.definition_kind = COMPONENT_DEFINITION_V1 if new else COMPONENT_DEFINITION_V1ALPHA1

    def step(self) -> None:
        """Make one pass over all Clusters; a Cluster whose plane is dead does not hold up the others."""
        deployment = self.control.get(DEPLOYMENT, NAME, HOME)
        contexts = argument(deployment, "--multi-cluster-contexts") if deployment else []
        disabled = argument(deployment, "--multi-cluster-contexts-disabled") if deployment else []
        clusters = self.control.list(self.cluster_kind)
        if self._panics(clusters, contexts) or not contexts:
            return
        definitions = {d["metadata"]["name"]: d for d in self.control.list(self.definition_kind)}
        views: dict[str, View | KubeError] = {}
        self.errors = {}
        for cluster in sorted(clusters, key=lambda body: str(body["metadata"]["creationTimestamp"])):
            name = f"{cluster['metadata']['namespace']}/{cluster['metadata']['name']}"
            try:
                cluster = self._placed(cluster, contexts)
                for context in _placement(cluster):
                    if context in contexts and context not in disabled and context not in views:
                        views[context] = self._view(context)
                ClusterPass(self, cluster, definitions, views, contexts).run()
            except KubeError as error:
                self.errors[name] = said(error)

    def _view(self, context: str) -> View | KubeError:
        try:
            return View(self.planes[context])
        except KubeError as error:
            return error

    def _panics(self, clusters: list[Object], contexts: list[str]) -> bool:
        """One Cluster that names no known context and wants a volume stops all management."""
        self.panicking = any(context not in self.planes for context in contexts)
        for cluster in clusters:
            templates = [
                t
                for spec in cluster["spec"]["componentSpecs"]
                for t in spec.get("volumeClaimTemplates") or []
            ]
            wanted = _placement(cluster)
            if templates and wanted and not set(wanted) & set(contexts):
                self.panicking = True
        return self.panicking

    def _placed(self, cluster: Object, contexts: list[str]) -> Object:
        """Choose a placement where the Cluster has none: any order, a random part when replicas are few."""
        if _placement(cluster):
            return cluster
        replicas = max((spec["replicas"] for spec in cluster["spec"]["componentSpecs"]), default=1)
        chosen = random.sample(contexts, k=min(max(replicas, 1), len(contexts)))
        metadata = cluster["metadata"]
        change = {"metadata": {"annotations": {PLACEMENT: ",".join(chosen)}}}
        return self.control.patch(self.cluster_kind, metadata["name"], metadata["namespace"], change)


def _placement(cluster: Object) -> list[str]:
    value = str((cluster["metadata"].get("annotations") or {}).get(PLACEMENT) or "")
    return value.split(",") if value.strip() else []
