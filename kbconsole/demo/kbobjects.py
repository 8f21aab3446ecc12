"""The objects that KubeBlocks makes for one component, as pure functions."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
PLACEMENT = "apps.kubeblocks.io/multi-cluster-placement"
SERVICE_PLACEMENT = "apps.kubeblocks.io/multi-cluster-service-placement"
# The one "plane" of an operator that was started without contexts: where it runs itself.
HOME_PLANE = ""
FINALIZER = "component.kubeblocks.io/finalizer"
POD_ROLE = "kubeblocks-cluster-pod-role"
ROLE = "kubeblocks.io/role"
RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class PlannedService:
    """A service before it is placed. `ordinal` None: of the component, not of one pod."""

    name: str
    unique: bool
    ordinal: int | None
    type: str
    body: Object


@dataclass(frozen=True)
class Component:
    """One component of a Cluster with its definition; `owners` are its Component and InstanceSet."""

    line: str
    cluster: Object
    spec: Object
    definition: Object
    owners: Mapping[str, Object]

    @property
    def namespace(self) -> str:
        return str(self.cluster["metadata"]["namespace"])

    @property
    def cluster_name(self) -> str:
        return str(self.cluster["metadata"]["name"])

    @property
    def full_name(self) -> str:
        return f"{self.cluster_name}-{self.spec['name']}"

    @property
    def definition_name(self) -> str:
        return str(self.definition["metadata"]["name"])

    @property
    def replicas(self) -> int:
        return 0 if self.spec.get("stop") else int(self.spec["replicas"])

    @property
    def account(self) -> str:
        return f"kb-{self.cluster_name}" if self.line == "0.9" else f"kb-{self.definition_name}"

    @property
    def binding(self) -> str:
        return self.account if self.line == "0.9" else f"{self.account}-pod"

    @property
    def labels(self) -> dict[str, str]:
        return {
            "app.kubernetes.io/managed-by": "kubeblocks",
            "app.kubernetes.io/instance": self.cluster_name,
            "apps.kubeblocks.io/component-name": self.spec["name"],
        }

    @property
    def set_labels(self) -> dict[str, str]:
        return {
            "workloads.kubeblocks.io/managed-by": "InstanceSet",
            "workloads.kubeblocks.io/instance": self.full_name,
        }

    def pod_name(self, ordinal: int) -> str:
        return f"{self.full_name}-{ordinal}"

    @property
    def has_roles(self) -> bool:
        return bool(self.definition["spec"].get("roles"))


def ordinal_of(name: str) -> int:
    """Return the number behind the last dash."""
    return int(name.rpartition("-")[2])


def made(component: Component, api_version: str, kind: str, name: str, **fields: Any) -> Object:
    """Return an object of the component; `owner` is Component or InstanceSet."""
    owner = component.owners[fields.pop("owner", "Component")]
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    metadata: Object = {
        "name": name,
        "namespace": component.namespace,
        "labels": fields.pop("labels", component.labels),
        "annotations": fields.pop("annotations", {}),
    }
    if fields.pop("owned", True):
        metadata["ownerReferences"] = [reference]
    if fields.pop("finalizer", False):
        metadata["finalizers"] = [FINALIZER]
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata} | fields


def placed(body: Object, context: str) -> Object:
    """Return the object as it is written into one plane."""
    copied = copy.deepcopy(body)
    if context != HOME_PLANE:
        copied["metadata"].setdefault("annotations", {})[PLACEMENT] = context
    return copied


def account(component: Component) -> Object:
    return made(component, "v1", "ServiceAccount", component.account)


def role_binding(component: Component) -> Object:
    subject = {"kind": "ServiceAccount", "name": component.account, "namespace": component.namespace}
    reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": POD_ROLE}
    return made(
        component, f"{RBAC}/v1", "RoleBinding", component.binding, roleRef=reference, subjects=[subject]
    )


def services(component: Component) -> Iterator[PlannedService]:
    """Yield the definition's services with what the Cluster overrides; unknown names are ignored."""
    overrides = {service["name"]: service for service in component.spec.get("services") or []}
    for declared in component.definition["spec"].get("services") or []:
        override = overrides.get(declared["name"])
        if override is None and declared.get("disableAutoProvision"):
            continue
        yield from _of_one(component, declared, override or {})


