"""Where replicas land, and whether any one plane may be lost."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbconsole.common.sentences import Sentence
from placements.engines.base import engine_named
from placements.verdict import Survival, plane_of, survival, survives_any

ETCD = engine_named("etcd")
PLANES = ("k8s-1", "k8s-2", "k8s-3", "k8s-4", "k8s-5")


def on(replicas: int, planes: int) -> Survival:
    return survival(replicas, PLANES[:planes], ETCD)


def advice(answer: Survival) -> list[str]:
    return [sentence.code for sentence in answer.advice]


def test_three_on_three_survive() -> None:
    answer = on(3, 3)
    assert answer.kept and answer.advice == ()
    assert str(answer.headline) == (
        "Any one plane may be lost: at least 2 of 3 replicas stay, and 2 are needed."
    )
    assert [landing.plane for landing in answer.landings] == ["k8s-1", "k8s-2", "k8s-3"]


def test_four_on_three_are_worse_than_three() -> None:
    answer = on(4, 3)
    assert not answer.kept
    assert [loss.kept for loss in answer.losses] == [False, True, True]
    assert answer.losses[0].ordinals == (0, 3)
    assert str(answer.headline).startswith("Losing k8s-1 stops the database")
    assert str(answer.advice[0]) == "4 replicas on 3 planes are worse than 3: take 3 or 5."
    assert advice(answer) == ["verdict.worse_than_fewer", "verdict.even"]


def test_one_replica_is_away_with_its_plane() -> None:
    answer = on(1, 3)
    assert not answer.kept
    assert str(answer.headline) == "One replica: while its plane k8s-1 is away, the database is away."
    assert advice(answer) == ["verdict.take", "verdict.unused"]
    assert str(answer.advice[0]).startswith("Take 3 replicas")
    assert str(answer.advice[1]).startswith("k8s-2, k8s-3: no replica lands there.")
    assert str(answer.losses[1].sentence) == "k8s-2 lost: nothing changes, no replica runs there."


def test_on_one_plane_the_database_goes_where_the_plane_goes() -> None:
    answer = on(3, 1)
    assert not answer.kept and advice(answer) == ["verdict.one_plane"]
    assert answer.losses[0].left == 0


@pytest.mark.parametrize("replicas", range(1, 8))
def test_two_planes_never_survive_the_loss_of_either(replicas: int) -> None:
    answer = on(replicas, 2)
    assert not answer.kept
    assert "verdict.two_planes" in advice(answer)


def test_an_even_number_adds_nothing() -> None:
    answer = on(6, 3)
    assert answer.kept
    assert "no more replicas than 5 do" in str(answer.advice[0])


def test_five_and_seven_on_three_survive() -> None:
    assert on(5, 3).kept and on(7, 3).kept


@pytest.mark.parametrize(("replicas", "planes"), [(0, 3), (-1, 3), (10**9, 3), (3, 0)])
def test_impossible_questions_are_bugs_and_cost_nothing(replicas: int, planes: int) -> None:
    with pytest.raises(ValueError, match="no placement"):
        on(replicas, planes)


@given(st.integers(1, 60), st.integers(1, 5))
def test_the_verdict_is_what_counting_gives(replicas: int, planes: int) -> None:
    answer = on(replicas, planes)
    for loss in answer.losses:
        left = [n for n in range(replicas) if plane_of(n, PLANES[:planes]) != loss.plane]
        assert loss.left == len(left)
        assert loss.kept == (2 * len(left) > replicas)
    assert answer.kept == all(loss.kept for loss in answer.losses)
    assert answer.kept == survives_any(replicas, planes, ETCD)
    assert sorted(n for loss in answer.losses for n in loss.ordinals) == list(range(replicas))


@given(st.integers(1, 7), st.integers(1, 5))
def test_what_is_advised_is_better(replicas: int, planes: int) -> None:
    for sentence in on(replicas, planes).advice:
        better = sentence.params.get("better")
        if isinstance(better, Sentence):
            assert survives_any(better.params["first"], planes, ETCD)
            assert survives_any(better.params["second"], planes, ETCD)
        elif better is not None:
            assert survives_any(better, planes, ETCD)


@given(st.integers(1, 7), st.integers(1, 5))
def test_an_unhappy_verdict_always_says_what_to_do(replicas: int, planes: int) -> None:
    answer = on(replicas, planes)
    assert answer.kept or answer.advice


def test_the_answer_is_json_and_reads_back_as_the_same_sentences() -> None:
    answer = on(4, 3)
    stored = json.loads(json.dumps(answer.to_json()))
    assert stored["kept"] is False
    assert stored["landings"][3] == {"ordinal": 3, "plane": "k8s-1"}
    assert str(Sentence.from_json(stored["advice"][0])) == str(answer.advice[0])
    assert str(Sentence.from_json(stored["losses"][0]["sentence"])) == str(answer.losses[0].sentence)
