"""The Cluster objects, against the guide's three examples."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from networking.kinds.base import Direction, carrying, kind_named
from placements.addresses import client_manifest
from placements.engines.base import engine_named
from placements.rendering import ClusterSpec, TerminationPolicy, cluster_manifest
from placements.sizes import SIZES

GOLDEN = Path(__file__).parent.parent / "golden"
ETCD = engine_named("etcd")
DEFINITIONS = {"0.9": "etcd-0.9.0", "1.0": "etcd-3-1.0.2"}
PROFILES: dict[str, tuple[str, dict[str, Any]]] = {
    "cloud-ack": ("cloud_lb", {"provider": "ack", "address_type": "private"}),
    "cross-cloud": (
        "cloud_lb",
        {"provider": "ack_vke", "address_type": "public", "subnet_id": "<subnet-id>"},
    ),
    "self-built": ("cilium_mesh", {}),
}


def spec(line: str = "1.0", **changes: Any) -> ClusterSpec:
    """The guide's etcd, with the guide's figures."""
    size = SIZES["guide"]
    guide = ClusterSpec(
        name="etcd-demo",
        namespace="default",
        line=line,
        definition=DEFINITIONS[line],
        replicas=3,
        planes=("k8s-1", "k8s-2", "k8s-3"),
        cpu=size.cpu,
        memory=size.memory,
        disk_gib=1,
    )
    return dataclasses.replace(guide, **changes)


def rendered(given: ClusterSpec, profile: str = "self-built") -> dict[str, Any]:
    slug, config = PROFILES[profile]
    return cluster_manifest(given, ETCD, kind_named(slug).service(config))


@pytest.mark.parametrize("line", ["0.9", "1.0"])
@pytest.mark.parametrize("profile", PROFILES)
def test_the_guides_examples(line: str, profile: str) -> None:
    slug, config = PROFILES[profile]
    minimum = kind_named(slug).minimum_disk_gib(config)
    given = spec(line, disk_gib=minimum, termination_policy=TerminationPolicy.WIPE_OUT)
    assert rendered(given, profile) == yaml.safe_load((GOLDEN / line / f"{profile}.yaml").read_text())


CLIENTS: dict[str, tuple[dict[str, Any], int]] = {
    "cloud_lb": ({"provider": "ack", "address_type": "private"}, 0),
    "metallb": ({"pool": "example", "address_type": "private"}, 0),
    "node_port": ({"addresses": "InternalIP", "nodes": 2, "fixed_ports": True}, 30007),
}


@pytest.mark.parametrize("kind", CLIENTS)
def test_the_service_that_clients_get_of_each_kind(kind: str) -> None:
    config, port = CLIENTS[kind]
    part = kind_named(kind).client_service(config, "k8s-1")
    assert part is not None
    made = client_manifest("etcd-demo", "default", "etcd-demo-etcd-0", ETCD, part, node_port=port)
    assert made == yaml.safe_load((GOLDEN / "clients" / f"{kind}.yaml").read_text())


def test_every_kind_has_its_golden_files() -> None:
    assert set(CLIENTS) == {kind.slug for kind in carrying(Direction.NORTH_SOUTH)}
    assert {slug for slug, _config in PROFILES.values()} == {k.slug for k in carrying(Direction.EAST_WEST)}


@pytest.mark.parametrize(
    "path", sorted(GOLDEN.glob("*/*.yaml")), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_every_golden_file_is_compared(path: Path) -> None:
    if path.parent.name == "clients":
        assert path.stem in CLIENTS
    elif path.parent.name != "metallb":  # tests/kinds/test_metallb_pools.py
        assert path.stem in PROFILES and path.parent.name in DEFINITIONS


def test_data_is_kept_unless_somebody_asks_otherwise() -> None:
    assert rendered(spec())["spec"]["terminationPolicy"] == "DoNotTerminate"


def test_planes_are_written_in_order_and_without_blanks() -> None:
    annotations = rendered(spec(planes=("k8s-3", "k8s-1")))["metadata"]["annotations"]
    assert annotations["apps.kubeblocks.io/multi-cluster-placement"] == "k8s-3,k8s-1"


@pytest.mark.parametrize(
    "planes", [(), ("",), ("k8s-1", " k8s-2"), ("k8s-1,k8s-2",), ("k8s-1", "k8s-1"), ("k8s\u00a01",)]
)
def test_planes_that_the_operator_would_misread_are_never_written(planes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="planes must be"):
        rendered(spec(planes=planes))


def test_a_storage_class_and_a_version_are_written_only_when_chosen() -> None:
    plain = rendered(spec())["spec"]["componentSpecs"][0]
    assert "serviceVersion" not in plain
    assert "storageClassName" not in plain["volumeClaimTemplates"][0]["spec"]
    own = rendered(spec(storage_class="fast", service_version="3.5.15"))["spec"]["componentSpecs"][0]
    assert own["serviceVersion"] == "3.5.15"
    assert own["volumeClaimTemplates"][0]["spec"]["storageClassName"] == "fast"


def test_the_name_is_chosen_and_the_same_facts_give_the_same_object() -> None:
    assert "generateName" not in rendered(spec())["metadata"]
    assert rendered(spec()) == rendered(spec())


def test_a_release_line_that_the_console_cannot_write_is_an_error() -> None:
    with pytest.raises(KeyError):
        rendered(dataclasses.replace(spec(), line="1.1"))


@pytest.mark.parametrize("policy", TerminationPolicy)
def test_every_termination_policy_is_explained(policy: TerminationPolicy) -> None:
    assert len(str(policy.label)) > 20
