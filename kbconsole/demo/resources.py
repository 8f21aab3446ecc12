"""Which kinds a plane serves: the built-in ones and those of its CustomResourceDefinitions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from kbconsole.demo import builtin, crdschema
from kbconsole.demo.schema import ANY, STRING, Schema, obj

Object = dict[str, Any]
RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class Resource:
    """One kind in one version. Two versions of a kind share `store_key`, hence their objects."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    schema: Schema = field(repr=False, hash=False, compare=False, default_factory=dict)
    status: bool = False
    custom: bool = False
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def store_key(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def counts_generations(self) -> bool:
        return self.custom or self.kind in {
            "CustomResourceDefinition",
            "DaemonSet",
            "Deployment",
            "Job",
            "Pod",
        }


def _core(plural: str, kind: str, schema: Schema, *short: str, **options: Any) -> Resource:
    return Resource("", "v1", plural, kind, options.pop("namespaced", True), schema, short=short, **options)


def _rbac(plural: str, kind: str, schema: Schema, *, namespaced: bool) -> Resource:
    return Resource(RBAC, "v1", plural, kind, namespaced, schema)


BUILT_IN: tuple[Resource, ...] = (
    _core("namespaces", "Namespace", builtin.NAMESPACE, "ns", namespaced=False, status=True),
    _core("nodes", "Node", builtin.FREE, "no", namespaced=False, status=True),
    _core("persistentvolumes", "PersistentVolume", builtin.FREE, "pv", namespaced=False, status=True),
    _core("pods", "Pod", builtin.POD, "po", status=True),
    _core("services", "Service", builtin.SERVICE, "svc", status=True),
    _core("configmaps", "ConfigMap", builtin.CONFIG_MAP, "cm"),
    _core("secrets", "Secret", builtin.SECRET),
    _core("serviceaccounts", "ServiceAccount", builtin.SERVICE_ACCOUNT, "sa"),
    _core("persistentvolumeclaims", "PersistentVolumeClaim", builtin.CLAIM, "pvc", status=True),
    _core("events", "Event", builtin.EVENT, "ev"),
    _core("endpoints", "Endpoints", builtin.ENDPOINTS, "ep"),
    Resource(
        "apps", "v1", "deployments", "Deployment", True, builtin.DEPLOYMENT, status=True, short=("deploy",)
    ),
    Resource("apps", "v1", "daemonsets", "DaemonSet", True, builtin.DAEMON_SET, status=True, short=("ds",)),
    Resource("batch", "v1", "jobs", "Job", True, builtin.JOB, status=True),
    Resource(
        "storage.k8s.io", "v1", "storageclasses", "StorageClass", False, builtin.STORAGE_CLASS, short=("sc",)
    ),
    Resource(
        "networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR", False, builtin.SERVICE_CIDR, status=True
    ),
    _rbac("roles", "Role", builtin.ROLE, namespaced=True),
    _rbac("rolebindings", "RoleBinding", builtin.BINDING, namespaced=True),
    _rbac("clusterroles", "ClusterRole", builtin.CLUSTER_ROLE, namespaced=False),
    _rbac("clusterrolebindings", "ClusterRoleBinding", builtin.BINDING, namespaced=False),
    Resource(
        "apiextensions.k8s.io",
        "v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        False,
        crdschema.DEFINITION,
        status=True,
        short=("crd", "crds"),
    ),
)


def is_built_in(group: str, version: str) -> bool:
    """Return whether the API server itself serves this, as opposed to one of its CustomResourceDefinitions."""
    return any((resource.group, resource.version) == (group, version) for resource in BUILT_IN)


def of_definition(definition: Object) -> list[Resource]:
    """Return what a CustomResourceDefinition object makes the plane serve."""
    spec = definition["spec"]
    names = spec["names"]
    served = [version for version in spec["versions"] if version.get("served")]
    return [
        Resource(
            group=spec["group"],
            version=version["name"],
            plural=names["plural"],
            kind=names["kind"],
            namespaced=spec.get("scope", "Namespaced") == "Namespaced",
            schema=whole_object(version.get("schema", {}).get("openAPIV3Schema") or ANY),
            status="status" in version.get("subresources", {}),
            custom=True,
            short=tuple(names.get("shortNames", ())),
            categories=tuple(names.get("categories", ())),
        )
        for version in served
    ]


def whole_object(schema: Schema) -> Schema:
    """Return the definition's schema with the metadata that every object has."""
    base = obj(apiVersion=STRING, kind=STRING, metadata=builtin.META)
    own = {
        key: value for key, value in (schema.get("properties") or {}).items() if key not in base["properties"]
    }
    return {**schema, "type": "object", "properties": base["properties"] | own}


class Served:
    """The table of one plane."""

    def __init__(self, definitions: Iterable[Object]) -> None:
        custom = [resource for definition in definitions for resource in of_definition(definition)]
        self.all = (*BUILT_IN, *custom)
        self._by_path = {(r.group, r.version, r.plural): r for r in self.all}

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        return self._by_path.get((group, version, plural))

    def group_versions(self) -> dict[str, list[str]]:
        """Return versions by group, v1 first; the core group is not in it."""
        groups: dict[str, list[str]] = {}
        for resource in self.all:
            if resource.group and resource.version not in groups.setdefault(resource.group, []):
                groups[resource.group].append(resource.version)
        for group, review in (("authorization.k8s.io", "v1"), ("authentication.k8s.io", "v1")):
            groups.setdefault(group, [review])
        return {group: sorted(versions, key=len) for group, versions in groups.items()}

    def in_version(self, group: str, version: str) -> list[Resource]:
        return [resource for resource in self.all if (resource.group, resource.version) == (group, version)]
