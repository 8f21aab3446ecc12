"""Reading ranges, finding where they meet, and giving free blocks away: properties rather than examples."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbconsole.common.errors import ConsoleError
from networking.addresses.facts import Owned, What
from networking.addresses.propose import GUIDE, GUIDE_PLANES, Given, Parent, propose
from networking.addresses.ranges import BITS, Span, merged, parsed, parsed_all, sweep

quick = settings(max_examples=60, deadline=None)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    """Spans in a few small corners of both versions, so that they meet, touch and hold each other often."""
    version = draw(st.sampled_from([4, 6]))
    base = draw(st.sampled_from([0, 0x0A000000, (1 << BITS[version]) - 64]))
    first = base + draw(st.integers(0, 40))
    return Span(version, first, first + draw(st.sampled_from([0, 0, 1, 3, 7, 15, 23])))


@given(st.lists(spans(), max_size=14))
@quick
def test_the_sweep_finds_what_comparing_each_with_each_finds(fleet: list[Span]) -> None:
    naive = {(i, j) for (i, one), (j, two) in combinations(enumerate(fleet), 2) if one.meets(two)}
    found = list(sweep(fleet))
    assert len(found) == len(set(found))
    assert set(found) == naive


def test_the_sweep_of_ten_thousand_fleets_at_once_equals_the_naive_check() -> None:
    """Each fleet in addresses of its own, so that one sweep over all of them is that of each."""
    draw = random.Random(6)
    for _ in range(100):
        fleets = []
        for fleet in range(100):
            for _range in range(draw.randrange(6)):
                version = draw.choice([4, 6])
                first = (fleet << 8) + draw.randrange(60)
                fleets.append(Span(version, first, first + draw.choice([0, 1, 15, 31])))
        draw.shuffle(fleets)
        of: dict[tuple[int, int], list[int]] = {}
        for place, span in enumerate(fleets):
            of.setdefault((span.version, span.first >> 8), []).append(place)
        naive = {
            pair
            for places in of.values()
            for pair in combinations(places, 2)
            if fleets[pair[0]].meets(fleets[pair[1]])
        }
        assert set(sweep(fleets)) == naive


@given(spans())
@quick
def test_the_usual_form_of_a_range_reads_as_the_same_range(span: Span) -> None:
    assert parsed(str(span)) == span


@given(st.lists(spans(), max_size=20))
@quick
def test_merging_keeps_every_address_and_adds_none(parts: list[Span]) -> None:
    whole = merged(parts)
    assert all(any(one.holds(part) for one in whole) for part in parts)
    assert all(not one.meets(two) for one, two in combinations(whole, 2))
    ends = {(one.version, end) for one in whole for end in (one.first, one.last)}
    assert ends <= {(part.version, end) for part in parts for end in (part.first, part.last)}


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("10.1.2.3/16", "10.1.0.0/16"),
        (" 192.168.1.240 – 192.168.1.250 ", "192.168.1.240-192.168.1.250"),
        ("10.0.0.0-10.3.255.255", "10.0.0.0/14"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("FD00::1/64", "fd00::/64"),
    ],
)
def test_ranges_are_kept_in_their_usual_form(text: str, form: str) -> None:
    assert [str(span) for span in parsed_all(text)] == [form]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("10.1.0.0/33", "is no range"),
        ("10.1.0/16", "is no range"),
        ("fe80::1%eth0", "is no range"),
        ("10.0.0.9-10.0.0.1", "ends before it begins"),
        ("10.0.0.1-fd00::1", "another"),
        ("2130706433", "is no range"),
        ("010.0.0.1", "is no range"),
    ],
)
def test_what_is_no_range_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(ConsoleError, match=says):
        parsed(text)


def test_the_guides_two_tables_are_what_is_proposed_from_its_addresses() -> None:
    found = propose(GUIDE_PLANES, parents=GUIDE)
    assert [(one.plane, one.mesh_name, one.mesh_id, str(one.pods)) for one in found] == [
        ("k8s-1", "k8s-1", 1, "10.1.0.0/16"),
        ("k8s-2", "k8s-2", 2, "10.2.0.0/16"),
        ("k8s-3", "k8s-3", 3, "10.3.0.0/16"),
    ]
    assert [str(one.load_balancers) for one in found] == ["10.4.0.0/16", "10.5.0.0/16", "10.6.0.0/16"]


blocks = st.builds(
    lambda number, size: Span(4, 0x0A000000 + number * 256, 0x0A000000 + number * 256 + size - 1),
    st.integers(0, 1100), st.sampled_from([1, 256, 300, 4096]),
)  # fmt: skip


@given(st.lists(blocks, max_size=12), st.integers(1, 6), st.booleans())
@quick
def test_proposals_never_overlap_anything_and_are_the_same_each_time(
    others: list[Span], count: int, known: bool
) -> None:
    planes = [f"p-{number}" for number in range(count)]
    parents = [
        Parent(parsed("10.0.0.0/15"), None, 20),
        Parent(parsed("10.4.0.0/16"), What.LOAD_BALANCERS, 24),
    ]
    used = [Owned(span, f"other-{place}", What.PODS) for place, span in enumerate(others)]
    had = {"p-0": Given(9, {What.PODS: parsed("10.1.240.0/20")})} if known else {}
    found = propose(planes, parents=parents, used=used, given=had, taken_ids={1, 2})
    given_ = [span for one in found for span in one.blocks.values()]
    assert all(not one.meets(two) for one, two in combinations(given_, 2))
    fresh = [span for one in found for what, span in one.blocks.items() if what.value not in one.kept]
    assert all(not block.meets(span) for block in fresh for span in others)
    assert all(any(parent.span.holds(block) for parent in parents) for block in fresh)
    ids = [one.mesh_id for one in found]
    assert len(set(ids)) == count
    assert not set(ids) & {1, 2}
    assert found == propose(planes, parents=parents, used=used, given=had, taken_ids={1, 2})
    if known:
        assert (found[0].mesh_id, str(found[0].pods)) == (9, "10.1.240.0/20")


def test_a_plane_keeps_the_block_that_its_pods_are_in_already() -> None:
    used = [
        Owned(parsed("10.2.1.0/24"), "old", What.PODS),
        Owned(parsed("10.1.7.0/24"), "other", What.NODES),
    ]
    first, second = propose(["new", "old"], parents=GUIDE, used=used)
    assert str(second.pods) == "10.2.0.0/16"
    assert str(first.pods) == "10.0.0.0/16"  # its number, 10.1, has nodes of another plane in it


def test_blocks_where_clients_are_come_last_but_are_free() -> None:
    def pods(clients: str) -> list[str]:
        used = [Owned(parsed(clients), "", What.CLIENTS, profile="intranet"), *own]
        return [str(one.pods) for one in propose(["a", "b"], parents=GUIDE, used=used)]

    own = [Owned(parsed("10.2.1.0/24"), "b", What.PODS)]
    assert pods("10.0.0.0/8") == ["10.1.0.0/16", "10.2.0.0/16"]
    assert pods("10.1.0.0-10.2.255.255") == ["10.0.0.0/16", "10.2.0.0/16"]  # b is there by now


def test_no_mesh_id_from_128_on_is_ever_proposed() -> None:
    parents = [Parent(parsed("10.0.0.0/8"), None, 24)]
    many = [f"p-{number}" for number in range(127)]
    assert {one.mesh_id for one in propose(many, parents=parents)} == set(range(1, 128))
    with pytest.raises(ConsoleError, match="below 128"):
        propose([*many, "one-more"], parents=parents)


def test_what_is_used_up_is_said_with_the_plane_and_the_way_out() -> None:
    with pytest.raises(ConsoleError, match="No free block of /16 is left for the Load balancers of d"):
        propose(["a", "b", "c", "d"], parents=GUIDE)
    with pytest.raises(ConsoleError, match="Nobody has said"):
        propose(["a"], parents=GUIDE[:1])
