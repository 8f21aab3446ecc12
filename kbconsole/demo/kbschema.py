"""KubeBlocks' CustomResourceDefinitions, trimmed to what the console writes and reads."""

from __future__ import annotations

from typing import Any

from kbconsole.demo.builtin import CONDITIONS
from kbconsole.demo.schema import (
    ANY,
    BOOLEAN,
    INT_OR_STRING,
    INTEGER,
    QUANTITY,
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
_PHASES = ("Creating", "Running", "Updating", "Stopping", "Stopped", "Deleting", "Failed", "Abnormal")


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
        podUpdatePolicy=STRING,
        **dict.fromkeys(free.split(), ANY),
        **more,
    )


def _cluster(component: Schema, policies: tuple[str, ...], **spec: Schema) -> Schema:
    return obj(
        spec=obj(
            "terminationPolicy",
            terminationPolicy=words(*policies),
            componentSpecs=arr(component, minItems=1, maxItems=128),
            topology=STRING,
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
            components={"type": "object", "additionalProperties": ANY},
            conditions=CONDITIONS,
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
    monitor=BOOLEAN,
    userResourceRefs=ANY,
)
_OLD = _cluster(
    _OLD_COMPONENT,
    ("DoNotTerminate", "Halt", "Delete", "WipeOut"),
    **dict.fromkeys(["affinity", "network", "resources", "shardingSpecs", "storage", "tolerations"], ANY),
    availabilityPolicy=words("zone", "node", "none"),
    clusterDefinitionRef=STRING,
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
    podUpgradePolicy=STRING,
)
_NEW = _cluster(_NEW_COMPONENT, ("DoNotTerminate", "Delete", "WipeOut"), clusterDef=STRING, shardings=ANY)
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
    group: str, plural: str, kind: str, versions: list[Object], *, namespaced: bool = True
) -> Object:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "labels": {"app.kubernetes.io/name": "kubeblocks"}},
        "spec": {
            "group": group,
            "names": {"plural": plural, "kind": kind, "singular": kind.lower(), "listKind": f"{kind}List"},
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
        _definition(APPS, "clusters", "Cluster", clusters),
        _definition(APPS, "components", "Component", free),
        _definition(APPS, "componentdefinitions", "ComponentDefinition", free, namespaced=False),
        _definition(WORKLOADS, "instancesets", "InstanceSet", free),
    ]
