"""What the planes of a fleet hold at each point of the journey, object by object."""

from __future__ import annotations

from kbconsole.demo.rights import POD_ROLE
from kbconsole.k8s.kinds import (
    CLUSTER_ROLE,
    CONFIG_MAP,
    NAMESPACE,
    POD,
    PVC,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
    kind_of,
)
from kbconsole.k8s.rules import diff_rules
from placements.models import Placement
from placements.rendering import PLACEMENT
from tests.journeys.fleet import PLANES
from tests.journeys.planes import Planes, addresses, contains, managers
from tests.journeys.variants import DEFINITIONS, NAMESPACE_NAME, Variant, accounts, peers

CONTROL = "control-plane"


def the_role_is_a_copy(planes: Planes, plane: str) -> None:
    """The rules are those of the control plane; what would let somebody else fill or adopt it stayed there."""
    source, copied = planes.one(CONTROL, CLUSTER_ROLE, POD_ROLE), planes.one(plane, CLUSTER_ROLE, POD_ROLE)
    assert copied["rules"]
    assert diff_rules(copied["rules"], source["rules"]).same
    assert "aggregationRule" in source
    assert "aggregationRule" not in copied
    assert copied["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "kbconsole"}
    assert copied["metadata"]["annotations"]["kbconsole.io/source-plane"] == CONTROL
    assert not any("helm" in key for key in copied["metadata"]["annotations"])
    assert list(managers(copied)) == ["kbconsole/Apply"]


def nothing_is_there(planes: Planes) -> None:
    """A plan writes nothing."""
    assert planes.owners(CONTROL) == []
    for plane, client in planes.clients.items():
        assert client.get(NAMESPACE, NAMESPACE_NAME) is None, plane


def the_cluster_is_the_golden_one(planes: Planes, variant: Variant, placement: Placement) -> None:
    golden = variant.cluster(planes.line)
    cluster = planes.one(CONTROL, kind_of(golden), "etcd-demo", NAMESPACE_NAME)
    assert contains(cluster, golden)
    assert cluster["metadata"]["uid"] == placement.cluster_uid
    ours = managers(cluster)["kbconsole/Apply"]
    assert set(ours) == {"f:metadata", "f:spec"}
    assert set(ours["f:spec"]) == {"f:terminationPolicy", "f:componentSpecs"}
    assert {f"f:{key}" for key in golden["metadata"]["annotations"]} == set(
        ours["f:metadata"]["f:annotations"]
    ) - {"."}
    assert cluster["status"]["phase"] == "Running"
    assert planes.owners(CONTROL) == [
        "Cluster/etcd-demo", "Component/etcd-demo-etcd", "InstanceSet/etcd-demo-etcd",
    ]  # fmt: skip
    assert planes.held(CONTROL, NAMESPACE_NAME) == {}
    for plane in (CONTROL, *PLANES):
        assert planes.one(plane, NAMESPACE, NAMESPACE_NAME)["status"]["phase"] == "Active"


def the_replica_runs(planes: Planes, variant: Variant, plane: str, ordinal: int) -> None:
    """Its pod is ready, has a role, its rights and its volume, and knows all replicas."""
    line = planes.line
    pod = planes.one(plane, POD, f"etcd-demo-etcd-{ordinal}", NAMESPACE_NAME)
    conditions = {entry["type"]: entry["status"] for entry in pod["status"]["conditions"]}
    assert (pod["status"]["phase"], conditions["Ready"]) == ("Running", "True")
    assert pod["metadata"]["annotations"][PLACEMENT] == plane
    assert pod["metadata"]["labels"]["kubeblocks.io/role"] in ("leader", "follower")
    assert pod["metadata"]["labels"]["app.kubernetes.io/instance"] == "etcd-demo"
    assert {pod["spec"]["serviceAccountName"]} == accounts(line)[SERVICE_ACCOUNT]
    quantities = pod["spec"]["containers"][0]["resources"]["limits"]
    assert quantities == {"cpu": "100m", "memory": "100M"}
    claim = planes.one(plane, PVC, f"data-etcd-demo-etcd-{ordinal}", NAMESPACE_NAME)
    assert claim["spec"]["resources"]["requests"] == {"storage": f"{variant.disk}Gi"}
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert claim["status"]["phase"] == "Bound"
    assert planes.volumes(plane) == [claim["spec"]["volumeName"]]
    data = planes.one(plane, CONFIG_MAP, "etcd-demo-etcd-env", NAMESPACE_NAME)["data"]
    told = [word.partition(":")[0] for word in data["PEER_ENDPOINT"].split(",")]
    assert told == peers(line)


def its_rights_are_bound(planes: Planes, plane: str) -> None:
    """The operator bound the pods' account to the role that the console copied."""
    (account,), (name,) = accounts(planes.line)[SERVICE_ACCOUNT], accounts(planes.line)[ROLE_BINDING]
    assert planes.one(plane, SERVICE_ACCOUNT, account, NAMESPACE_NAME)
    binding = planes.one(plane, ROLE_BINDING, name, NAMESPACE_NAME)
    assert binding["metadata"]["annotations"][PLACEMENT] == plane
    assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == ("ClusterRole", POD_ROLE)
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE_NAME}]


