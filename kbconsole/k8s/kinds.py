"""The kinds that the console reads and writes, with the paths at which an API server serves them.

Hard-coded on purpose: discovery costs requests, and the console only ever asks for kinds that it knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

Object = dict[str, Any]
Ref = dict[str, str]


def _segment(text: str) -> str:
    """Quote one part of a path. Raises ValueError for what an API server would never take as a name."""
    if text in ("", ".", "..") or "/" in text or "%" in text:
        raise ValueError(f"{text!r} is no name of a Kubernetes object")
    return quote(text, safe=":")


@dataclass(frozen=True)
class Kind:
    """One kind at one version. `plural` is the name in the path."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool

    @property
    def group(self) -> str:
        """The API group, "" for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        return self.api_version.rpartition("/")[2]

    @property
    def resource(self) -> str:
        """`plural.group`, as kubectl wants it where a kind's name alone is ambiguous."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the path of one object, or of the collection where `name` is "".

        Without a namespace the collection of a namespaced kind is that of all namespaces. Raises ValueError
        for a namespaced object without a namespace, and for names that are none.
        """
        if self.namespaced and name and not namespace:
            raise ValueError(f"{self.kind} {name} needs a namespace")
        parts = [group_version_path(self.api_version)]
        if self.namespaced and namespace:
            parts += ["namespaces", _segment(namespace)]
        parts.append(self.plural)
        parts += [_segment(part) for part in (name, subresource) if part]
        return "/".join(parts)

    def ref(self, name: str, namespace: str = "") -> Ref:
        """Return `{apiVersion, kind, namespace, name}`; the namespace is "" for kinds that have none."""
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "namespace": namespace if self.namespaced else "",
            "name": name,
        }


def group_version_path(api_version: str) -> str:
    """Return `/api/v1` or `/apis/<group>/<version>`."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def ref_of(obj: Mapping[str, Any]) -> Ref:
    """Return `{apiVersion, kind, namespace, name}` of an object of any kind."""
    metadata = obj.get("metadata") or {}
    return {
        "apiVersion": str(obj.get("apiVersion", "")),
        "kind": str(obj.get("kind", "")),
        "namespace": str(metadata.get("namespace") or ""),
        "name": str(metadata.get("name") or metadata.get("generateName") or ""),
    }


def shown(ref: Mapping[str, str]) -> str:
    """Return a reference as people write it: `Service etcd/etcd-0`."""
    name = "/".join(part for part in (ref.get("namespace", ""), ref.get("name", "")) if part)
    return " ".join(part for part in (ref.get("kind", ""), name) if part)


_RBAC = "rbac.authorization.k8s.io/v1"
_KB_ALPHA = "apps.kubeblocks.io/v1alpha1"
_KB_V1 = "apps.kubeblocks.io/v1"

NAMESPACE = Kind("v1", "Namespace", "namespaces", False)
NODE = Kind("v1", "Node", "nodes", False)
PERSISTENT_VOLUME = Kind("v1", "PersistentVolume", "persistentvolumes", False)
POD = Kind("v1", "Pod", "pods", True)
BINDING = Kind("v1", "Binding", "bindings", True)
PVC = Kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims", True)
SERVICE = Kind("v1", "Service", "services", True)
ENDPOINTS = Kind("v1", "Endpoints", "endpoints", True)
CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps", True)
SECRET = Kind("v1", "Secret", "secrets", True)
SERVICE_ACCOUNT = Kind("v1", "ServiceAccount", "serviceaccounts", True)
EVENT = Kind("v1", "Event", "events", True)

CLUSTER_ROLE = Kind(_RBAC, "ClusterRole", "clusterroles", False)
CLUSTER_ROLE_BINDING = Kind(_RBAC, "ClusterRoleBinding", "clusterrolebindings", False)
ROLE = Kind(_RBAC, "Role", "roles", True)
ROLE_BINDING = Kind(_RBAC, "RoleBinding", "rolebindings", True)

DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments", True)
DAEMON_SET = Kind("apps/v1", "DaemonSet", "daemonsets", True)
REPLICA_SET = Kind("apps/v1", "ReplicaSet", "replicasets", True)
STATEFUL_SET = Kind("apps/v1", "StatefulSet", "statefulsets", True)
JOB = Kind("batch/v1", "Job", "jobs", True)
ENDPOINT_SLICE = Kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", True)
SERVICE_CIDR = Kind("networking.k8s.io/v1", "ServiceCIDR", "servicecidrs", False)
LEASE = Kind("coordination.k8s.io/v1", "Lease", "leases", True)
STORAGE_CLASS = Kind("storage.k8s.io/v1", "StorageClass", "storageclasses", False)
CSI_DRIVER = Kind("storage.k8s.io/v1", "CSIDriver", "csidrivers", False)
CRD = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", False)
SELF_SUBJECT_ACCESS_REVIEW = Kind(
    "authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", False
)
SELF_SUBJECT_REVIEW = Kind("authentication.k8s.io/v1", "SelfSubjectReview", "selfsubjectreviews", False)

KB_CLUSTER_V1ALPHA1 = Kind(_KB_ALPHA, "Cluster", "clusters", True)
KB_CLUSTER_V1 = Kind(_KB_V1, "Cluster", "clusters", True)
COMPONENT_V1ALPHA1 = Kind(_KB_ALPHA, "Component", "components", True)
COMPONENT_V1 = Kind(_KB_V1, "Component", "components", True)
CLUSTER_DEFINITION_V1ALPHA1 = Kind(_KB_ALPHA, "ClusterDefinition", "clusterdefinitions", False)
CLUSTER_DEFINITION_V1 = Kind(_KB_V1, "ClusterDefinition", "clusterdefinitions", False)
COMPONENT_DEFINITION_V1ALPHA1 = Kind(_KB_ALPHA, "ComponentDefinition", "componentdefinitions", False)
COMPONENT_DEFINITION_V1 = Kind(_KB_V1, "ComponentDefinition", "componentdefinitions", False)
COMPONENT_VERSION_V1ALPHA1 = Kind(_KB_ALPHA, "ComponentVersion", "componentversions", False)
COMPONENT_VERSION_V1 = Kind(_KB_V1, "ComponentVersion", "componentversions", False)
OPS_REQUEST_V1ALPHA1 = Kind(_KB_ALPHA, "OpsRequest", "opsrequests", True)
OPS_REQUEST = Kind("operations.kubeblocks.io/v1alpha1", "OpsRequest", "opsrequests", True)
INSTANCE_SET_V1ALPHA1 = Kind("workloads.kubeblocks.io/v1alpha1", "InstanceSet", "instancesets", True)
INSTANCE_SET_V1 = Kind("workloads.kubeblocks.io/v1", "InstanceSet", "instancesets", True)

IP_ADDRESS_POOL = Kind("metallb.io/v1beta1", "IPAddressPool", "ipaddresspools", True)
L2_ADVERTISEMENT = Kind("metallb.io/v1beta1", "L2Advertisement", "l2advertisements", True)
METALLB_CONFIGURATION_STATE = Kind("metallb.io/v1beta1", "ConfigurationState", "configurationstates", True)
BGP_ADVERTISEMENT = Kind("metallb.io/v1beta1", "BGPAdvertisement", "bgpadvertisements", True)
CILIUM_NODE = Kind("cilium.io/v2", "CiliumNode", "ciliumnodes", False)
CILIUM_LOAD_BALANCER_IP_POOL = Kind(
    "cilium.io/v2", "CiliumLoadBalancerIPPool", "ciliumloadbalancerippools", False
)
CALICO_IP_POOL = Kind("crd.projectcalico.org/v1", "IPPool", "ippools", False)
MCS_SERVICE_EXPORT = Kind("multicluster.x-k8s.io/v1alpha1", "ServiceExport", "serviceexports", True)

KINDS: Mapping[tuple[str, str], Kind] = {
    (kind.api_version, kind.kind): kind for kind in list(globals().values()) if isinstance(kind, Kind)
}


def kind_named(api_version: str, kind: str) -> Kind:
    """Return the kind. Raises KeyError for one that the console does not know."""
    return KINDS[(api_version, kind)]


def kind_of(obj: Mapping[str, Any]) -> Kind:
    """Return the kind of an object by its apiVersion and kind. Raises KeyError."""
    return kind_named(obj["apiVersion"], obj["kind"])


def selector_of(labels: Mapping[str, str]) -> str:
    """Return labels as a selector that asks for all of them, `a=b,c=d`, in the order of their keys."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
