"""A mirrored object as another plane has to hold it. Pure: built by allow-list from the one that is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kbconsole.k8s.kinds import CONFIG_MAP, ROLE_BINDING, SERVICE, SERVICE_ACCOUNT, Object
from networking.kinds.base import reported
from placements.rendering import PLACEMENT

SAID: Mapping[str, tuple[str, ...]] = {
    CONFIG_MAP.kind: ("data", "binaryData", "immutable"),
    SERVICE_ACCOUNT.kind: ("automountServiceAccountToken", "imagePullSecrets"),
    ROLE_BINDING.kind: ("roleRef", "subjects"),
}
"""What each kind says beside its metadata. A Service says SERVICE_SAYS and its ports."""
SERVICE_SAYS = (
    "type", "selector", "publishNotReadyAddresses", "sessionAffinity", "sessionAffinityConfig",
    "externalTrafficPolicy", "internalTrafficPolicy", "loadBalancerClass", "loadBalancerSourceRanges",
    "allocateLoadBalancerNodePorts", "trafficDistribution",
)  # fmt: skip
PORT_SAYS = ("name", "port", "protocol", "targetPort", "appProtocol")
OWNER_SAYS = ("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion")
HEADLESS = "None"
_FOREIGN = (
    "kubectl.kubernetes.io/",
    "helm.sh/",
    "meta.helm.sh/",
    "argocd.argoproj.io/",
    "kustomize.toolkit.fluxcd.io/",
    "helm.toolkit.fluxcd.io/",
    "endpoints.kubernetes.io/",
)
"""What other tools, and controllers of the source plane, wrote to find the object again or to report about it; beside
it what those of network kinds report."""


def mirrored_copy(source: Mapping[str, Any], plane: str) -> Object:
    """Return the object to create on `plane`: what the operator would have made there.

    The owners stay: they are objects of the control plane, and by them the operator knows the object as its own. The
    finalizers do not: only the operator would release them, and at a deletion it never looks into the planes. Addresses
    and node ports are the plane's own to give; only a headless service keeps its clusterIP, which is "None".
    """
    metadata = source["metadata"]
    said: Object = {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "annotations": {**_kept(metadata.get("annotations")), PLACEMENT: plane},
    }
    labels = _kept(metadata.get("labels"))
    owners = [_only(owner, OWNER_SAYS) for owner in metadata.get("ownerReferences") or []]
    said |= {"labels": labels} if labels else {}
    said |= {"ownerReferences": owners} if owners else {}
    return {"apiVersion": source["apiVersion"], "kind": source["kind"], "metadata": said, **_body(source)}


def _kept(pairs: Mapping[str, str] | None) -> dict[str, str]:
    foreign = (*_FOREIGN, *reported())
    return {key: value for key, value in (pairs or {}).items() if not key.startswith(foreign)}


def _only(there: Mapping[str, Any], names: tuple[str, ...]) -> Object:
    return {name: there[name] for name in names if there.get(name) is not None}


def _body(source: Mapping[str, Any]) -> Object:
    if source["kind"] != SERVICE.kind:
        return _only(source, SAID[source["kind"]])
    there = source.get("spec") or {}
    spec = _only(there, SERVICE_SAYS)
    spec["ports"] = [_only(port, PORT_SAYS) for port in there.get("ports") or []]
    if there.get("clusterIP") == HEADLESS:
        spec["clusterIP"] = HEADLESS
    return {"spec": spec}