def the_services_are_those_of_the_variant(planes: Planes, variant: Variant) -> None:
    """Every service of a replica, on every plane that has it: type, annotations, port, pod and addresses."""
    for ordinal, name in enumerate(peers(planes.line)):
        there = [plane for plane in PLANES if name in planes.names(plane, SERVICE, NAMESPACE_NAME)]
        assert there == ([PLANES[ordinal]] if variant.balanced else list(PLANES))
        for plane in there:
            service = planes.one(plane, SERVICE, name, NAMESPACE_NAME)
            assert service["spec"]["type"] == variant.service_type
            assert service["metadata"]["annotations"] == {**variant.annotations, PLACEMENT: plane}
            assert [(port["name"], port["port"]) for port in service["spec"]["ports"]] == [("peer", 2380)]
            assert service["spec"]["selector"]["apps.kubeblocks.io/pod-name"] == f"etcd-demo-etcd-{ordinal}"
            assert bool(addresses(service)) == variant.balanced
    for plane in PLANES:
        headless = planes.one(plane, SERVICE, "etcd-demo-etcd-headless", NAMESPACE_NAME)
        assert headless["spec"]["clusterIP"] == "None"


def the_console_has_seen_it(planes: Planes, variant: Variant, placement: Placement) -> None:
    """What the page of the database shows is what the planes hold."""
    assert placement.observed
    assert sorted(placement.observed) == sorted(PLANES)
    for ordinal, plane in enumerate(PLANES):
        seen = placement.observed[plane]
        pod = planes.one(plane, POD, f"etcd-demo-etcd-{ordinal}", NAMESPACE_NAME)
        assert [(row["name"], row["role"]) for row in seen["pods"]] == [
            (pod["metadata"]["name"], pod["metadata"]["labels"]["kubeblocks.io/role"])
        ]
        balanced = [row for row in seen["services"] if row["type"] == "LoadBalancer"]
        named = {row["name"]: row["addresses"] for row in balanced}
        real = {
            name: addresses(planes.one(plane, SERVICE, name, NAMESPACE_NAME))
            for name in ([peers(planes.line)[ordinal]] if variant.balanced else [])
        }
        assert named == real
    roles = sorted(row["role"] for there in placement.observed.values() for row in there["pods"])
    assert roles == ["follower", "follower", "leader"]
    assert placement.definition == DEFINITIONS[planes.line]


def nothing_is_left(planes: Planes) -> None:
    """In no namespace and of no kind; only 1.0 keeps what other databases of the definition share."""
    shared = accounts(planes.line) if planes.line == "1.0" else {}
    assert planes.owners(CONTROL) == []
    assert planes.held(CONTROL, NAMESPACE_NAME) == {}
    for plane in PLANES:
        assert planes.held(plane, NAMESPACE_NAME) == shared, plane
        assert planes.held(plane, "default") == {}, plane
        assert planes.volumes(plane) == [], plane
