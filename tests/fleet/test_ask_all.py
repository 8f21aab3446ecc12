"""Asking many planes at the same time takes as long as the slowest of a handful, not as all together."""

from __future__ import annotations

from time import monotonic

import pytest

from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet.asking import ask_all
from kbconsole.k8s.client import PlaneClient


def test_a_hundred_slow_planes_are_asked_at_once(embedded: EmbeddedFleet) -> None:
    embedded.fault("k8s-1", "slow", ms=100)
    clients: dict[str, PlaneClient] = {str(n): embedded.client("k8s-1") for n in range(100)}
    ask_all(clients)  # handshakes are not what is measured
    began = monotonic()
    answers = ask_all(clients)
    took = monotonic() - began
    assert len(answers) == 100
    assert all(answer.version for answer in answers.values())
    assert took < 100 * 0.1 / 2, "one after the other takes ten seconds"
    for client in clients.values():
        client.close()


def test_a_dead_plane_holds_up_only_itself(embedded: EmbeddedFleet) -> None:
    embedded.fault("k8s-2", "unreachable")
    clients = {name: embedded.client(name) for name in embedded.planes}
    answers = ask_all(clients)
    assert [name for name, answer in answers.items() if answer.error] == ["k8s-2"]


@pytest.mark.parametrize("clients", [{}])
def test_no_planes_are_no_question(clients: dict[str, PlaneClient]) -> None:
    assert ask_all(clients) == {}
