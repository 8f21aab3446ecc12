"""Trimmed schemas of the built-in kinds: what the console and the stand-in controllers write."""

from __future__ import annotations

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
    set_of,
    text,
    whole,
    words,
)

ATOMIC_MAP: Schema = STRINGS | {"x-kubernetes-map-type": "atomic"}
META: Schema = obj(
    name=STRING,
    generateName=STRING,
    namespace=STRING,
    selfLink=STRING,
    uid=STRING,
    resourceVersion=STRING,
    generation=INTEGER,
    creationTimestamp=STRING,
    deletionTimestamp=STRING,
    deletionGracePeriodSeconds=INTEGER,
    labels=STRINGS,
    annotations=STRINGS,
    finalizers=set_of(STRING),
    ownerReferences=arr(
        obj(
            *("apiVersion", "kind", "name", "uid"),
            apiVersion=STRING,
            kind=STRING,
            name=STRING,
            uid=STRING,
            controller=BOOLEAN,
            blockOwnerDeletion=BOOLEAN,
        ),
        "uid",
    ),
    managedFields=arr(ANY),
)


def kind(**fields: Schema) -> Schema:
    """Return the schema of a whole object."""
    return obj(apiVersion=STRING, kind=STRING, metadata=META, **fields)


SELECTOR: Schema = obj(matchLabels=STRINGS, matchExpressions=arr(ANY)) | {"x-kubernetes-map-type": "atomic"}
QUANTITIES: Schema = {"type": "object", "additionalProperties": QUANTITY}
RESOURCES: Schema = obj(limits=QUANTITIES, requests=QUANTITIES, claims=arr(ANY, "name"))
TIME: Schema = STRING | {"nullable": True}
CONDITIONS: Schema = arr(
    obj(
        type=STRING,
        status=STRING,
        reason=STRING,
        message=STRING,
        observedGeneration=INTEGER,
        lastTransitionTime=TIME,
        lastUpdateTime=TIME,
        lastProbeTime=TIME,
        lastHeartbeatTime=TIME,
    ),
    "type",
)
REFERENCE: Schema = obj(
    apiVersion=STRING,
    kind=STRING,
    name=STRING,
    namespace=STRING,
    uid=STRING,
    fieldPath=STRING,
    resourceVersion=STRING,
) | {"x-kubernetes-map-type": "atomic"}

