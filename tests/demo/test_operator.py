"""The stand-in operator does what the real one was seen to do, its mistakes included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kbconsole.demo.aggregation import Collector
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.demo.kbobjects import PLACEMENT, POD_ROLE, ROLE, SERVICE_PLACEMENT
from kbconsole.demo.kubelet import Kubelet
from kbconsole.demo.loadbalancer import LoadBalancer
from kbconsole.demo.operator import Operator
from kbconsole.k8s.kinds import (
    CLUSTER_ROLE,
    CONFIG_MAP,
    DEPLOYMENT,
    EVENT,
    POD,
    PVC,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
)

Object = dict[str, Any]
PLANES = ("k8s-1", "k8s-2", "k8s-3")
SPACE = "dbs"


class World:
    """A fleet whose controllers take their steps when a test says so, without delays."""

    def __init__(self, fleet: EmbeddedFleet) -> None:
        self.fleet = fleet
        self.admin = {name: fleet.client(name, deadline=0.4) for name in (fleet.control_plane, *PLANES)}
        self.control = self.admin[fleet.control_plane]
        users = {
            name: fleet.client(name, "operator", manager="kubeblocks", deadline=0.4) for name in self.admin
        }
        self.users = users
        planes = {name: users[name] for name in PLANES}
        self.operator = Operator(users[fleet.control_plane], planes, fleet.line)
        self.kubelets = {n: Kubelet(self.admin[n], number=i, delay=0) for i, n in enumerate(PLANES, 1)}
        self.balancers = {n: LoadBalancer(self.admin[n], number=i, delay=0) for i, n in enumerate(PLANES, 1)}

    def close(self) -> None:
        for client in (*self.admin.values(), *self.users.values()):
            client.close()

    def prepare(self, *, spaces: tuple[str, ...] = PLANES, roles: tuple[str, ...] = PLANES) -> None:
        """Make namespaces and copy the pod role, as the console does before it makes a Cluster."""
        for name in (self.fleet.control_plane, *spaces):
            self.admin[name].apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
        for name in roles:
            self.copy_role(name)

    def copy_role(self, plane: str) -> None:
        source = self.control.get(CLUSTER_ROLE, POD_ROLE) or {}
        metadata = {"name": POD_ROLE}
        self.admin[plane].apply(
            {key: source[key] for key in ("apiVersion", "kind", "rules")} | {"metadata": metadata}
        )

    def place(
        self, placement: str = ",".join(PLANES), *, name: str = "e", balanced: bool = False, **spec: Any
    ) -> None:
        annotations = {SERVICE_PLACEMENT: "unique"} if balanced else {"service.cilium.io/global": "true"}
        kind = "LoadBalancer" if balanced else "ClusterIP"
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        component = {
            "name": "etcd",
            "componentDef": "etcd-0.9.0" if self.fleet.line == "0.9" else "etcd-3-1.0.2",
            "replicas": 3,
            "services": [
                {"name": "peer", "serviceType": kind, "annotations": annotations, "podService": True}
            ],
            "volumeClaimTemplates": [{"name": "data", "spec": claim}],
        }
        policy = spec.pop("policy", "Delete")
        metadata: Object = {"name": name, "namespace": SPACE}
        if placement:
            metadata["annotations"] = {PLACEMENT: placement}
        body = {
            "apiVersion": self.operator.cluster_kind.api_version,
            "kind": "Cluster",
            "metadata": metadata,
            "spec": {"terminationPolicy": policy, "componentSpecs": [component | spec]},
        }
        self.control.create(body)

    def step(self, times: int = 16) -> None:
        """Let every controller take steps until nothing changes any more."""
        before = -1
        for _ in range(times):
            if before == (before := sum(self.fleet.store(name).version for name in self.admin)):
                return
            self.operator.try_step()
            for name in PLANES:
                if self.fleet.host.servers[name].fault is None:
                    self.balancers[name].step()
                    self.kubelets[name].step()

    def cluster(self, name: str = "e") -> Object | None:
        return self.control.get(self.operator.cluster_kind, name, SPACE)

    def phase(self, name: str = "e") -> str:
        return str((self.cluster(name) or {}).get("status", {}).get("phase"))

    def names(self, plane: str, kind: Kind) -> list[str]:
        return self.fleet.store(plane).names(kind.resource, SPACE)

    def everywhere(self, kind: Kind) -> dict[str, list[str]]:
        return {plane: self.names(plane, kind) for plane in PLANES}

    def look(self, plane: str, kind: Kind, name: str) -> Object:
        found = self.fleet.store(plane).look(kind.resource, name, SPACE)
        assert found is not None, f"{plane} has no {kind.kind} {name}"
        return found

    def warnings(self) -> list[str]:
        return [str(event["involvedObject"]["kind"]) for event in self.control.list(EVENT, SPACE)]


Make = Callable[[str], World]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[World] = []

    def start(line: str) -> World:
        fleet = EmbeddedFleet(tmp_path / f"{line}.sqlite3", spare=None, line=line, controllers=False, nodes=1)
        fleet.start()
        made.append(World(fleet))
        return made[-1]

    yield start
    for world in made:
        world.close()
        world.fleet.stop()


@pytest.fixture
def old(make: Make) -> World:
    return make("0.9")


@pytest.fixture(params=["0.9", "1.0"])
def world(make: Make, request: pytest.FixtureRequest) -> World:
    return make(request.param)


def test_self_built_runs_with_one_pod_per_plane_and_every_service_in_every_plane(world: World) -> None:
    world.prepare()
    world.place()
    world.step()
    old = world.fleet.line == "0.9"
    assert world.phase() == "Running"
    assert world.everywhere(POD) == {"k8s-1": ["e-etcd-0"], "k8s-2": ["e-etcd-1"], "k8s-3": ["e-etcd-2"]}
    assert world.everywhere(PVC)["k8s-3"] == ["data-e-etcd-2"]
    peer = "e-etcd-peer" if old else "e-etcd"
    others = ["e-etcd-headless"] if old else ["e-etcd-client", "e-etcd-headless"]
    assert world.names("k8s-2", SERVICE) == sorted([*others, *(f"{peer}-{i}" for i in range(3))])
    account, binding = ("kb-e", "kb-e") if old else ("kb-etcd-3-1.0.2", "kb-etcd-3-1.0.2-pod")
    for plane in PLANES:
        assert (world.names(plane, SERVICE_ACCOUNT), world.names(plane, ROLE_BINDING)) == (
            [account],
            [binding],
        )
        environment = world.look(plane, CONFIG_MAP, "e-etcd-env")
        assert environment["data"]["PEER_ENDPOINT"] == f"{peer}-0,{peer}-1,{peer}-2"
        assert environment["metadata"]["annotations"][PLACEMENT] == plane
    assert world.names(world.fleet.control_plane, POD) == []


def test_there_is_one_leader_over_all_planes(old: World) -> None:
    old.prepare()
    old.place()
    old.step()
    pods = [old.look(plane, POD, f"e-etcd-{i}") for i, plane in enumerate(PLANES)]
    assert sorted(pod["metadata"]["labels"][ROLE] for pod in pods) == ["follower", "follower", "leader"]
    assert [pod["status"]["podIP"].rpartition(".")[0] for pod in pods] == ["10.1.1", "10.2.1", "10.3.1"]


def test_with_load_balancers_no_pod_is_made_before_all_addresses_are_there(world: World) -> None:
    world.prepare()
    world.place(balanced=True)
    world.operator.step()
    for plane in PLANES[:2]:
        world.balancers[plane].step()
    world.operator.step()
    assert world.everywhere(POD) == {plane: [] for plane in PLANES}
    assert world.names("k8s-3", CONFIG_MAP) == []
    world.step()
    assert world.phase() == "Running"
    peer = "e-etcd-peer" if world.fleet.line == "0.9" else "e-etcd"
    assert [name for name in world.names("k8s-2", SERVICE) if name[-1].isdigit()] == [f"{peer}-1"]
    ends = world.look("k8s-1", CONFIG_MAP, "e-etcd-env")["data"]["PEER_ENDPOINT"]
    assert ends == f"{peer}-0:10.4.0.11,{peer}-1:10.5.0.11,{peer}-2:10.6.0.11"


def test_a_pod_without_the_cluster_role_runs_without_a_role(world: World) -> None:
    world.prepare(roles=PLANES[:2])
    world.place()
    world.step()
    pod = world.look("k8s-3", POD, "e-etcd-2")
    assert pod["status"]["phase"] == "Running"
    assert ROLE not in pod["metadata"]["labels"]
    assert world.phase() == "Creating"
    conditions = {c["type"]: c["status"] for c in (world.cluster() or {})["status"]["conditions"]}
    assert conditions.get("Ready") == ("False" if world.fleet.line == "0.9" else None)
    world.copy_role("k8s-3")
    world.step()
    assert world.phase() == "Running"


def test_without_the_right_to_bind_the_old_line_tries_once_and_the_new_for_ever(world: World) -> None:
    world.prepare()
    rights = world.admin["k8s-3"].get(CLUSTER_ROLE, "kubeblocks-operator") or {}
    without = [rule for rule in rights["rules"] if "bind" not in rule["verbs"]]
    world.admin["k8s-3"].patch(CLUSTER_ROLE, "kubeblocks-operator", "", {"rules": without})
    world.place()
    world.step()
    assert world.names("k8s-3", ROLE_BINDING) == []
    world.admin["k8s-3"].patch(CLUSTER_ROLE, "kubeblocks-operator", "", {"rules": rights["rules"]})
    world.step()
    assert bool(world.names("k8s-3", ROLE_BINDING)) == (world.fleet.line == "1.0")


def test_a_namespace_made_late_does_not_heal(world: World) -> None:
    world.prepare(spaces=PLANES[:2])
    world.place()
    world.step()
    assert world.phase() == "Creating"
    assert {"Component", "InstanceSet"} >= set(world.warnings()) > set()
    old = world.fleet.line == "0.9"
    if old:
        assert world.everywhere(ROLE_BINDING) == {plane: [] for plane in PLANES}
    world.admin["k8s-3"].apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    world.step()
    assert world.phase() == "Creating"
    assert "e-etcd-env" not in world.names("k8s-3", CONFIG_MAP)
    assert world.names("k8s-3", SERVICE) == []
    assert bool(world.names("k8s-3", SERVICE_ACCOUNT)) == (not old)
    if not old:
        waiting = world.look("k8s-3", POD, "e-etcd-2")["status"]["containerStatuses"][0]["state"]["waiting"]
        assert waiting["reason"] == "CreateContainerConfigError"


@pytest.mark.parametrize("placement", ["k8s-1,nope,k8s-3", "k8s-1, k8s-2,k8s-3"])
def test_ordinals_from_the_first_unknown_context_on_are_silently_not_made(
    world: World, placement: str
) -> None:
    world.prepare()
    world.place(placement)
    world.step()
    assert world.everywhere(POD) == {"k8s-1": ["e-etcd-0"], "k8s-2": [], "k8s-3": []}
    assert world.phase() == "Creating"
    assert world.warnings() == []


def test_a_cluster_without_any_known_context_stops_all_management(world: World) -> None:
    world.prepare()
    world.place("nope", name="bad")
    world.place(name="good")
    world.step()
    assert world.operator.panicking
    assert world.cluster("good") is not None
    assert world.phase("good") == "None"
    change = {"metadata": {"annotations": {PLACEMENT: "k8s-1"}}}
    world.control.patch(world.operator.cluster_kind, "bad", SPACE, change)
    world.step()
    assert (world.phase("good"), world.phase("bad")) == ("Running", "Running")


def test_the_fourth_replica_goes_to_the_first_plane_of_the_list(old: World) -> None:
    old.prepare()
    old.place("k8s-3,k8s-1,k8s-2", replicas=4)
    old.step()
    assert old.everywhere(POD) == {
        "k8s-3": ["e-etcd-0", "e-etcd-3"],
        "k8s-1": ["e-etcd-1"],
        "k8s-2": ["e-etcd-2"],
    }


def test_without_an_annotation_the_operator_chooses_and_writes_it_down(old: World) -> None:
    old.prepare()
    old.place("", replicas=2)
    old.step()
    chosen = (old.cluster() or {})["metadata"]["annotations"][PLACEMENT].split(",")
    assert len(set(chosen)) == 2
    assert set(chosen) < set(PLANES)


def test_kubeblocks_kinds_in_a_plane_doom_its_pods(old: World) -> None:
    old.prepare()
    old.place()
    old.step()
    definition = next(
        body
        for body in old.fleet.store(old.fleet.control_plane).all(
            "customresourcedefinitions.apiextensions.k8s.io"
        )
        if body["spec"]["names"]["kind"] == "InstanceSet"
    )
    old.admin["k8s-2"].create(
        {key: definition[key] for key in ("apiVersion", "kind", "spec")}
        | {"metadata": {"name": definition["metadata"]["name"]}}
    )
    Collector(old.admin["k8s-2"]).step()
    assert old.names("k8s-2", POD) == []
    assert old.names("k8s-2", PVC) == ["data-e-etcd-1"]


def test_a_dead_plane_keeps_old_clusters_running_and_new_ones_unmade_everywhere(world: World) -> None:
    world.prepare()
    world.place()
    world.step()
    world.fleet.fault("k8s-3", "unreachable")
    world.place(name="new")
    world.step(3)
    assert world.phase() == "Running"
    assert world.phase("new") == "Creating"
    assert "new-etcd-0" not in world.names("k8s-1", POD)
    assert "new-etcd-headless" not in world.names("k8s-1", SERVICE)
    world.fleet.fault("k8s-3", None)
    world.step()
    assert world.phase("new") == "Running"


def disable(world: World, *contexts: str) -> None:
    deployment = world.control.get(DEPLOYMENT, "kubeblocks", "kb-system") or {}
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    kept = [word for word in container["args"] if "disabled" not in word]
    container["args"] = [
        *kept,
        *([f"--multi-cluster-contexts-disabled={','.join(contexts)}"] if contexts else []),
    ]
    change = {"spec": {"template": {"spec": {"containers": [container]}}}}
    world.control.patch(DEPLOYMENT, "kubeblocks", "kb-system", change)


def test_a_disabled_plane_gets_nothing_and_is_not_made_up_for(old: World) -> None:
    old.prepare()
    disable(old, "k8s-2")
    old.place()
    old.step()
    assert old.everywhere(POD) == {"k8s-1": ["e-etcd-0"], "k8s-2": [], "k8s-3": ["e-etcd-2"]}
    old.place(name="cloud", balanced=True)
    old.step()
    assert "cloud-etcd-0" not in old.names("k8s-1", POD)
    disable(old)
    old.step()
    assert old.names("k8s-2", SERVICE_ACCOUNT) == []
    assert "e-etcd-env" not in old.names("k8s-2", CONFIG_MAP)


def test_a_deletion_while_a_plane_is_disabled_leaves_its_pod_behind(old: World) -> None:
    old.prepare()
    old.place()
    old.step()
    disable(old, "k8s-2")
    old.control.delete(old.operator.cluster_kind, "e", SPACE)
    old.step()
    assert old.cluster() is None
    assert old.everywhere(POD) == {"k8s-1": [], "k8s-2": ["e-etcd-1"], "k8s-3": []}


def test_a_deletion_leaves_services_environment_and_account_in_every_plane(world: World) -> None:
    world.prepare()
    world.place(balanced=True)
    world.step()
    uid = (world.cluster() or {})["metadata"]["uid"]
    world.control.delete(world.operator.cluster_kind, "e", SPACE)
    world.step()
    assert world.cluster() is None
    peer = "e-etcd-peer" if world.fleet.line == "0.9" else "e-etcd"
    for ordinal, plane in enumerate(PLANES):
        assert (world.names(plane, POD), world.names(plane, PVC)) == ([], [])
        service = world.look(plane, SERVICE, f"{peer}-{ordinal}")
        assert "component.kubeblocks.io/finalizer" in service["metadata"]["finalizers"]
        assert service["status"]["loadBalancer"]["ingress"]
        assert world.names(plane, CONFIG_MAP) == ["e-etcd-env"]
        assert len(world.names(plane, SERVICE_ACCOUNT)) == len(world.names(plane, ROLE_BINDING)) == 1
        assert f"{world.fleet.store(plane).names('persistentvolumes')}" == "[]"
    world.place(balanced=True)
    world.step()
    assert world.phase() == "Running"
    assert world.look("k8s-1", CONFIG_MAP, "e-etcd-env")["data"]["KB_CLUSTER_UID"] == uid


def test_a_cluster_that_must_not_be_terminated_is_not(old: World) -> None:
    old.prepare()
    old.place(policy="DoNotTerminate")
    old.step()
    old.control.delete(old.operator.cluster_kind, "e", SPACE)
    old.step()
    assert len(old.names("k8s-1", POD)) == 1
    assert "Cluster" in old.warnings()
    old.control.patch(old.operator.cluster_kind, "e", SPACE, {"spec": {"terminationPolicy": "WipeOut"}})
    old.step()
    assert old.cluster() is None


def test_an_unknown_definition_gives_a_false_condition_and_no_phase(world: World) -> None:
    world.prepare()
    world.place(componentDef="etcd-3-1.0.3")
    world.step(2)
    status = (world.cluster() or {})["status"]
    assert "phase" not in status
    assert [(c["type"], c["status"], c["message"]) for c in status["conditions"]] == [
        ("ProvisioningStarted", "False", "no matched component definition found")
    ]


def test_an_unavailable_definition_gives_no_reason_at_all(old: World) -> None:
    old.prepare()
    change = {"status": {"phase": "Unavailable", "message": "its templates are elsewhere"}}
    old.control.patch(old.operator.definition_kind, "etcd-0.9.0", "", change, subresource="status")
    old.place()
    old.step()
    assert (old.phase(), old.warnings(), old.names("k8s-1", POD)) == ("Creating", [], [])


def test_the_broken_chart_says_running_or_never_makes_a_pod(old: World) -> None:
    old.prepare()
    old.place(componentDef="etcd")
    old.place(name="cloud", componentDef="etcd", balanced=True)
    old.step()
    assert old.phase() == "Running"
    client = old.look("k8s-1", CONFIG_MAP, "e-etcd-env")["data"]["PEER_ENDPOINT"]
    assert client not in old.names("k8s-1", SERVICE)
    assert (old.phase("cloud"), old.names("k8s-1", POD)) == ("Creating", ["e-etcd-0"])


def test_the_guides_misplaced_peer_never_starts(old: World) -> None:
    old.prepare()
    old.place(volumeClaimTemplates=[{"name": "peer"}], services=[])
    old.step()
    assert old.phase() == "Creating"
    assert old.everywhere(POD) == {plane: [] for plane in PLANES}
    assert [name for name in old.names("k8s-1", SERVICE) if "peer" in name] == []
