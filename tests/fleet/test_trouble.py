"""A lost plane above all on the fleet's page: who suffers, counted from what runs, what not to do, and what to do."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from kbconsole.fleet.models import Plane
from kbconsole.k8s.errors import KubeError, Unauthorised, Unreachable
from placements.losses import counted
from placements.models import Placement
from tests.people import signed_in
from tests.placements import world

pytestmark = pytest.mark.django_db


def lose(name: str, rung: str = "tcp") -> None:
    server = "https://k8s.example.org:6443"
    error: KubeError = Unauthorised("k8s.unauthorised", plane=name)
    if rung != "credential":
        error = Unreachable(plane=name, server=server, rung=rung)
    now = timezone.now()
    Plane.objects.filter(name=name).update(
        last_error=error.sentence.to_json(), rung=rung, failing_since=now, last_asked_at=now, server=server
    )


def page(browser: Client) -> str:
    return " ".join(unescape(browser.get("/fleet/").content.decode()).split())


def test_databases_are_counted_from_the_pods_that_were_seen_not_from_the_wish(dana: User) -> None:
    world.fleet()
    mesh = world.mesh(dana)
    world.in_service(dana, mesh, "spread")
    world.in_service(dana, mesh, "ailing", observed=world.seen("ailing", ready=(False, True, True)))
    world.in_service(dana, mesh, "elsewhere", planes=["k8s-1", "k8s-2"], observed=None)
    lose("k8s-3")
    shown = page(signed_in(dana))
    assert "1 lost quorum" in shown
    assert "demo/ailing</a>: 1 of 3 replicas left, 2 are needed." in shown
    assert "1 is one replica from it" in shown
    assert "demo/spread</a>: 2 of 3 replicas left, 2 are needed." in shown
    assert "0 are fine" in shown
    assert "1 other database has no replica there" in shown
    assert "1 database lost quorum." in shown, "in the first two lines"


def test_a_plane_that_was_never_looked_at_is_counted_as_planned_and_that_is_said(dana: User) -> None:
    world.fleet()
    seen = world.seen("etcd-demo")
    del seen["k8s-1"]
    row = world.in_service(dana, world.mesh(dana), observed=seen)
    found = counted(row, {"k8s-3"})
    assert (found.alive, found.members, found.planned) == (2, 3, ("k8s-1",))
    lose("k8s-3")
    assert "Never looked at k8s-1: counted as planned there." in page(signed_in(dana))


@pytest.mark.parametrize(
    ("lost", "left", "level", "leader_lost"),
    [([], 5, "fine", False), (["k8s-2"], 3, "edge", True), (["k8s-1", "k8s-3"], 2, "lost", False)],
)
def test_how_much_is_left_follows_from_which_planes_are_lost(
    lost: list[str], left: int, level: str, leader_lost: bool, dana: User
) -> None:
    world.fleet()
    seen = world.seen("etcd-demo")
    for number, plane in ((3, "k8s-1"), (4, "k8s-2")):
        pod = {**seen[plane]["pods"][0], "name": f"etcd-demo-etcd-{number}", "role": "follower"}
        seen[plane]["pods"].append(pod)
    row = world.in_service(dana, world.mesh(dana), replicas=5, observed=seen)
    found = counted(Placement.objects.get(pk=row.pk), lost)
    assert (found.alive, str(found.level), found.leader_lost) == (left, level, leader_lost)


def test_it_says_where_it_fails_what_not_to_do_and_how_to_take_the_plane_out(adam: User, dana: User) -> None:
    world.fleet(operator_version="0.9.5")
    lose("k8s-3")
    shown = page(signed_in(adam))
    assert "k8s-3 gives no answer" in shown
    assert "TCP: the name resolves, but nothing accepts the connection." in shown
    assert "Do not restart the KubeBlocks operator while k8s-3 is enabled: it will not come up" in shown
    assert "nc -vz -w 5 k8s.example.org 6443" in shown
    assert (
        "--set 'multiCluster.contextsDisabled=k8s-3'" in shown
        or "multiCluster.contextsDisabled=k8s-3" in shown
    )
    assert 'action="/fleet/k8s-3/switch/"' in shown
    assert shown.index("trouble-") < shown.index("<table")
    Plane.objects.filter(name="k8s-0").update(operator_contexts_disabled=["k8s-3"])
    disabled = page(signed_in(adam))
    assert "Do not restart the KubeBlocks operator" not in disabled
    assert "Enable k8s-3" in disabled
    assert 'action="/fleet/k8s-3/switch/"' not in page(signed_in(dana)), "a DBA reads"


def test_the_page_of_a_plane_says_what_each_database_would_lose_and_in_trouble_what_to_do(adam: User) -> None:
    world.fleet()
    world.in_service(adam, world.mesh(adam))
    browser = signed_in(adam)
    well = browser.get("/fleet/k8s-3/").content.decode()
    assert "Databases, if k8s-3 were lost" in well and "1 is one replica from it" in well
    assert "What not to do" not in well
    lose("k8s-2")
    assert "What not to do" not in browser.get("/fleet/k8s-3/").content.decode()
    lost = browser.get("/fleet/k8s-2/").content.decode()
    assert "What not to do" in lost and "Disable k8s-2" in lost
    assert "What not to do" not in browser.get("/fleet/k8s-0/").content.decode()


def test_a_plane_that_refuses_the_credential_is_probably_running(adam: User) -> None:
    world.fleet()
    lose("k8s-3", "credential")
    shown = page(signed_in(adam))
    assert "k8s-3 does not let the console in" in shown
    assert "The pods there probably run on" in shown
    assert "/fleet/add/?replaces=k8s-3" in shown


def test_without_the_control_plane_addresses_and_roles_are_those_that_the_planes_told(adam: User) -> None:
    world.fleet()
    world.in_service(adam, world.mesh(adam), observed=world.seen("etcd-demo", client_port=True))
    lose("k8s-0", "dns")
    shown = page(signed_in(adam))
    assert "Databases go on" in shown
    assert "etcd-demo-etcd-1 on k8s-2" in shown
    assert "192.0.2.1:2379" in shown
    assert "Do not install the operator anew without its contexts" in shown


def test_more_lost_planes_and_databases_cost_no_more_queries(
    adam: User, django_assert_max_num_queries: Any
) -> None:
    world.fleet()
    mesh = world.mesh(adam)
    for number in range(60):
        world.in_service(adam, mesh, f"db-{number}")
    for name in ("k8s-1", "k8s-2"):
        lose(name)
    browser = signed_in(adam)
    page(browser)
    with django_assert_max_num_queries(14):
        shown = page(browser)
    assert "60 lost quorum" in shown and "and 10 more" in shown
