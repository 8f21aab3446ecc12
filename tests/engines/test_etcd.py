"""Which etcd definition is used, and which is refused with what reason."""

from __future__ import annotations

import pytest

from kbconsole.common.sentences import Sentence
from placements.engines.base import ENGINES, Chosen, DefinitionFact, engine_named

ETCD = engine_named("etcd")


def chosen(line: str, *facts: DefinitionFact) -> Chosen:
    answer = ETCD.choose_definition(line, facts)
    assert isinstance(answer, Chosen), str(answer)
    return answer


def refusal(line: str, *facts: DefinitionFact) -> str:
    answer = ETCD.choose_definition(line, facts)
    assert isinstance(answer, Sentence), answer
    return str(answer)


@pytest.mark.parametrize("chart", ["etcd-0.9.0", "etcd-0.9.4", ""])
def test_on_0_9_the_definition_of_the_charts_up_to_0_9_4_is_used(chart: str) -> None:
    answer = chosen(
        "0.9", DefinitionFact("etcd-0.9.0", chart), DefinitionFact("redis-7-0.9.0", "redis-0.9.4")
    )
    assert (answer.definition, answer.peer_service_name) == ("etcd-0.9.0", "peer")


def test_on_0_9_the_definition_of_chart_0_9_5_is_refused_with_its_reason() -> None:
    sentence = refusal("0.9", DefinitionFact("etcd", "etcd-0.9.5"))
    assert "does not work across planes" in sentence
    assert "chart 0.9.4" in sentence


def test_on_0_9_a_working_definition_is_preferred_to_a_broken_newer_one() -> None:
    both = (DefinitionFact("etcd", "etcd-0.9.5"), DefinitionFact("etcd-0.9.0", "etcd-0.9.4"))
    assert chosen("0.9", *both).definition == "etcd-0.9.0"


@pytest.mark.parametrize("patch", [0, 1, 2])
def test_on_1_0_the_definitions_of_the_charts_up_to_1_0_2_are_used(patch: int) -> None:
    answer = chosen("1.0", DefinitionFact(f"etcd-3-1.0.{patch}", f"etcd-1.0.{patch}"))
    assert (answer.definition, answer.peer_service_name) == (f"etcd-3-1.0.{patch}", "")


def test_on_1_0_the_newest_that_works_is_used() -> None:
    facts = [DefinitionFact(f"etcd-3-1.0.{patch}", f"etcd-1.0.{patch}") for patch in (2, 0, 3, 1)]
    assert chosen("1.0", *facts).definition == "etcd-3-1.0.2"
    without = DefinitionFact("etcd-3-1.0.2", "etcd-1.0.2", available=False)
    assert chosen("1.0", without, facts[1]).definition == "etcd-3-1.0.0"


def test_on_1_0_chart_1_0_3_is_refused_with_its_reason() -> None:
    sentence = refusal("1.0", DefinitionFact("etcd-3-1.0.3", "etcd-1.0.3"))
    assert "isExclusive" in sentence
    assert "chart 1.0.2" in sentence


@pytest.mark.parametrize(
    ("line", "name", "chart"),
    [
        ("0.9", "etcd-0.9.0", "etcd-0.9.6"),
        ("0.9", "etcd-0.8.0", "etcd-0.8.0"),
        ("0.9", "etcd-3-1.0.2", "etcd-1.0.2"),
        ("1.0", "etcd-3-1.0.2-beta.1", "etcd-1.0.2-beta.1"),
        ("1.0", "etcd-3-1.0.4", "etcd-1.0.4"),
        ("1.0", "etcd-0.9.0", "etcd-0.9.4"),
        ("1.0", "etcd-3-1.0.٢", "etcd-1.0.2"),
    ],
)
def test_a_definition_that_nobody_has_proven_is_refused(line: str, name: str, chart: str) -> None:
    assert "not been proven" in refusal(line, DefinitionFact(name, chart))


def test_an_unavailable_definition_is_refused_with_its_own_message() -> None:
    gone = DefinitionFact(
        "etcd-3-1.0.2", "etcd-1.0.2", available=False, message="template etcd-config not found"
    )
    assert "template etcd-config not found" in refusal("1.0", gone)
    silent = DefinitionFact("etcd-0.9.0", "etcd-0.9.4", available=False)
    assert "no reason is given" in refusal("0.9", silent)


@pytest.mark.parametrize(("line", "wanted"), [("0.9", "0.9.4"), ("1.0", "1.0.2")])
def test_without_any_definition_the_console_says_what_to_install(line: str, wanted: str) -> None:
    sentence = refusal(line, DefinitionFact("postgresql", "postgresql-1.0.2"), DefinitionFact("etcdish", ""))
    assert sentence.startswith("The control plane has no definition for etcd.")
    assert f"chart {wanted}" in sentence


@pytest.mark.parametrize("line", ["1.1", "", "2.0"])
def test_other_release_lines_are_refused(line: str) -> None:
    assert "is not supported" in refusal(line, DefinitionFact("etcd-3-1.0.2", "etcd-1.0.2"))


@pytest.mark.parametrize(("replicas", "quorum"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)])
def test_quorum_is_more_than_half(replicas: int, quorum: int) -> None:
    assert ETCD.quorum(replicas) == quorum


@pytest.mark.parametrize("replicas", [0, -1, 8, 10**9])
def test_impossible_numbers_of_replicas_are_refused(replicas: int) -> None:
    assert str(ETCD.replica_problem(replicas)) == "etcd can have 1 to 7 replicas, a whole number."


@pytest.mark.parametrize("replicas", range(1, 8))
def test_even_numbers_are_possible(replicas: int) -> None:
    assert ETCD.replica_problem(replicas) is None


def test_every_engine_offers_numbers_that_it_can_have() -> None:
    for engine in ENGINES:
        assert str(engine.label) and engine.__doc__
        assert all(engine().replica_problem(choice) is None for choice in engine.replica_choices)
