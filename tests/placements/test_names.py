"""Names that follow from a database's own, and their limits."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placements.engines.base import Chosen, engine_named
from placements.names import (
    longest_name,
    name_problem,
    names_of,
    namespace_problem,
    plane_problems,
    pod_services_in,
)

ETCD = engine_named("etcd")
OLD = Chosen("etcd-0.9.0", "0.9", "etcd-0.9.4", "peer")
NEW = Chosen("etcd-3-1.0.2", "1.0", "etcd-1.0.2")
PLANES = ("k8s-1", "k8s-2", "k8s-3")
LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")

NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,70}[a-z0-9])?", fullmatch=True)


def test_names_on_0_9() -> None:
    names = names_of("etcd-demo", ETCD, OLD, 3)
    assert names.pods == ("etcd-demo-etcd-0", "etcd-demo-etcd-1", "etcd-demo-etcd-2")
    assert names.volume_claims[2] == "data-etcd-demo-etcd-2"
    assert names.pod_services[2] == "etcd-demo-etcd-peer-2"
    assert names.headless_service == "etcd-demo-etcd-headless"
    assert names.component_services == ()
    assert names.config_maps == ("etcd-demo-etcd-env", "etcd-demo-etcd-rsm-env")
    assert names.service_account == names.role_binding == "kb-etcd-demo"
    assert not names.shares_service_account


def test_names_on_1_0() -> None:
    names = names_of("etcd-demo", ETCD, NEW, 2)
    assert names.pod_services == names.pods == ("etcd-demo-etcd-0", "etcd-demo-etcd-1")
    assert names.config_maps == ("etcd-demo-etcd-env",)
    assert (names.service_account, names.role_binding) == ("kb-etcd-3-1.0.2", "kb-etcd-3-1.0.2-pod")
    assert names.shares_service_account


def test_services_of_a_definition_are_named_after_the_component() -> None:
    names = names_of("etcd-demo", ETCD, Chosen("x", "1.0", "", services=("client", "")), 1)
    assert names.component_services == ("etcd-demo-etcd-client", "etcd-demo-etcd")


def test_selectors() -> None:
    names = names_of("etcd-demo", ETCD, NEW, 1)
    assert names.selector == "app.kubernetes.io/managed-by=kubeblocks,app.kubernetes.io/instance=etcd-demo"
    assert names.pod_selector == names.selector + ",apps.kubeblocks.io/component-name=etcd"


def test_unique_services_are_where_their_replica_is_and_others_everywhere() -> None:
    names = names_of("d", ETCD, OLD, 4)
    assert pod_services_in("k8s-1", PLANES, names, unique=True) == ("d-etcd-peer-0", "d-etcd-peer-3")
    assert pod_services_in("k8s-2", PLANES, names, unique=True) == ("d-etcd-peer-1",)
    assert pod_services_in("k8s-2", PLANES, names, unique=False) == names.pod_services


def test_a_name_that_is_too_long_says_the_limit() -> None:
    assert longest_name(ETCD, 3) == 49
    assert name_problem("a" * 49, ETCD, 3) is None
    problem = str(name_problem("a" * 50, ETCD, 3))
    assert "has 50 characters" in problem
    assert "at most 49 characters with this engine and 3 replicas" in problem
    assert "NAME-etcd-headless" in problem


def test_more_digits_need_more_room() -> None:
    assert longest_name(ETCD, 10_001, OLD) == 63 - len("-etcd-peer-10000")
    assert longest_name(ETCD, 10**9, OLD) == 63 - len("-etcd-peer-999999999")


@pytest.mark.parametrize("name", ["A", "1a", "-a", "a-", "a_b", "a.b", "a b", "é", "a\n", "٣", "a/b", "🦊"])
def test_a_name_is_small_letters_digits_and_hyphens(name: str) -> None:
    assert "begins with a letter" in str(name_problem(name, ETCD, 3))


def test_a_name_is_needed() -> None:
    assert str(name_problem("", ETCD, 3)) == "Give the database a name."


@given(NAMES, st.integers(1, 1200), st.sampled_from([OLD, NEW]))
def test_an_accepted_name_makes_only_names_that_kubernetes_takes(
    name: str, replicas: int, chosen: Chosen
) -> None:
    names = names_of(name, ETCD, chosen, replicas)
    fits = max(map(len, names.limited)) <= 63
    assert (name_problem(name, ETCD, replicas, chosen) is None) == fits
    assert all(LABEL.fullmatch(derived) for derived in names.limited)


@given(st.text(max_size=80), st.integers(1, 7))
def test_any_text_is_a_name_or_gets_a_reason(name: str, replicas: int) -> None:
    problem = name_problem(name, ETCD, replicas)
    assert str(problem) if problem else LABEL.fullmatch(name)


@given(NAMES, st.integers(1, 1200), st.sampled_from([OLD, NEW]))
def test_before_a_definition_is_chosen_the_worst_case_is_assumed(
    name: str, replicas: int, chosen: Chosen
) -> None:
    if name_problem(name, ETCD, replicas) is None:
        assert name_problem(name, ETCD, replicas, chosen) is None


def test_namespaces() -> None:
    assert namespace_problem("default") is None
    assert namespace_problem("1-team") is None
    assert namespace_problem("a" * 63) is None
    for wrong in ("a" * 64, "Team", "a.b", "-a", "a\n"):
        assert str(namespace_problem(wrong)).startswith("A namespace has only")
    assert str(namespace_problem("")).startswith("Give the namespace")
    assert "belong to Kubernetes" in str(namespace_problem("kube-system"))


def test_planes_must_equal_the_operators_contexts_letter_by_letter() -> None:
    assert plane_problems(PLANES, PLANES) == []
    assert plane_problems(("k8s-3", "k8s-1"), PLANES) == []
    (case,) = plane_problems(("K8S-1",), PLANES)
    assert "does not know the plane “K8S-1”" in str(case)


@pytest.mark.parametrize(
    ("planes", "codes"),
    [
        ((), ["names.no_planes"]),
        (("k8s-1", " k8s-2"), ["names.plane_blank"]),
        (("k8s-1,k8s-2",), ["names.plane_blank"]),
        (("",), ["names.plane_blank"]),
        (("k8s-1", "k8s-1"), ["names.plane_twice"]),
        (("k8s-9", "k8s-1", "k8s-1"), ["names.plane_unknown", "names.plane_twice"]),
    ],
)
def test_planes_that_cannot_be_used_are_named(planes: tuple[str, ...], codes: list[str]) -> None:
    assert [problem.code for problem in plane_problems(planes, PLANES)] == codes
