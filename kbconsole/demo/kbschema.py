"""KubeBlocks' CustomResourceDefinitions, trimmed to what the console writes and reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kbconsole.demo.schema import (
    ANY,
    BOOLEAN,
    INT_OR_STRING,
    INTEGER,
    QUANTITY,
    RULES,
    STRING,
    STRINGS,
    Schema,
    arr,
    obj,
    text,
    whole,
    words,
)

Object = dict[str, Any]
APPS = "apps.kubeblocks.io"
WORKLOADS = "workloads.kubeblocks.io"
_QUANTITIES: Schema = {"type": "object", "additionalProperties": QUANTITY}
_RESOURCES = obj(claims=arr(ANY), limits=_QUANTITIES, requests=_QUANTITIES)
_SERVICE = obj(
    "name",
    name=text(maxLength=25),
    annotations=STRINGS,
    podService={**BOOLEAN, "default": False},
    serviceType=words("ClusterIP", "NodePort", "LoadBalancer", default="ClusterIP"),
)
_CONDITION = obj(
    *("lastTransitionTime", "message", "reason", "status", "type"),
    type=text(maxLength=316),
    status=words("True", "False", "Unknown"),
    reason=text(maxLength=1024, minLength=1, pattern="^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"),
    message=text(maxLength=32768),
    observedGeneration=whole(format="int64", minimum=0),
    lastTransitionTime=text(format="date-time"),
)
_PHASES = ("Creating", "Running", "Updating", "Stopping", "Stopped", "Deleting", "Failed", "Abnormal")


_COMPONENT_RULES = [
    {"rule": "distinct name", "message": "duplicated component"},
    {
        "rule": "all or none componentDef",
        "message": "two kinds of definition API can not be used simultaneously",
    },
]


def _fixed(name: str) -> Object:
    return {"rule": "immutable", "message": f"{name} is immutable"}


def _template(**more: Schema) -> Schema:
    spec = obj(
        accessModes=arr(STRING), resources=_RESOURCES, storageClassName=STRING, volumeMode=STRING, **more
    )
    return obj("name", name=STRING, labels=STRINGS, annotations=STRINGS, spec=spec)


def _component(name_pattern: str, definition_pattern: str, template: Schema, **more: Schema) -> Schema:
    free = "env instances issuer offlineInstances schedulingPolicy serviceRefs systemAccounts volumes"
    return obj(
        "replicas",
        name=text(maxLength=22, pattern=name_pattern),
        componentDef=text(maxLength=64, pattern=definition_pattern),
        replicas=whole(default=1, format="int32", minimum=0),
        serviceVersion=text(maxLength=32),
        serviceAccountName=STRING,
        resources=_RESOURCES,
        services=arr(_SERVICE),
        volumeClaimTemplates=arr(template),
        labels=STRINGS,
        annotations=STRINGS,
        disableExporter=BOOLEAN,
        stop=BOOLEAN,
        tls=BOOLEAN,
        instanceUpdateStrategy=ANY,
        parallelPodManagementConcurrency=INT_OR_STRING,
        **dict.fromkeys(free.split(), ANY),
        **more,
    )


def _component_status(phases: tuple[str, ...]) -> Schema:
    # Any other field, since only the operator writes here.
    return obj(phase=words(*phases)) | {"x-kubernetes-preserve-unknown-fields": True}


def _cluster(component: Schema, policies: tuple[str, ...], phases: tuple[str, ...], **spec: Schema) -> Schema:
    return obj(
        spec=obj(
            "terminationPolicy",
            terminationPolicy=words(*policies),
            componentSpecs=arr(component, minItems=1, maxItems=128) | {RULES: _COMPONENT_RULES},
            services=arr(ANY),
            backup=ANY,
            schedulingPolicy=ANY,
            runtimeClassName=STRING,
            **spec,
        ),
        status=obj(
            observedGeneration=INTEGER,
            phase=words(*_PHASES),
            message=STRING,
            components={"type": "object", "additionalProperties": _component_status(phases)},
            conditions=arr(_CONDITION),
            clusterDefGeneration=INTEGER,
            shardings=ANY,
        ),
    )


_OLD_COMPONENT = _component(
    r"^[a-z]([a-z0-9\-]*[a-z0-9])?$",
    r"^[a-z0-9]([a-z0-9\.\-]*[a-z0-9])?$",
    _template(),
    **dict.fromkeys(
        ["affinity", "classDefRef", "enabledLogs", "switchPolicy", "tolerations", "updateStrategy"], ANY
    ),
    componentDefRef=STRING,
    podUpdatePolicy=words("StrictInPlace", "PreferInPlace", "Recreate"),
    monitor=BOOLEAN,
    userResourceRefs=ANY,
)
_OLD = _cluster(
    _OLD_COMPONENT,
    ("DoNotTerminate", "Halt", "Delete", "WipeOut"),
    _PHASES,
    topology=text(maxLength=32),
    **dict.fromkeys(["affinity", "network", "resources", "shardingSpecs", "storage", "tolerations"], ANY),
    availabilityPolicy=words("zone", "node", "none"),
    clusterDefinitionRef=text(maxLength=63) | {RULES: [_fixed("clusterDefinitionRef")]},
    clusterVersionRef=STRING,
    replicas=INTEGER,
    tenancy=words("SharedNode", "DedicatedNode"),
)
_NEW_COMPONENT = _component(
    r"^$|^[a-z]([a-z0-9-]*[a-z0-9])?$",
    r"^[a-z]([a-z0-9\.\-]*[a-z0-9])?$",
    _template(volumeAttributesClassName=STRING),
    configs=ANY,
    persistentVolumeClaimRetentionPolicy=ANY,
    podUpdatePolicy=words("StrictInPlace", "PreferInPlace", default="PreferInPlace"),
    podUpgradePolicy=words("StrictInPlace", "PreferInPlace"),
)
_NEW = _cluster(
    _NEW_COMPONENT,
    ("DoNotTerminate", "Delete", "WipeOut"),
    ("Creating", "Deleting", "Updating", "Stopping", "Starting", "Running", "Stopped", "Failed"),
    topology=text(maxLength=32) | {RULES: [_fixed("topology")]},
    clusterDef=text(maxLength=63) | {RULES: [_fixed("clusterDef")]},
    shardings=ANY,
)
_FREE = obj(spec=ANY, status=ANY)


def _version(name: str, schema: Schema, *, storage: bool = True) -> Object:
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }


def _definition(
    group: str,
    plural: str,
    kind: str,
    versions: list[Object],
    *,
    namespaced: bool = True,
    short: str = "",
    categories: Sequence[str] = (),
) -> Object:
    names: Object = {"plural": plural, "kind": kind, "singular": kind.lower(), "listKind": f"{kind}List"}
    names |= {"shortNames": [short]} if short else {}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "labels": {"app.kubernetes.io/name": "kubeblocks"}},
        "spec": {
            "group": group,
            "names": names | {"categories": ["kubeblocks", *categories]},
            "scope": "Namespaced" if namespaced else "Cluster",
            "versions": versions,
        },
    }


def definitions(line: str) -> list[Object]:
    """Return what a control plane of this release line (0.9 or 1.0) serves."""
    if line == "0.9":
        clusters, free = [_version("v1alpha1", _OLD)], [_version("v1alpha1", _FREE)]
    else:
        clusters = [_version("v1", _NEW), _version("v1alpha1", _OLD, storage=False)]
        free = [_version("v1", _FREE), _version("v1alpha1", _FREE, storage=False)]
    return [
        _definition(APPS, "clusters", "Cluster", clusters, categories=["all"]),
        _definition(APPS, "components", "Component", free),
        _definition(
            APPS, "componentdefinitions", "ComponentDefinition", free, namespaced=False, short="cmpd"
        ),
        _definition(WORKLOADS, "instancesets", "InstanceSet", free),
    ]
