"""Faults that only real API servers have: the same address, port and token behind other certificates."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User

from kbconsole.common.sentences import Sentence
from kbconsole.fleet.models import Plane
from kbconsole.fleet.tasks import check_planes
from kbconsole.k8s.kinds import CLUSTER_ROLE
from tests.driving import drive
from tests.fleets.fixtures import real_fleet
from tests.fleets.real import RealFleet, RealServers
from tests.journeys import faulty, traps
from tests.journeys.fleet import approved, register, trouble

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.real]
BAD = "k8s-3"
OTHERS = ("k8s-1", "k8s-2")
UNPROVEN = "k8s.unproven"


@pytest.fixture
def real(real_servers: RealServers, line: str, delay: float) -> Iterator[RealFleet]:
    yield from real_fleet(real_servers, line, delay)


def test_a_plane_that_comes_back_with_other_certificates_is_not_trusted_before_a_person_has_renewed_them(
    dana: User, adam: User, real: RealFleet
) -> None:
    register(real, adam)
    placement = traps.waiting(adam, dana)
    old = real.credential(BAD)
    real.restart_with_other_certificates(BAD)
    run = approved(placement, adam)
    assert faulty.codes(run) == {(BAD, "baseline"): UNPROVEN}
    said = traps.failures(run)[BAD, "baseline"]
    assert said.startswith(
        f"Whoever answers for k8s-3 at {old.server} does not prove to be it: its certificate"
    )
    assert (
        "Ask an administrator of the plane why: if its certificates were renewed, upload a kubeconfig" in said
    )
    faulty.finished(run, "console", real.control_plane, *OTHERS)
    assert traps.clusters(real) == []
    assert real.client(BAD).get(CLUSTER_ROLE, traps.ROLE) is None

    check_planes()
    plane = Plane.objects.get(name=BAD)
    assert plane.last_error
    assert str(Sentence.from_json(plane.last_error)) == said, "the list of planes says the same"
    run = traps.again(run, dana)
    assert faulty.codes(run) == {(BAD, "baseline"): UNPROVEN}, "asking again makes nobody trust it"
    refused = faulty.renewed(BAD, old, adam)
    assert faulty.codes(refused)[BAD, "reachable"] == UNPROVEN

    assert faulty.renewed(BAD, real.credential(BAD), adam).status == "succeeded"
    run = faulty.made_everywhere(real, run, by=dana)
    real.restart_with_other_certificates(BAD)
    run = drive(run, seconds=120)
    assert faulty.codes(run) == {(BAD, "services"): UNPROVEN}
    assert traps.statuses(run, "roles") == {"k8s-1": "succeeded", "k8s-2": "succeeded", BAD: "skipped"}
    faulty.is_honest(run, real, old)
    assert faulty.renewed(BAD, real.credential(BAD), adam).status == "succeeded"
    run = traps.again(run, dana)
    assert run.status == "succeeded", trouble(run)
    faulty.runs_on_every_plane(real, placement)