SERVICE_PORT = obj(
    name=STRING,
    port=INTEGER,
    protocol=words("SCTP", "TCP", "UDP", default="TCP"),
    targetPort=INT_OR_STRING,
    nodePort=INTEGER,
    appProtocol=STRING,
)
SERVICE = kind(
    spec=obj(
        ports=arr(SERVICE_PORT, "port", "protocol"),
        selector=ATOMIC_MAP,
        type=words("ClusterIP", "ExternalName", "LoadBalancer", "NodePort", default="ClusterIP"),
        clusterIP=STRING,
        clusterIPs=arr(STRING),
        externalIPs=arr(STRING),
        externalName=STRING,
        externalTrafficPolicy=words("Cluster", "Local"),
        internalTrafficPolicy=words("Cluster", "Local"),
        allocateLoadBalancerNodePorts=BOOLEAN,
        loadBalancerIP=STRING,
        loadBalancerClass=STRING,
        loadBalancerSourceRanges=arr(STRING),
        sessionAffinity=words("ClientIP", "None", default="None"),
        sessionAffinityConfig=ANY,
        publishNotReadyAddresses=BOOLEAN,
        healthCheckNodePort=INTEGER,
        ipFamilies=arr(STRING),
        ipFamilyPolicy=STRING,
        trafficDistribution=STRING,
    ),
    status=obj(
        conditions=CONDITIONS,
        loadBalancer=obj(ingress=arr(obj(ip=STRING, hostname=STRING, ipMode=STRING, ports=arr(ANY)))),
    ),
)
ATOMIC: Schema = ANY | {"x-kubernetes-map-type": "atomic"}
SOURCE = obj(fieldRef=ATOMIC, resourceFieldRef=ATOMIC, configMapKeyRef=ATOMIC, secretKeyRef=ATOMIC)
CONTAINER = obj(
    name=STRING,
    image=STRING,
    imagePullPolicy=STRING,
    command=arr(STRING),
    args=arr(STRING),
    workingDir=STRING,
    env=arr(obj(name=STRING, value=STRING, valueFrom=SOURCE), "name"),
    envFrom=arr(ANY),
    ports=arr(
        obj(
            name=STRING,
            containerPort=INTEGER,
            hostPort=INTEGER,
            hostIP=STRING,
            protocol=words("SCTP", "TCP", "UDP", default="TCP"),
        ),
        "containerPort",
        "protocol",
    ),
    resources=RESOURCES,
    volumeMounts=arr(
        obj(name=STRING, mountPath=STRING, readOnly=BOOLEAN, subPath=STRING),
        "mountPath",
    ),
    securityContext=ANY,
    livenessProbe=ANY,
    readinessProbe=ANY,
    startupProbe=ANY,
    lifecycle=ANY,
    restartPolicy=STRING,
    terminationMessagePath=STRING,
    terminationMessagePolicy=STRING,
    stdin=BOOLEAN,
    tty=BOOLEAN,
)
POD_SPEC = obj(
    containers=arr(CONTAINER, "name"),
    initContainers=arr(CONTAINER, "name"),
    volumes=arr(ANY, "name"),
    serviceAccountName=STRING,
    serviceAccount=STRING,
    automountServiceAccountToken=BOOLEAN,
    nodeName=STRING,
    nodeSelector=ATOMIC_MAP,
    hostname=STRING,
    subdomain=STRING,
    hostNetwork=BOOLEAN,
    restartPolicy=words("Always", "OnFailure", "Never", default="Always"),
    terminationGracePeriodSeconds=INTEGER,
    affinity=ANY,
    tolerations=arr(ANY),
    topologySpreadConstraints=arr(ANY),
    securityContext=ANY,
    dnsPolicy=STRING,
    priorityClassName=STRING,
    schedulerName=STRING,
    imagePullSecrets=arr(obj(name=STRING), "name"),
    activeDeadlineSeconds=INTEGER,
    enableServiceLinks=BOOLEAN,
    preemptionPolicy=STRING,
    priority=INTEGER,
)
POD = kind(
    spec=POD_SPEC,
    status=obj(
        phase=STRING,
        message=STRING,
        reason=STRING,
        podIP=STRING,
        podIPs=arr(obj(ip=STRING), "ip"),
        hostIP=STRING,
        hostIPs=arr(obj(ip=STRING)),
        startTime=STRING,
        qosClass=STRING,
        conditions=CONDITIONS,
        containerStatuses=arr(ANY),
        initContainerStatuses=arr(ANY),
    ),
)
TEMPLATE = obj(metadata=META, spec=POD_SPEC)
DEPLOYMENT = kind(
    spec=obj(
        *("selector", "template"),
        replicas=whole(default=1, minimum=0),
        selector=SELECTOR,
        template=TEMPLATE,
        strategy=ANY,
        minReadySeconds=INTEGER,
        revisionHistoryLimit=INTEGER,
        progressDeadlineSeconds=INTEGER,
        paused=BOOLEAN,
    ),
    status=ANY,
)
DAEMON_SET = kind(
    spec=obj(
        *("selector", "template"),
        selector=SELECTOR,
        template=TEMPLATE,
        updateStrategy=ANY,
        minReadySeconds=INTEGER,
        revisionHistoryLimit=INTEGER,
    ),
    status=ANY,
)
JOB = kind(
    spec=obj(
        "template",
        template=TEMPLATE,
        **{
            "parallelism": INTEGER,
            "completions": INTEGER,
            "backoffLimit": INTEGER,
            "suspend": BOOLEAN,
            "activeDeadlineSeconds": INTEGER,
            "ttlSecondsAfterFinished": INTEGER,
            "selector": SELECTOR,
            "manualSelector": BOOLEAN,
            "completionMode": STRING,
        },
    ),
    status=ANY,
)
CLAIM_SPEC = obj(
    accessModes=arr(STRING),
    resources=obj(limits=QUANTITIES, requests=QUANTITIES),
    selector=SELECTOR,
    storageClassName=STRING,
    volumeAttributesClassName=STRING,
    volumeMode=STRING,
    volumeName=STRING,
    dataSource=ANY,
    dataSourceRef=ANY,
)
RULE = obj(
    apiGroups=arr(STRING),
    resources=arr(STRING),
    verbs=arr(STRING),
    resourceNames=arr(STRING),
    nonResourceURLs=arr(STRING),
)
ROLE_REF = obj(apiGroup=STRING, kind=STRING, name=STRING) | {"x-kubernetes-map-type": "atomic"}
BINDING = kind(
    roleRef=ROLE_REF,
    subjects=arr(obj(kind=STRING, name=STRING, namespace=STRING, apiGroup=STRING)),
)
ROLE = kind(rules=arr(RULE))
CLUSTER_ROLE = kind(rules=arr(RULE), aggregationRule=obj(clusterRoleSelectors=arr(SELECTOR)))
CONFIG_MAP = kind(data=STRINGS, binaryData=STRINGS, immutable=BOOLEAN)
SECRET = kind(data=STRINGS, stringData=STRINGS, type=text(default="Opaque"), immutable=BOOLEAN)
NAMESPACE = kind(spec=obj(finalizers=arr(STRING)), status=obj(phase=STRING, conditions=CONDITIONS))
SERVICE_ACCOUNT = kind(
    automountServiceAccountToken=BOOLEAN,
    imagePullSecrets=arr(obj(name=STRING), "name"),
    secrets=arr(REFERENCE, "name"),
)
CLAIM = kind(
    spec=CLAIM_SPEC,
    status=obj(phase=STRING, accessModes=arr(STRING), capacity=QUANTITIES, conditions=CONDITIONS),
)
EVENT = kind(
    involvedObject=REFERENCE,
    reason=STRING,
    message=STRING,
    source=obj(component=STRING, host=STRING),
    firstTimestamp=TIME,
    lastTimestamp=TIME,
    eventTime=TIME,
    count=INTEGER,
    type=STRING,
    action=STRING,
    related=REFERENCE,
    reportingComponent=STRING,
    reportingInstance=STRING,
    series=ANY,
)
STORAGE_CLASS = kind(
    provisioner=STRING,
    parameters=STRINGS,
    reclaimPolicy=text(default="Delete"),
    volumeBindingMode=text(default="Immediate"),
    allowVolumeExpansion=BOOLEAN,
    mountOptions=arr(STRING),
    allowedTopologies=arr(ANY),
)
SERVICE_CIDR = kind(spec=obj(cidrs=arr(STRING)), status=obj(conditions=CONDITIONS))
FREE = kind(spec=ANY, status=ANY)
ENDPOINTS = kind(subsets=arr(ANY))
