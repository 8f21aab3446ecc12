"""How the stand-in operator ends a Cluster: less thoroughly than one would think, as the real one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kbconsole.demo.kbobjects import Component
from kbconsole.k8s.kinds import CONFIG_MAP, POD, PVC, SERVICE, Kind, kind_of

if TYPE_CHECKING:
    from kbconsole.demo.kbcluster import ClusterPass

Object = dict[str, Any]
CLUSTER_FINALIZER = "cluster.kubeblocks.io/finalizer"


def delete(one: ClusterPass) -> None:
    """Take pods, volumes and the set's own objects away; everything else stays behind in every plane.

    A Cluster whose definition is gone stays in Deleting for ever.
    """
    policy = one.cluster["spec"]["terminationPolicy"]
    if policy in ("DoNotTerminate", "Halt"):
        one.event(one.cluster, policy, f"spec.terminationPolicy {policy} is preventing deletion.")
        return
    if one.cluster.get("status", {}).get("phase") != "Deleting":
        one.patch_cluster({"status": {"phase": "Deleting"}}, "status")
    components: list[Component] = []
    for spec in one.cluster["spec"]["componentSpecs"]:
        definition = one.definition(spec)
        if definition is None:
            return
        components.append(one.component(spec, definition))
    if sum(_delete_objects(one, component) for component in components) == 0:
        _finish(one, components)


def _delete_objects(one: ClusterPass, component: Component) -> int:
    """Return how many pods and volumes are still there."""
    left = 0
    for view in one.planes().values():
        for kind in (POD, PVC, SERVICE, CONFIG_MAP):
            for body in view.all(kind, one.namespace):
                if _goes(component, kind, body):
                    left += kind in (POD, PVC)
                    if "deletionTimestamp" not in body["metadata"]:
                        view.client.delete(kind, body["metadata"]["name"], one.namespace)
    return left


def _goes(component: Component, kind: Kind, body: Object) -> bool:
    """Volumes go by the Cluster's labels, the rest by those of the InstanceSet, which services do not carry."""
    labels = (body["metadata"].get("labels") or {}).items()
    wanted = component.labels if kind is PVC else component.set_labels
    return wanted.items() <= labels


def _finish(one: ClusterPass, components: list[Component]) -> None:
    for component in components:
        for owner in component.owners.values():
            one.control.delete(kind_of(owner), owner["metadata"]["name"], one.namespace)
    kept = [name for name in one.cluster["metadata"].get("finalizers", []) if name != CLUSTER_FINALIZER]
    one.patch_cluster({"metadata": {"finalizers": kept}})
