"""Which ranges may not meet: rules of Cilium, MetalLB and Submariner, each with a pair that breaks it and one not."""

from __future__ import annotations

import pytest

from networking.addresses.facts import ENTERED, Owned, What
from networking.addresses.ranges import parsed
from networking.addresses.severity import Level, Overlap, overlaps
from networking.kinds.base import KINDS

MESH = frozenset({"pods", "nodes"})
ROUTED = frozenset({"pods", "services"})
NOTHING: frozenset[str] = frozenset()
P, S, N, L, C = What.PODS, What.SERVICES, What.NODES, What.LOAD_BALANCERS, What.CLIENTS
ERROR, WARN = Level.ERROR, Level.WARN


def found(
    *ranges: tuple[str, What, str], joins: frozenset[str] = MESH, sources: str = "same"
) -> list[Overlap]:
    names = ["a", "b"] if sources == "two" else ["one", "one"]
    parts = [
        Owned(parsed(text), plane, what, source)
        for (plane, what, text), source in zip(ranges, names, strict=False)
    ]
    return overlaps(parts, joins)


@pytest.mark.parametrize(
    ("one", "two", "joins", "level"),
    [
        (("k1", P, "10.1.0.0/16"), ("k2", P, "10.1.128.0/17"), MESH, ERROR),
        (("k1", P, "10.1.0.0/16"), ("k2", P, "10.1.0.0/16"), NOTHING, WARN),
        (("k1", P, "10.1.0.0/16"), ("k2", P, "10.2.0.0/16"), MESH, None),  # they touch, and do not overlap
        (("k1", P, "10.1.0.0/16"), ("k1", P, "10.1.1.0/24"), MESH, None),  # the same, from two sources
        (("k1", P, "10.1.0.0/16"), ("k2", N, "10.1.0.7"), NOTHING, ERROR),
        (("k1", P, "10.1.0.0/16"), ("k1", N, "10.1.0.7"), NOTHING, ERROR),
        (("k1", P, "10.1.0.0/16"), ("k2", S, "10.0.0.0/8"), NOTHING, ERROR),
        (("k1", S, "10.96.0.0/12"), ("k2", S, "10.96.0.0/12"), MESH, WARN),
        (("k1", S, "10.96.0.0/12"), ("k2", S, "10.96.0.0/12"), ROUTED, ERROR),
        (("k1", S, "10.96.0.0/12"), ("k2", S, "10.96.0.0/12"), NOTHING, None),
        (("k1", S, "10.96.0.0/12"), ("k1", N, "10.96.0.1"), NOTHING, ERROR),
        (("k1", S, "10.96.0.0/12"), ("k2", N, "10.96.0.1"), MESH, None),
        (("k1", N, "192.168.1.5"), ("k2", N, "192.168.1.5"), MESH, ERROR),
        (("k1", N, "192.168.1.5"), ("k2", N, "192.168.1.5"), NOTHING, WARN),
        (("k1", N, "192.168.1.0/24"), ("k2", N, "192.168.1.0/24"), MESH, None),  # one subnet is legal
        (
            ("k1", L, "192.168.1.5-192.168.1.9"),
            ("k1", N, "192.168.1.7"),
            NOTHING,
            ERROR,
        ),  # MetalLB does not look
        (
            ("k1", L, "192.168.1.5-192.168.1.9"),
            ("k1", N, "192.168.1.0/24"),
            NOTHING,
            None,
        ),  # layer 2 needs it
        (("k1", L, "192.168.1.5-192.168.1.9"), ("k2", N, "192.168.1.0/24"), NOTHING, WARN),
        (("k1", L, "10.4.0.0/16"), ("k2", L, "10.4.7.0/24"), NOTHING, ERROR),
        (("k1", L, "10.4.0.0/16"), ("k1", L, "10.4.7.0/24"), NOTHING, ERROR),  # two pools of one plane
        (("k1", L, "10.1.5.0/24"), ("k2", P, "10.1.0.0/16"), NOTHING, ERROR),
        (("k1", L, "10.4.0.0/16"), ("k1", C, "10.4.0.0/16"), NOTHING, WARN),
        (("k1", P, "10.1.0.0/16"), ("k1", C, "10.0.0.0/8"), NOTHING, WARN),
        (("k1", C, "10.0.0.0/8"), ("k2", C, "10.0.0.0/8"), MESH, None),
        (("k1", P, "fd00::/64"), ("k2", P, "fd00::1:0/112"), MESH, ERROR),
        (("k1", P, "::ffff:10.1.0.0/112"), ("k2", P, "10.1.2.0/24"), MESH, ERROR),  # IPv4 in IPv6 clothes
    ],
)
def test_each_pair_of_owners_has_its_own_severity(
    one: tuple[str, What, str], two: tuple[str, What, str], joins: frozenset[str], level: Level | None
) -> None:
    for ranges in ((one, two), (two, one)):
        assert [overlap.level for overlap in found(*ranges, joins=joins)] == ([level] if level else [])


