"""Cloud load balancers: every provider, and what a profile's form refuses."""

from __future__ import annotations

from typing import Any

import pytest

from networking.kinds.base import PlaneFact, kind_named

LB = kind_named("cloud_lb")
ALIBABA = "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type"
VOLC_TYPE = "service.beta.kubernetes.io/volcengine-loadbalancer-address-type"
VOLC_SUBNET = "service.beta.kubernetes.io/volcengine-loadbalancer-subnet-id"
AWS = "service.beta.kubernetes.io/aws-load-balancer-scheme"
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


def test_volcengine_needs_a_subnet_and_nobody_else_may_give_one() -> None:
    assert "Volcengine needs" in refused("subnet_id", provider="vke", address_type="private")
    assert "no subnet ID" in refused(
        "subnet_id", provider="vke", address_type="private", subnet_id="<subnet-id>"
    )
    assert "Only Volcengine" in refused("subnet_id", **VALID["ack"], subnet_id="subnet-1")


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
    assert str(caution).startswith("k8s-1, k8s-2 share one Volcengine subnet")
