"""Cloud load balancers: every provider, and what a profile's form refuses."""

from __future__ import annotations

from typing import Any

import pytest

from networking.kinds.base import PlaneFact, kind_named
from networking.kinds.clouds import cloud_of

LB = kind_named("cloud_lb")
ALIBABA = "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type"
VOLC_TYPE = "service.beta.kubernetes.io/volcengine-loadbalancer-address-type"
VOLC_SUBNET = "service.beta.kubernetes.io/volcengine-loadbalancer-subnet-id"
LB_AWS = "service.beta.kubernetes.io/aws-load-balancer-"
AWS = f"{LB_AWS}scheme"
AZURE = "service.beta.kubernetes.io/azure-load-balancer-internal"
VALID: dict[str, dict[str, Any]] = {
    "ack": {"provider": "ack", "address_type": "private"},
    "vke": {"provider": "vke", "address_type": "private", "subnet_id": "subnet-2fe79j7c8o5c"},
    "across": {"provider": "ack_vke", "address_type": "public", "subnet_id": "subnet-2fe79j7c8o5c"},
    "own": {
        "provider": "custom",
        "address_type": "private",
        "annotations": f"{AWS}: internal",
        "minimum_disk_gib": "5",
    },
}


def saved(**data: Any) -> dict[str, Any]:
    form = LB.Config(data)
    assert form.is_valid(), form.errors
    return form.cleaned_data


def refused(field: str, **data: Any) -> str:
    form = LB.Config(data)
    assert not form.is_valid()
    assert set(form.errors) == {field}, form.errors
    return " ".join(str(error) for error in form.errors[field])


@pytest.mark.parametrize(
    ("profile", "annotations"),
    [
        (VALID["ack"], {ALIBABA: "intranet"}),
        ({**VALID["ack"], "address_type": "public"}, {ALIBABA: "internet"}),
        (VALID["vke"], {VOLC_SUBNET: "subnet-2fe79j7c8o5c", VOLC_TYPE: "PRIVATE"}),
        (
            {**VALID["vke"], "address_type": "public"},
            {VOLC_SUBNET: "subnet-2fe79j7c8o5c", VOLC_TYPE: "PUBLIC"},
        ),
        (VALID["across"], {ALIBABA: "internet", VOLC_SUBNET: "subnet-2fe79j7c8o5c", VOLC_TYPE: "PUBLIC"}),
        (VALID["own"], {AWS: "internal"}),
        (
            {"provider": "eks", "address_type": "private", "subnet_id": "subnet-a,subnet-b"},
            {
                AWS: "internal",
                f"{LB_AWS}type": "external",
                f"{LB_AWS}nlb-target-type": "ip",
                f"{LB_AWS}subnets": "subnet-a,subnet-b",
            },
        ),
        (
            {"provider": "eks", "address_type": "public"},
            {AWS: "internet-facing", f"{LB_AWS}type": "external", f"{LB_AWS}nlb-target-type": "ip"},
        ),
        (
            {"provider": "gke", "address_type": "private", "subnet_id": "db"},
            {
                "networking.gke.io/load-balancer-type": "Internal",
                "networking.gke.io/internal-load-balancer-allow-global-access": "true",
                "networking.gke.io/internal-load-balancer-subnet": "db",
            },
        ),
        ({"provider": "gke", "address_type": "public"}, {}),
        ({"provider": "aks", "address_type": "private"}, {AZURE: "true"}),
        ({"provider": "aks", "address_type": "public"}, {AZURE: "false"}),
        (
            {"provider": ["aks", "ack"], "address_type": "private"},
            {ALIBABA: "intranet", AZURE: "true"},
        ),
    ],
)
def test_the_address_type_is_always_written(profile: dict[str, Any], annotations: dict[str, str]) -> None:
    part = LB.service(saved(**profile))
    assert part.service_type == "LoadBalancer"
    assert part.unique and part.pod_service
    assert dict(part.annotations) == annotations


@pytest.mark.parametrize(("name", "gib"), [("ack", 20), ("vke", 20), ("across", 20), ("own", 5)])
def test_each_provider_has_a_smallest_disk_and_says_why(name: str, gib: int) -> None:
    config = saved(**VALID[name])
    assert LB.minimum_disk_gib(config) == gib
    assert f"{gib} GiB" in str(LB.minimum_disk_reason(config))


def test_an_admin_may_ask_for_larger_disks_than_the_cloud_but_not_for_smaller() -> None:
    assert LB.minimum_disk_gib(saved(**VALID["ack"], minimum_disk_gib="100")) == 100
    assert "Alibaba Cloud ACK" in refused("minimum_disk_gib", **VALID["ack"], minimum_disk_gib="19")


def test_one_load_balancer_is_made_per_replica() -> None:
    assert LB.load_balancers(saved(**VALID["ack"]), 5) == 5


def test_public_addresses_are_known_as_such_and_cautioned_against() -> None:
    private, public = saved(**VALID["ack"]), saved(**{**VALID["ack"], "address_type": "public"})
    assert not LB.public(private) and LB.cautions(private, []) == []
    assert LB.public(public)
    assert "without TLS" in str(LB.cautions(public, [])[0])


def test_the_address_type_has_no_default() -> None:
    refused("address_type", provider="ack")


