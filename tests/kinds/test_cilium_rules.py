"""The planner's rules for a mesh: for each a fleet for which it holds, and one for which it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from networking.kinds.cilium.facts import MeshFacts
from networking.kinds.cilium.rules import RULES, Fleet, Identity, Severity, problems


def plane(number: int, **changes: Any) -> MeshFacts:
    """A plane as the console would install it."""
    return replace(
        MeshFacts(
            f"k8s-{number}", found=True, name=f"k8s-{number}", id=number, version="v1.18.2", routing="tunnel",
            tunnel="vxlan", ipam="cluster-pool", pool=(f"10.{number}.0.0/16",), pods=(f"10.{number}.0.0/24",),
            nodes=(f"192.168.{number}.11", f"192.168.{number}.12"), nodes_inside=2, nodes_all=2,
            kernels=("6.8.0-45-generic",), enabled=True, ready=True, service_type="LoadBalancer", service_port=2379,
            service_addresses=(f"10.{number + 3}.0.1",), remotes=(), authority="aa" * 20,
        ),
        **changes,
    )  # fmt: skip


def fleet(first: dict[str, Any] | None = None, second: dict[str, Any] | None = None, **more: Any) -> Fleet:
    """Two planes that fit, with changes of each; a test has passed unless somebody says otherwise."""
    proven = {("k8s-1", "k8s-2")}
    return Fleet((plane(1, **first or {}), plane(2, **second or {})), **{"proven": proven, **more})


ERROR, WARN, UNPROVEN = Severity.ERROR, Severity.WARN, Severity.UNPROVEN
NATIVE = {"routing": "native", "native_range": "10.0.0.0/8"}
NODE_PORT = {"service_type": "NodePort", "kube_proxy_replacement": True}
SAME_PORT = NODE_PORT | {"service_port": 32379}
SHOP = {"k8s-1": ("shop",)}
BAD = [
    # rule, a fleet for which it holds, one for which it does not, severity, what the message names
    ("R1", fleet({"name": "a" * 32}), fleet({"name": "K8S_1"}), ERROR, ["k8s-1", "K8S_1", "cluster.name"]),
    ("R1", fleet(), fleet({"name": "a" * 33}), ERROR, ["k8s-1", "a" * 33, "at most 32"]),
    ("R1", fleet(), fleet({"name": "same"}, {"name": "same"}), ERROR, ["k8s-1, k8s-2", "same", "of its own"]),
    ("R2", fleet(), fleet({"name": "default", "id": 0}), ERROR, ["k8s-1", "default", "0", "from 1 on"]),
    ("R3", fleet({"most": 511}, {"most": 511}), fleet({"most": 300}, {"most": 300}), ERROR,
     ["k8s-1", "300", "255 and 511"]),
    ("R3", fleet(), fleet({"most": 511}), ERROR, ["511 on k8s-1", "255 on k8s-2", "Install Cilium anew"]),
    ("R3", fleet({"id": 255}), fleet({"id": 256}), ERROR, ["k8s-1", "256", "255", "smaller"]),
    ("R3", fleet(), fleet({"id": 7}, {"id": 7}), ERROR, ["k8s-1, k8s-2", "7", "of its own"]),
    ("R4", fleet({"id": 127, "ipam": "eni"}), fleet({"id": 128, "ipam": "eni"}), ERROR,
     ["k8s-1", "128", "eni", "below 128"]),
    ("R4", fleet({"id": 200}), fleet({"id": 200, "chaining": "aws-cni"}), ERROR, ["k8s-1", "200", "aws-cni"]),
    ("R5", fleet(wanted={"k8s-1": Identity("k8s-1", 1)}), fleet(wanted={"k8s-1": Identity("east", 9)}), WARN,
     ["k8s-1", "east (id 9)", "k8s-1 (id 1)", "restarted"]),
    ("R6", fleet(), fleet(second={"pool": ("10.1.128.0/17",)}), ERROR,
     ["k8s-1 and k8s-2", "10.1.0.0/16 (pods)", "10.1.128.0/17 (pods)", "another range"]),
    ("R6", fleet(), fleet(second={"nodes": ("10.1.4.9",)}), ERROR, ["10.1.0.0/16 (pods)", "10.1.4.9 (nodes)"]),
    ("R6", fleet({"ipam": "kubernetes"}), fleet({"ipam": "kubernetes", "pods": ("10.2.9.0/24",)}), ERROR,
     ["10.2.9.0/24", "10.2.0.0/16"]),
    ("R7", fleet({"ipam": "kubernetes", "pool": ("10.0.0.0/8",)}), fleet({"pool": ("10.0.0.0/8",)}), ERROR,
     ["k8s-1", "10.0.0.0/8", "clusterPoolIPv4PodCIDRList"]),
    ("R8", fleet(), fleet({"tunnel": "geneve"}), ERROR, ["tunnel/geneve on k8s-1", "tunnel/vxlan on k8s-2", "anew"]),
    ("R8", fleet({"tunnel": ""}), fleet(NATIVE), ERROR, ["native on k8s-1", "tunnel/vxlan on k8s-2"]),
    ("R9", fleet(NATIVE, NATIVE), fleet(NATIVE | {"native_range": "10.1.0.0/16"}, NATIVE), ERROR,
     ["k8s-1", "10.1.0.0/16", "k8s-2 (10.2.0.0/16)", "ipv4NativeRoutingCIDR"]),
    ("R9", fleet(), fleet({"routing": "native"}), ERROR, ["k8s-1", "not set", "ipv4NativeRoutingCIDR"]),
    ("R10", fleet(), fleet({"nodes_inside": 1}), ERROR, ["k8s-1", "1 of 2", "InternalIP", "VPN"]),
    ("R10", fleet(proven={("k8s-2", "k8s-1")}), fleet(proven=set()), UNPROVEN, ["k8s-1 and k8s-2", "Test the mesh"]),
    ("R11", fleet(), fleet(cut={("k8s-2", "k8s-1")}), WARN,
     ["k8s-2 gets no TCP", "of k8s-1 (10.4.0.1:2379)", "firewalls"]),
    ("R11", fleet(NODE_PORT, NODE_PORT), fleet(second=SAME_PORT, cut={("k8s-1", "k8s-2")}), WARN,
     ["of k8s-2 (192.168.2.11:32379, 192.168.2.12:32379)"]),
    ("R11", fleet(), fleet({"tunnel": "geneve", "encryption": "wireguard"}, {"tunnel": "geneve"}, proven=set()),
     UNPROVEN, ["UDP 6081", "UDP 51871", "TCP 4240", "security groups"]),
    ("R12", fleet(NODE_PORT | {"service_port": 32380}, NODE_PORT | {"service_port": 32381}),
     fleet(SAME_PORT, SAME_PORT | {"version": "v1.18.1"}), ERROR,
     ["k8s-1, k8s-2", "32379", "on k8s-2.", "clustermesh.apiserver.service.nodePort", "upgrade"]),
    ("R12", fleet(SAME_PORT, SAME_PORT | {"version": "v1.19.0"}), fleet(SAME_PORT | {"version": ""}, SAME_PORT), ERROR,
     ["on k8s-1.", "not known"]),
    ("R12", fleet(SAME_PORT | {"version": "v1.18.3-cee.1"}, SAME_PORT), fleet(SAME_PORT | {"version": "v1.19.0-pre.0"},
     SAME_PORT | {"version": "v1.17.9"}), ERROR, ["on k8s-1, k8s-2."]),
    ("R13", fleet(), fleet({"service_type": "NodePort"}), WARN, ["k8s-1", "NodePort", "load balancer"]),
    ("R14", fleet(), fleet({"authority": "bb" * 20}), ERROR,
     ["bbbbbbbbbbbb on k8s-1", "aaaaaaaaaaaa on k8s-2", "Share"]),
    ("R14", fleet(), fleet({"authority": ""}), ERROR, ["k8s-1", "cilium-ca", "Share"]),
    ("R14", fleet(), fleet({"authority": None}), UNPROVEN, ["k8s-1", "may not read", "SubjectKeyId"]),
    ("R15", fleet({"version": "v1.17.0"}), fleet({"version": "v1.16.9"}), WARN,
     ["v1.16.9 on k8s-1", "v1.18.2 on k8s-2", "Upgrade"]),
    ("R16", fleet(), fleet({"local_policy": True}), WARN,
     ["k8s-1", "inspect-policy-default-local-cluster -A -o json --context k8s-1"]),
    ("R17", fleet({"global_by_default": False, "global_namespaces": ("shop",)}, {"global_by_default": False},
                  namespaces=SHOP),
     fleet({"global_by_default": False}, namespaces=SHOP), ERROR,
     ["k8s-1", "shop", "clustermesh.cilium.io/global=true"]),
    ("R17", fleet({"denied": ("namespaces",)}, namespaces=SHOP),
     fleet({"global_by_default": False, "denied": ("namespaces",)}, namespaces=SHOP), UNPROVEN,
     ["k8s-1", "shop", "may not list"]),
    ("R18", fleet({"kernels": ("4.18.0-553.el8_10.x86_64",)}), fleet({"kernels": ("5.4.0-190-generic",)}), WARN,
     ["k8s-1", "5.4.0-190-generic", "Upgrade"]),
    ("R19", fleet(), fleet({"helm": False}), WARN, ["k8s-1", "Helm"]),
    ("R20", fleet(), Fleet((MeshFacts("k8s-1", other_cni=("calico-node",)),)), ERROR,
     ["k8s-1", "calico-node", "never does that"]),
    ("R20", Fleet((MeshFacts("k8s-1"),)), Fleet((MeshFacts("k8s-1", other_cni=None),)), ERROR,
     ["k8s-1", "DaemonSets", "Grant"]),
]  # fmt: skip


def of(number: str, the_fleet: Fleet) -> list[tuple[Severity, str]]:
    return [(one.severity, str(one.sentence)) for one in problems(the_fleet) if one.rule == number]


@pytest.mark.parametrize(
    ("number", "good", "bad", "severity", "named"), BAD, ids=[f"{row[0]}-{i}" for i, row in enumerate(BAD)]
)
def test_a_rule_holds_for_one_fleet_and_names_planes_values_and_the_way_out_for_another(
    number: str, good: Fleet, bad: Fleet, severity: Severity, named: list[str]
) -> None:
    assert of(number, good) == []
    found = [text for kind, text in of(number, bad) if kind == severity]
    assert any(all(part in text for part in named) for text in found), found
    assert not any("%(" in text or "?" in text for text in found)


def test_every_rule_of_the_planner_is_there_once_with_its_source_and_is_met_here() -> None:
    assert sorted(int(rule.number[1:]) for rule in RULES) == list(range(1, 21))
    assert all(rule.source for rule in RULES)
    assert {row[0] for row in BAD} == {rule.number for rule in RULES}


def test_a_fleet_that_fits_has_no_problem_and_the_worst_comes_first() -> None:
    assert problems(fleet()) == []
    found = [one.severity for one in problems(fleet({"helm": False, "name": "K8S"}, proven=set()))]
    assert found == sorted(found, key=list(Severity).index)
    assert set(found) == set(Severity)


def test_what_nobody_could_read_is_never_taken_for_fitting() -> None:
    silent = MeshFacts("k8s-3", remotes=None, authority=None, other_cni=None)
    assert of("R20", Fleet((silent,)))
    facts = MeshFacts.from_json({**plane(1).to_json(), "a key of tomorrow": 1})
    assert facts == plane(1)