def test_a_pool_that_was_also_entered_or_reserved_does_not_meet_itself() -> None:
    parts = [Owned(parsed("10.4.0.0/16"), "k1", L, ENTERED), Owned(parsed("10.4.1.0/24"), "k1", L, "pools")]
    assert overlaps(parts, MESH) == []


@pytest.mark.parametrize("adjacent", [False, True], ids=["routed", "layer 2"])
def test_clients_of_a_profile_may_have_the_network_of_load_balancers_only_where_these_are_in_it(
    adjacent: bool,
) -> None:
    clients = Owned(parsed("10.0.0.0/8"), "", C, profile="intranet", adjacent=adjacent)
    plane = [Owned(parsed("10.4.0.0/24"), "k1", L, "x"), Owned(parsed("10.9.0.1"), "k1", N, "x")]
    levels = [one.level for one in overlaps([clients, *plane], MESH)]
    assert levels == ([] if adjacent else [WARN])
    (one,) = overlaps([clients, Owned(parsed("10.1.0.0/16"), "k1", P, "x")], MESH)
    assert one.level == WARN and one.planes == {"k1"}
    assert "k1 Pods 10.1.0.0/16 and clients of the profile intranet 10.0.0.0/8 overlap." in str(
        one.sentence()
    )


def test_ranges_that_machines_use_everywhere_are_a_warning() -> None:
    (overlap,) = found(("k1", P, "172.16.0.0/12"))
    assert overlap.level == WARN
    assert "172.17.0.0/16" in str(overlap.sentence())


def test_many_pairs_of_the_same_owners_are_one_sentence_that_names_planes_ranges_and_a_way_out() -> None:
    nodes = [("k2", N, f"10.1.0.{number}") for number in range(1, 51)]
    parts = [
        Owned(parsed(text), plane, what, "x") for plane, what, text in [("k1", P, "10.1.0.0/16"), *nodes]
    ]
    (overlap,) = overlaps(parts, MESH)
    said = str(overlap.sentence())
    assert "k1 Pods 10.1.0.0/16" in said
    assert "k2 Nodes 10.1.0.1 overlap (and 49 more)." in said
    assert "Move the pod range." in said


def test_the_worst_comes_first() -> None:
    levels = [
        overlap.level
        for overlap in found(("k1", S, "10.96.0.0/12"), ("k2", S, "10.96.0.0/12"))
        + found(("k1", L, "10.4.0.0/16"), ("k2", L, "10.4.0.0/16"))
    ]
    assert levels == [WARN, ERROR]
    both = overlaps(
        [Owned(parsed(text), plane, what, "x") for plane, what, text in [
            ("k1", S, "10.96.0.0/12"), ("k2", S, "10.96.0.0/12"), ("k1", L, "10.4.0.0/16"), ("k2", L, "10.4.0.0/16"),
        ]],
        MESH,
    )  # fmt: skip
    assert [overlap.level for overlap in both] == [ERROR, WARN]


def test_every_kind_says_in_known_words_which_ranges_it_joins() -> None:
    assert {part for kind in KINDS for part in kind.joins} <= {what.value for what in (P, S, N)}