def test_volcengine_needs_a_subnet_and_others_take_one_only_where_it_is_clear_whose_it_is() -> None:
    assert "Volcengine VKE needs" in refused("subnet_id", provider="vke", address_type="private")
    assert "no subnet ID" in refused(
        "subnet_id", provider="vke", address_type="private", subnet_id="<subnet-id>"
    )
    public = {"provider": "gke", "address_type": "public"}
    assert "None of the chosen clouds" in refused("subnet_id", **public, subnet_id="default")
    both = {"provider": ["eks", "aks"], "address_type": "private"}
    assert "AWS EKS, Azure AKS can all" in refused("subnet_id", **both, subnet_id="db")
    assert saved(**VALID["ack"], subnet_id="vsw-1")["subnet_id"] == "vsw-1"


def test_own_annotations_need_text_and_a_disk() -> None:
    own = VALID["own"]
    assert "key: value" in refused("annotations", **{**own, "annotations": " \n# nothing"})
    assert "smallest disk" in refused("minimum_disk_gib", **{**own, "minimum_disk_gib": ""})
    assert "Own annotations" in refused("annotations", **VALID["ack"], annotations="example.com/a: b")


def test_own_annotations_must_not_say_the_opposite_of_the_chosen_address_type() -> None:
    message = refused("annotations", **{**VALID["own"], "annotations": f"{AWS}: internet-facing"})
    assert "internet-facing" in message


def test_own_annotations_without_a_known_address_type_are_pointed_out_to_the_approver() -> None:
    config = saved(**{**VALID["own"], "annotations": "example.com/speed: fast"})
    assert "public when nothing is said" in str(LB.cautions(config, [])[0])


def test_a_plane_of_another_cloud_is_refused() -> None:
    planes = [PlaneFact("k8s-1", cloud="ack"), PlaneFact("k8s-2", cloud="vke"), PlaneFact("k8s-3")]
    (problem,) = LB.problems(saved(**VALID["ack"]), planes)
    assert str(problem).startswith("k8s-2 runs in Volcengine VKE")
    assert LB.problems(saved(**VALID["across"]), planes) == []
    assert LB.problems(saved(**VALID["own"]), planes) == []


def test_two_planes_in_one_subnet_are_pointed_out() -> None:
    planes = [PlaneFact("k8s-1", cloud="vke"), PlaneFact("k8s-2", cloud="vke")]
    (caution,) = LB.cautions(saved(**VALID["vke"]), planes)
    assert str(caution).startswith("k8s-1, k8s-2 share one subnet")


def test_planes_in_different_subnets_cannot_have_one_peer_service_and_are_named() -> None:
    config = saved(**VALID["vke"], plane_subnets="k8s-2: subnet-b\nk8s-3: subnet-2fe79j7c8o5c")
    facts = [PlaneFact(name, cloud="vke") for name in ("k8s-1", "k8s-2", "k8s-3")]
    (clash,) = LB.clashes(config, facts)
    assert f"k8s-1 needs {VOLC_SUBNET}: subnet-2fe79j7c8o5c, and k8s-2 needs subnet-b" in str(clash)
    assert LB.clashes(config, [facts[0], facts[2]]) == []
    assert LB.clashes(config, [facts[0], PlaneFact("k8s-2", cloud="ack")]) == []


def test_the_peer_service_says_the_subnet_of_the_chosen_planes_and_a_client_service_that_of_its_own() -> None:
    config = saved(provider="vke", address_type="private", plane_subnets="k8s-2: subnet-b")
    assert LB.service_on(config, ["k8s-2"]).annotations[VOLC_SUBNET] == "subnet-b"
    both = saved(**VALID["vke"], plane_subnets="k8s-2: subnet-b")
    parts = [LB.client_service(both, plane) for plane in ("k8s-1", "k8s-2")]
    said = [part.annotations[VOLC_SUBNET] for part in parts if part is not None]
    assert said == ["subnet-2fe79j7c8o5c", "subnet-b"]
    (problem,) = LB.problems(config, [PlaneFact("k8s-1"), PlaneFact("k8s-2")])
    assert str(problem).startswith("k8s-1: this profile says no subnet for it")


@pytest.mark.parametrize("text", ["k8s-1 subnet-b", "k8s-1: a\nk8s-1: b", "k8s-1: <subnet>", "k8s-1: a, b"])
def test_a_line_that_means_nothing_is_refused_by_its_number(text: str) -> None:
    assert "Line " in refused("plane_subnets", **VALID["vke"], plane_subnets=text)


def test_clouds_and_own_annotations_exclude_each_other() -> None:
    assert "not both" in refused("provider", **{**VALID["own"], "provider": ["ack", "custom"]})


@pytest.mark.parametrize(
    ("version", "machines", "cloud"),
    [
        ("v1.31.1-aliyun.1", [], "ack"), ("v1.30.4-vke.12", [], "vke"), ("v1.31.2-eks-7f9249a", [], "eks"),
        ("v1.31.5-gke.1023000", [], "gke"), ("v1.31.1", ["azure:///subscriptions/1/x"], "aks"),
        ("v1.31.1", ["aws:///eu-west-1a/i-0"], "eks"), ("v1.31.1", ["openstack:///1"], "openstack"),
        ("v1.31.1", ["kind://docker/kind/n", ""], "kind"), ("v1.31.1", [], ""),
    ],
)  # fmt: skip
def test_a_planes_cloud_follows_from_its_version_or_its_machines(
    version: str, machines: list[str], cloud: str
) -> None:
    assert cloud_of(version, machines) == cloud