def _of_one(component: Component, declared: Object, override: Object) -> Iterator[PlannedService]:
    parts = [component.full_name, declared.get("serviceName") or ""]
    name = "-".join(part for part in parts if part)
    annotations = dict(override.get("annotations") or {})
    kind = annotations.pop(SERVICE_PLACEMENT, "mirror") or "mirror"
    if kind not in ("unique", "mirror"):
        raise ValueError(f"invalid multi-cluster pod-service placement kind: {kind}")
    spec: Object = {
        "type": override.get("serviceType", "ClusterIP"),
        "ports": copy.deepcopy(declared["spec"]["ports"]),
        "selector": dict(component.labels),
    }
    if declared.get("roleSelector"):
        spec["selector"][ROLE] = declared["roleSelector"]
    if not override.get("podService", declared.get("podService")):
        body = made(component, "v1", "Service", name, spec=spec, annotations=annotations, finalizer=True)
        yield PlannedService(name, False, None, spec["type"], body)
        return
    for ordinal in range(component.replicas):
        own = copy.deepcopy(spec)
        own["selector"]["apps.kubeblocks.io/pod-name"] = component.pod_name(ordinal)
        own["publishNotReadyAddresses"] = True
        full = f"{name}-{ordinal}"
        body = made(component, "v1", "Service", full, spec=own, annotations=annotations, finalizer=True)
        yield PlannedService(full, kind == "unique", ordinal, own["type"], body)


def headless(component: Component) -> Object:
    ports = [{"name": "peer", "port": 2380}, {"name": "client", "port": 2379}]
    spec = {
        "clusterIP": "None",
        "ports": ports,
        "selector": component.set_labels,
        "publishNotReadyAddresses": True,
    }
    name = f"{component.full_name}-headless"
    return made(component, "v1", "Service", name, spec=spec, labels=component.set_labels, owner="InstanceSet")


def environment(component: Component, peers: str) -> Object:
    data = {
        "KB_CLUSTER_NAME": component.cluster_name,
        "KB_COMP_NAME": component.spec["name"],
        "KB_CLUSTER_COMP_NAME": component.full_name,
        "KB_NAMESPACE": component.namespace,
        "KB_CLUSTER_UID": component.cluster["metadata"]["uid"],
        "PEER_ENDPOINT": peers,
    }
    return made(component, "v1", "ConfigMap", f"{component.full_name}-env", data=data, finalizer=True)


def set_environment(component: Component) -> Object:
    """The second ConfigMap of the 0.9 line."""
    data = {f"KB_{i}_HOSTNAME": component.pod_name(i) for i in range(component.replicas)}
    name = f"{component.full_name}-rsm-env"
    return made(
        component, "v1", "ConfigMap", name, data=data, owner="InstanceSet", labels=component.set_labels
    )


def claim(component: Component, template: Object, ordinal: int) -> Object:
    labels = (
        component.labels
        | {"apps.kubeblocks.io/vct-name": template["name"]}
        | dict(template.get("labels") or {})
    )
    return made(
        component,
        "v1",
        "PersistentVolumeClaim",
        f"{template['name']}-{component.pod_name(ordinal)}",
        labels=labels,
        annotations=dict(template.get("annotations") or {}),
        owner="InstanceSet",
        owned=component.line != "0.9",
        spec=copy.deepcopy(template.get("spec") or {}),
    )


def pod(component: Component, ordinal: int) -> Object:
    name, service_version = (
        component.pod_name(ordinal),
        component.definition["spec"].get("serviceVersion", ""),
    )
    labels = component.labels | component.set_labels
    labels |= {"app.kubernetes.io/component": component.definition_name, "apps.kubeblocks.io/pod-name": name}
    if component.line == "0.9":
        labels |= {
            "app.kubernetes.io/name": component.definition_name,
            "app.kubernetes.io/version": service_version,
            "workloads.kubeblocks.io/access-mode": "ReadWrite",
        }
    else:
        labels |= {
            "apps.kubeblocks.io/service-version": service_version,
            "apps.kubeblocks.io/release-phase": "stable",
        }
    templates = component.spec.get("volumeClaimTemplates") or []
    ports = [{"name": "client", "containerPort": 2379}, {"name": "peer", "containerPort": 2380}]
    container = {
        "name": component.spec["name"],
        "image": f"docker.io/apecloud/etcd:v{service_version}",
        "ports": ports,
        "envFrom": [{"configMapRef": {"name": f"{component.full_name}-env"}}],
        "resources": component.spec.get("resources") or {},
        "volumeMounts": [
            {"name": template["name"], "mountPath": f"/{template['name']}"} for template in templates
        ],
    }
    spec = {
        "serviceAccountName": component.account,
        "hostname": name,
        "subdomain": f"{component.full_name}-headless",
        # Nothing runs in the pod, so it need not be given time to end.
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
        "volumes": [
            {"name": t["name"], "persistentVolumeClaim": {"claimName": f"{t['name']}-{name}"}}
            for t in templates
        ],
    }
    return made(component, "v1", "Pod", name, labels=labels, owner="InstanceSet", spec=spec)
