"""The checker: which rung fails and since when, when a plane is asked again, and what pages say when it is silent."""

from __future__ import annotations

from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from kbconsole.common.sentences import say
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet import asking, tasks
from kbconsole.fleet.models import Plane
from kbconsole.fleet.rungs import rung_of
from kbconsole.k8s.client import PlaneClient
from placements.models import Placement
from tests.fleet.planes import ALL, CONTROL
from tests.people import signed_in
from tests.placements import world

pytestmark = pytest.mark.django_db(transaction=True)
EARLIER = timedelta(hours=2)


def plane(name: str) -> Plane:
    return Plane.objects.get(name=name)


def asked_now() -> set[str]:
    """Let beat's task run once; return the planes that it asked."""
    before = timezone.now()
    tasks.check_planes(everyone=False)
    return set(Plane.objects.filter(last_asked_at__gte=before).values_list("name", flat=True))


@pytest.mark.parametrize(
    ("fault", "options", "rung"),
    [
        ("unreachable", {}, "tcp"),
        ("drop", {}, "answer"),
        ("500", {}, "answer"),
        ("expired", {}, "credential"),
        ("403", {"path": "/namespaces/kube-system"}, "rights"),
    ],
)
def test_the_failing_rung_is_kept_with_its_beginning_until_the_plane_answers(
    fault: str, options: dict[str, Any], rung: str, embedded: EmbeddedFleet, fleet: dict[str, Plane]
) -> None:
    embedded.fault("k8s-1", fault, **options)
    tasks.check_planes()
    first = plane("k8s-1")
    assert first.rung == rung
    assert first.failing_since and first.silent
    tasks.check_planes()
    assert plane("k8s-1").failing_since == first.failing_since
    assert not plane("k8s-2").silent
    embedded.fault("k8s-1", None)
    tasks.check_planes()
    well = plane("k8s-1")
    assert (well.rung, well.failing_since, well.failures, well.silent) == ("", None, 0, False)


def test_a_name_that_does_not_resolve_and_a_foreign_certificate_are_told_apart(
    embedded: EmbeddedFleet, fleet: dict[str, Plane]
) -> None:
    secret = embedded.credential("k8s-1")
    for server, rung in (
        ("https://no-such-plane.invalid:6443", "dns"),
        (embedded.credential("k8s-2").server, "tls"),
    ):
        other = embedded.credential("k8s-1") if rung == "dns" else embedded.credential(CONTROL)
        client = PlaneClient("k8s-1", type(secret)(**{**vars(other), "server": server}), deadline=3)
        error = asking.look(client).error
        assert error is not None
        assert rung_of(error) == rung
        client.close()


def test_a_plane_that_keeps_failing_is_asked_less_often_and_at_once_again_after_any_answer(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], settings: Any
) -> None:
    settings.KBCONSOLE_CHECK_SECONDS = 30
    embedded.fault("k8s-1", "unreachable")
    waits = []
    for _round in range(4):
        tasks.check_planes()
        row = plane("k8s-1")
        assert row.next_ask_at and row.last_asked_at
        waits.append(round((row.next_ask_at - row.last_asked_at).total_seconds()))
    assert waits == [30, 60, 120, 120]
    Plane.objects.exclude(name="k8s-1").update(next_ask_at=timezone.now())
    assert asked_now() == set(ALL) - {"k8s-1"}
    Plane.objects.filter(name="k8s-1").update(next_ask_at=timezone.now())
    assert "k8s-1" in asked_now()
    embedded.fault("k8s-1", None)
    tasks.check_planes()
    assert plane("k8s-1").failures == 0


def test_a_slow_plane_does_not_hold_back_what_the_others_said(
    embedded: EmbeddedFleet, fleet: dict[str, Plane]
) -> None:
    embedded.fault("k8s-2", "slow", ms=1200)
    clients = {name: embedded.client(name) for name in ALL}
    began = monotonic()
    came: dict[str, float] = {}
    for some in asking.as_they_come(clients, asking.ask):
        came |= dict.fromkeys(some, monotonic() - began)
    assert max(at for name, at in came.items() if name != "k8s-2") < 1.0 < came["k8s-2"]
    for client in clients.values():
        client.close()


def test_planes_are_asked_one_after_the_other_within_the_spread_in_the_order_of_their_turn() -> None:
    began: dict[str, float] = {}

    class Clock:
        def __init__(self, name: str) -> None:
            self.plane = name

    def question(client: Any) -> asking.Answer:
        began[client.plane] = monotonic()
        return asking.Answer()

    names = [f"k8s-{number}" for number in range(12)]
    clients: Any = {name: Clock(name) for name in names}
    list(asking.as_they_come(clients, question, spread=0.3))
    assert sorted(began, key=began.__getitem__) == sorted(names, key=asking.turn)
    gap = max(began.values()) - min(began.values())
    turns = [asking.turn(name) for name in names]
    assert gap >= 0.3 * (max(turns) - min(turns)) * 0.9


def test_when_nobody_checks_any_more_every_page_is_grey_and_says_since_when(dana: User) -> None:
    world.fleet()
    world.in_service(dana, world.mesh(dana))
    browser = signed_in(dana)
    well = browser.get("/placements/").content.decode()
    assert "Healthy" in well and "Not checked since" not in well
    Plane.objects.update(created_at=timezone.now() - EARLIER, last_asked_at=timezone.now() - EARLIER)
    for url in ("/", "/placements/", "/fleet/", f"/placements/{Placement.objects.get().pk}/"):
        shown = browser.get(url).content.decode()
        assert "Not checked since" in shown, url
        assert "Healthy" not in shown and "tone-ok leader" not in shown, url
        assert "Connected" not in shown, url
    assert "Not checked" in browser.get("/fleet/k8s-1/").content.decode()


def test_one_plane_that_nobody_asks_is_grey_while_the_others_are_not(dana: User) -> None:
    world.fleet()
    world.in_service(dana, world.mesh(dana))
    Plane.objects.filter(name="k8s-2").update(last_asked_at=timezone.now() - EARLIER)
    shown = signed_in(dana).get("/placements/").content.decode()
    assert "Not checked since" not in shown
    assert "k8s-2: unknown" in shown and "k8s-1: ready" in shown


def test_planes_that_all_fail_are_asked_seldom_which_is_not_silence_of_the_checker(dana: User) -> None:
    world.fleet()
    now = timezone.now()
    Plane.objects.update(
        last_asked_at=now - timedelta(seconds=110), next_ask_at=now + timedelta(seconds=10), rung="tcp",
        last_error=say("form.plane_silent").to_json(),
    )  # fmt: skip
    assert "Not checked since" not in signed_in(dana).get("/fleet/").content.decode()
