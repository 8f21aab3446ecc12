"""A stand-in for the KubeBlocks operator: does what the real 0.9 and 1.0 were seen to do, mistakes included."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import Any

from kbconsole.demo.kbcluster import ClusterPass, said
from kbconsole.demo.kbobjects import HOME_PLANE, PLACEMENT
from kbconsole.demo.looking import Controller, View
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.errors import KubeError
from kbconsole.k8s.kinds import (
    COMPONENT_DEFINITION_V1,
    COMPONENT_DEFINITION_V1ALPHA1,
    DEPLOYMENT,
    INSTANCE_SET_V1,
    INSTANCE_SET_V1ALPHA1,
    KB_CLUSTER_V1,
    KB_CLUSTER_V1ALPHA1,
)

Object = dict[str, Any]
HOME, NAME = "kb-system", "kubeblocks"
# How long the real one waits for the first answer of every plane before it gives up, and Kubernetes after that.
SYNC_SECONDS, REST_SECONDS = 330.0, 10.0


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
    while no plane at all has it. It starts anew when its Deployment's template changes; until every enabled
    plane has answered once it handles no plane, and after `sync_seconds` of that it exits for `rest_seconds`.
    """

    def __init__(
        self,
        control: PlaneClient,
        planes: Mapping[str, PlaneClient],
        line: str = "0.9",
        *,
        sync_seconds: float = SYNC_SECONDS,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        self.control = control
        self.planes = planes
        self.line = line
        self.sync_seconds, self.rest_seconds = sync_seconds, rest_seconds
        self.panicking = False
        self.exits = 0
        # One error per Cluster of the last pass, for tests.
        self.errors: dict[str, str] = {}
        new = line != "0.9"
        self.cluster_kind = KB_CLUSTER_V1 if new else KB_CLUSTER_V1ALPHA1
        self.definition_kind = COMPONENT_DEFINITION_V1 if new else COMPONENT_DEFINITION_V1ALPHA1
        self.set_kind = INSTANCE_SET_V1 if new else INSTANCE_SET_V1ALPHA1
        self._template: Object = {}
        self._started = self._rests_until = 0.0
        self._answered: set[str] = set()

    @property
    def is_up(self) -> bool:
        """What its readiness probe says: yes while it waits for a dead plane, no after it has given up."""
        return not self.panicking and time.monotonic() >= self._rests_until

    def restart(self) -> None:
        """Begin as a new process: no plane has answered yet."""
        self._started, self._rests_until, self._answered = time.monotonic(), 0.0, set()

    def step(self) -> None:
        """Make one pass over all Clusters; a Cluster whose plane is dead does not hold up the others."""
        deployment = self.control.get(DEPLOYMENT, NAME, HOME)
        if deployment is None:
            return
        if self._template != deployment["spec"]["template"]:
            self._template = deployment["spec"]["template"]
            self.restart()
        contexts = argument(deployment, "--multi-cluster-contexts")
        disabled = argument(deployment, "--multi-cluster-contexts-disabled")
        clusters = self.control.list(self.cluster_kind)
        if time.monotonic() >= self._rests_until and not self._panics(clusters, contexts):
            clusters.sort(key=lambda body: str(body["metadata"]["creationTimestamp"]))
            self._pass(clusters, contexts, disabled)

    def _pass(self, clusters: list[Object], contexts: list[str], disabled: list[str]) -> None:
        views: dict[str, View | KubeError] = {}
        enabled = [context for context in contexts if context not in disabled] if contexts else [HOME_PLANE]
        synced = self._synced(enabled, views)
        definitions = {d["metadata"]["name"]: d for d in self.control.list(self.definition_kind)}
        self.errors = {}
        for cluster in clusters:
            name = f"{cluster['metadata']['namespace']}/{cluster['metadata']['name']}"
            try:
                placed = self._placed(cluster, contexts)
                for context in _placement(placed) if contexts else enabled:
                    if context in enabled and context not in views:
                        views[context] = self._view(context)
                one = ClusterPass(self, placed, definitions, views, contexts)
                one.run() if synced else one.begin()
            except KubeError as error:
                self.errors[name] = said(error)

    def _synced(self, contexts: list[str], views: dict[str, View | KubeError]) -> bool:
        """Return whether every plane has answered since the start; give up when one has not for too long."""
        for context in contexts:
            if context not in self._answered:
                views[context] = self._view(context)
                if isinstance(views[context], View):
                    self._answered.add(context)
        synced = self._answered >= set(contexts)
        if not synced and time.monotonic() - self._started > self.sync_seconds:
            self.exits += 1
            self.restart()
            self._rests_until = time.monotonic() + self.rest_seconds
        return synced

    def _view(self, context: str) -> View | KubeError:
        try:
            return View(self.planes[context] if context != HOME_PLANE else self.control)
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
            if contexts and templates and wanted and not set(wanted) & set(contexts):
                self.panicking = True
        return self.panicking

    def _placed(self, cluster: Object, contexts: list[str]) -> Object:
        """Choose a placement where the Cluster has none: any order, a random part when replicas are few."""
        if _placement(cluster) or not contexts:
            return cluster
        replicas = max((spec["replicas"] for spec in cluster["spec"]["componentSpecs"]), default=1)
        chosen = random.sample(contexts, k=min(max(replicas, 1), len(contexts)))
        metadata = cluster["metadata"]
        change = {"metadata": {"annotations": {PLACEMENT: ",".join(chosen)}}}
        return self.control.patch(self.cluster_kind, metadata["name"], metadata["namespace"], change)


def _placement(cluster: Object) -> list[str]:
    value = str((cluster["metadata"].get("annotations") or {}).get(PLACEMENT) or "")
    return value.split(",") if value.strip() else []
