"""Entering, reserving and releasing, as administrators do it on the pages; and what kinds are told of the book."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest
from django.contrib.auth.models import User
from django.db import connection

from kbconsole.audit.models import Entry
from kbconsole.common.errors import ConsoleError, Stale
from networking import address_services as services
from networking.addresses.facts import NewRange, What
from networking.addresses.services import facts_of, problems_between
from networking.models import AddressFact, MeshNumber, PlaneReading, Reservation, Supernet
from networking.services import create_profile
from tests.networking.addresses.conftest import Tell
from tests.people import signed_in

BLOCKS, ENTER = "/networks/blocks/", "/networks/ranges/enter/"


def seen(*planes: str) -> str:
    return services.fingerprint(services.proposed(planes))


def reserve(by: User, *planes: str) -> None:
    services.reserve(planes=planes, seen=seen(*planes), by=by)


def acts() -> list[str]:
    return [entry.act for entry in Entry.objects.filter(act__startswith="addresses.").order_by("seq")]


def test_what_a_person_enters_is_kept_with_who_when_and_an_entry(tell: Tell, adam: User) -> None:
    tell("k8s-1")
    tell("k8s-2")
    browser = signed_in(adam)
    form = {
        "planes": ["k8s-1", "k8s-2"],
        "what": "clients",
        "ranges": "172.20.0.1/16\n192.168.9.1–192.168.9.5",
    }
    assert browser.post(ENTER, form).status_code == 302
    known = facts_of(["k8s-2", "k8s-9"])
    assert [fact.text for fact in known["k8s-2"].clients] == ["172.20.0.0/16", "192.168.9.1-192.168.9.5"]
    assert known["k8s-2"].clients[0].source == "entered"
    assert What.CLIENTS in known["k8s-2"].known
    assert known["k8s-9"].known == frozenset()
    page = browser.get("/networks/").content.decode()
    assert "entered by a person" in page
    row = AddressFact.objects.get(plane__name="k8s-1")
    assert row.entered_by == adam
    browser.post(f"/networks/ranges/{row.pk}/remove/")
    assert not facts_of(["k8s-1"])["k8s-1"].clients
    assert acts() == ["addresses.entered", "addresses.entry_removed"]


def test_what_is_no_range_stays_in_the_form_with_the_reason(tell: Tell, adam: User) -> None:
    tell("k8s-1")
    answer = signed_in(adam).post(
        ENTER, {"planes": ["k8s-1"], "what": "nodes", "ranges": "10.0.0.0/8\n10.1.300.0"}
    )
    assert answer.status_code == 400
    assert "“10.1.300.0” is no range of addresses." in answer.content.decode()
    assert not AddressFact.objects.exists()


def test_more_ranges_than_are_kept_are_refused_and_none_is_dropped(tell: Tell, adam: User) -> None:
    tell("k8s-1", {})
    text = "\n".join(f"10.{number // 250}.{number % 250}.0/24" for number in range(services.MOST_ENTERED + 1))
    page = signed_in(adam).post(
        "/networks/ranges/enter/", {"planes": "k8s-1", "what": "clients", "ranges": text}
    )
    assert "These are 501 ranges, and at most 500 are kept" in page.content.decode()
    assert not AddressFact.objects.filter(source="entered").exists()


def test_reserved_blocks_stay_with_their_plane_and_go_to_nobody_else_until_released(
    tell: Tell, adam: User
) -> None:
    tell("k8s-1", pods="10.1.1.0/24 10.1.2.0/24", clients="10.0.0.0/9")
    create_profile(name="intranet", kind="cilium_mesh", config={}, client_networks=["10.0.0.0/8"], by=adam)
    browser = signed_in(adam)
    page = browser.get(BLOCKS, {"planes": "k8s-1", "names": "k8s-7"}).content.decode()
    assert "10.1.0.0/16" in page
    assert "10.4.0.0/16" in page
    assert not Reservation.objects.exists()
    form = {"wanted": "k8s-1\nk8s-7", "seen": seen("k8s-1", "k8s-7"), "reason": "wave 2"}
    assert browser.post(BLOCKS, form).status_code == 302
    before = {row.plane: row.range for row in Reservation.objects.filter(what="pods")}
    assert before == {"k8s-1": "10.1.0.0/16", "k8s-7": "10.2.0.0/16"}
    assert {row.range for row in Supernet.objects.all()} == {"10.0.0.0/14", "10.4.0.0-10.6.255.255"}
    again, other = services.proposed(["k8s-7", "k8s-8"])
    assert str(again.pods) == "10.2.0.0/16"
    assert again.mesh_id == 2
    assert str(other.pods) == "10.3.0.0/16"
    assert facts_of(["k8s-7"])["k8s-7"].mesh_id == 2
    browser.post("/networks/blocks/release/", {"plane": "k8s-7"})
    assert not MeshNumber.objects.filter(plane="k8s-7").exists()
    assert str(services.proposed(["k8s-9"])[0].pods) == "10.2.0.0/16"
    assert [act for act in acts() if "supernet" not in act] == ["addresses.reserved"] * 2 + [
        "addresses.released"
    ]
    entry = Entry.objects.filter(act="addresses.reserved").order_by("seq")[1]
    assert "mesh id 2, Pods 10.2.0.0/16, Load balancers 10.5.0.0/16" in str(entry.sentence)
    assert entry.reason == "wave 2"


def test_what_is_not_free_any_more_is_shown_anew_instead_of_reserved(tell: Tell, adam: User) -> None:
    tell("k8s-1")
    old = seen("k8s-1")
    tell("k8s-2", pods="10.1.3.0/24")
    answer = signed_in(adam).post(BLOCKS, {"wanted": "k8s-1", "seen": old})
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "This is what is free now" in page
    assert "10.0.0.0/16" in page
    assert not Reservation.objects.exists()


def test_of_two_who_ask_at_once_nobody_gets_the_others_block(
    transactional_db: None, adam: User, ada: User
) -> None:
    gate, ended = Barrier(2), []
    asked = {"k8s-1": (adam, seen("k8s-1")), "k8s-2": (ada, seen("k8s-2"))}

    def ask(plane: str) -> None:
        by, before = asked[plane]
        gate.wait()
        try:
            services.reserve(planes=[plane], seen=before, by=by)
            ended.append("got")
        except Stale:
            ended.append("look again")
        finally:
            connection.close()

    threads = [Thread(target=ask, args=[plane]) for plane in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(ended) == ["got", "look again"]
    assert Reservation.objects.filter(what="pods").count() == 1
    (late,) = [plane for plane in asked if not Reservation.objects.filter(plane=plane).exists()]
    reserve(adam, late)
    ranges = list(Reservation.objects.values_list("range", flat=True))
    assert len(ranges) == len(set(ranges)) == 4
    assert len(set(MeshNumber.objects.values_list("number", flat=True))) == 2


def test_ranges_of_the_organisation_are_used_instead_of_the_guides(tell: Tell, adam: User) -> None:
    tell("k8s-1")
    browser = signed_in(adam)
    assert (
        browser.post("/networks/supernets/", {"range": "172.30.0.0/15", "what": "", "block": 20}).status_code
        == 302
    )
    (one,) = services.proposed(["k8s-1"])
    assert (str(one.pods), str(one.load_balancers)) == ("172.30.16.0/20", "172.30.0.0/20")
    refused = browser.post("/networks/supernets/", {"range": "172.31.0.0/16", "what": "", "block": 20})
    assert refused.status_code == 400
    assert "overlaps 172.30.0.0/15" in refused.content.decode()
    with pytest.raises(ConsoleError, match="does not fit"):
        services.add_supernet(text="10.0.0.0/16", what=What.PODS, block=12, by=adam)


def test_kinds_are_told_what_speaks_against_a_new_range_and_against_joining(tell: Tell, adam: User) -> None:
    tell("k8s-1", pods="10.1.0.0/16", nodes="192.168.1.11")
    tell("k8s-2", pods="10.1.0.0/17", load_balancers="10.5.0.0/24")
    assert problems_between(["k8s-1"]) == []  # nothing joins them: a warning
    (said,) = problems_between(["k8s-1"], joins={"pods"})
    assert "k8s-1 Pods 10.1.0.0/16 and k8s-2 Pods 10.1.0.0/17 overlap." in str(said)
    create_profile(name="mesh", kind="cilium_mesh", config={}, by=adam)
    assert problems_between(["k8s-2"])
    new = [NewRange("k8s-1", What.LOAD_BALANCERS, "192.168.1.10-192.168.1.20")]
    (said,) = problems_between(["k8s-1"], new_ranges=new)
    assert "192.168.1.11" in str(said)
    assert (
        problems_between(["k8s-1"], new_ranges=[NewRange("k8s-1", What.LOAD_BALANCERS, "10.4.0.0/24")]) == []
    )


def test_a_conflict_comes_first_and_is_in_the_picture_and_in_its_table(tell: Tell, dana: User) -> None:
    tell(
        "k8s-1",
        pods="10.1.0.0/16",
        services="10.101.0.0/16",
        nodes="192.168.1.11 192.168.1.12",
        load_balancers="",
    )
    page = signed_in(dana).get("/networks/").content.decode()
    assert "The addresses of 1 plane fit." in page
    tell(
        "k8s-2",
        pods="10.2.0.0/16",
        services="10.2.255.0/24",
        nodes="192.168.1.13",
        load_balancers="10.5.0.0/24",
    )
    browser = signed_in(dana)
    page = browser.get("/networks/").content.decode()
    said, picture, table = (
        page.index(text) for text in ("k8s-2 Pods 10.2.0.0/16 and", '<svg class="ladder"', "<table")
    )
    assert said < picture < table
    assert "1 conflict of addresses" in page
    assert "✕ Conflict: Services" in page[picture:table]
    assert "k8s-1: Nodes 192.168.1.11 – 192.168.1.12" in page[picture:table]
    assert page[table:].count("10.2.255.0/24") == 1
    assert "ranges/enter" not in page  # a DBA reads
    assert "data-pause-updates" not in page[: page.index('id="part-')], (
        "what never updates does not say that it does"
    )
    part = browser.get("/networks/parts/pools/").content.decode()
    assert (
        "data-poll" in part
        and "data-pause-updates" in part
        and " ".join(part.split()) in " ".join(page.split())
    ), "a live part, in place"


def test_ids_that_planes_were_installed_with_stay_and_those_of_two_planes_are_nobodys(
    tell: Tell, adam: User
) -> None:
    for name, number in (("k8s-1", 200), ("k8s-2", 1), ("k8s-3", 1)):
        PlaneReading.objects.create(plane=tell(name), what="mesh", facts={"plane": name, "id": number})
    reserve(adam, "k8s-1", "k8s-2")
    assert {row.plane: row.number for row in MeshNumber.objects.all()} == {"k8s-2": 2}
    assert Reservation.objects.filter(plane="k8s-1").count() == 2
    assert signed_in(adam).post(BLOCKS, {"wanted": "no name", "seen": "x"}).status_code == 302
    assert not Reservation.objects.filter(plane="no name").exists()
