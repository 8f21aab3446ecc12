"""The address book by API: the same services as the pages, with their refusals."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from networking.models import AddressFact, MeshNumber, Reservation, Supernet
from tests.api.calling import Caller
from tests.networking.addresses.conftest import Tell, tell

As = Callable[[str], Caller]
BOOK = "address-book/"
__all__ = ["tell"]  # a fixture


def test_ranges_are_entered_listed_by_plane_and_forgotten(as_: As, tell: Tell) -> None:
    tell("k8s-1", pods="10.1.0.0/16")
    tell("k8s-2", pods="10.2.0.0/16")
    adam = as_("adam")
    body = {
        "planes": ["k8s-1"],
        "what": "services",
        "ranges": ["10.96.0.0/12"],
        "reason": "kubeadm's default",
    }
    wrong = adam.post(f"{BOOK}ranges/", {**body, "planes": ["k8s-1", "k8s-9"]})
    assert wrong.status_code == 400 and "k8s-9" in wrong.json()["errors"]["planes"][0]["text"]
    wrong = adam.post(f"{BOOK}ranges/", {**body, "ranges": ["10.96.0.0/33"]})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "addresses.no_range")
    made = adam.post(f"{BOOK}ranges/", body)
    assert made.status_code == 201, made.json()
    rows = as_("vera").get(f"{BOOK}ranges/", plane="k8s-1").json()["results"]
    assert [(row["what"], row["ranges"], row["source"], row["entered_by"]) for row in rows] == [
        ("services", ["10.96.0.0/12"], "entered", "adam"), ("pods", ["10.1.0.0/16"], "nodes", ""),
    ]  # fmt: skip
    assert rows[0]["source_label"] == "entered by a person" and rows[0]["read_at"]
    told = AddressFact.objects.get(plane__name="k8s-2").pk
    refused = adam.send("DELETE", f"{BOOK}ranges/{told}/")
    assert (refused.status_code, refused.json()["code"]) == (409, "addresses.its_own")
    assert adam.send("DELETE", f"{BOOK}ranges/999/").status_code == 404
    assert adam.send("DELETE", f"{BOOK}ranges/{rows[0]['id']}/").status_code == 204
    assert not AddressFact.objects.filter(source="entered").exists()


def test_problems_are_sentences_with_their_planes_and_what_is_unknown_is_said(as_: As, tell: Tell) -> None:
    tell("k8s-1", pods="10.1.0.0/16", services="10.1.128.0/20", nodes="192.168.1.1", load_balancers="")
    found = as_("dana").get(f"{BOOK}problems/").json()
    assert (found["errors"], found["warnings"], found["unknown"]) == (1, 0, [])
    (one,) = found["problems"]
    assert (one["level"], one["planes"], one["sentence"]["code"]) == ("error", ["k8s-1"], "addresses.meet")
    assert one["sentence"]["params"]["range_two"] == "10.1.128.0/20"
    tell("k8s-2", services="10.97.0.0/16")
    rows = as_("dana").get(f"{BOOK}problems/").json()["unknown"]
    assert rows == [{"plane": "k8s-2", "what": ["pods", "nodes", "load_balancers"]}]


def test_what_is_proposed_is_reserved_once_and_released(as_: As, tell: Tell) -> None:
    tell("k8s-1", pods="10.1.1.0/24")
    adam, asked = as_("adam"), {"planes": ["k8s-1", "k8s-7"]}
    assert as_("dana").post(f"{BOOK}proposals/", asked).status_code == 403
    assert adam.post(f"{BOOK}proposals/", {"planes": ["No Name"]}).json()["errors"]["planes"]
    found = adam.post(f"{BOOK}proposals/", asked).json()
    assert [(one["plane"], one["mesh_id"], one["blocks"][0]["range"]) for one in found["proposals"]] == [
        ("k8s-1", 1, "10.1.0.0/16"), ("k8s-7", 2, "10.2.0.0/16"),
    ]  # fmt: skip
    assert not Reservation.objects.exists()
    ada, others = as_("ada"), {"planes": ["k8s-1", "k8s-8"]}
    same = ada.post(f"{BOOK}proposals/", others).json()
    assert same["proposals"][1]["blocks"] == found["proposals"][1]["blocks"], (
        "both look at the same free block"
    )
    assert adam.post(f"{BOOK}reservations/", {**asked, "seen": found["seen"]}).status_code == 201
    late = ada.post(f"{BOOK}reservations/", {**others, "seen": same["seen"]})
    assert (late.status_code, late.json()["code"]) == (409, "addresses.other_proposal")
    rows = as_("vera").get(f"{BOOK}reservations/").json()["results"]
    assert {(row["plane"], row["mesh_id"], row["made_by"]) for row in rows} == {
        ("k8s-1", 1, "adam"), ("k8s-7", 2, "adam"),
    }  # fmt: skip
    Reservation.objects.filter(plane="k8s-7").delete()
    rows = ada.get(f"{BOOK}reservations/").json()["results"]
    assert [(row["plane"], row["mesh_id"], row["range"]) for row in rows] == [
        ("k8s-1", 1, "10.4.0.0/16"), ("k8s-1", 1, "10.1.0.0/16"), ("k8s-7", 2, None),
    ], "a mesh id without a block"  # fmt: skip
    assert adam.send("DELETE", f"{BOOK}reservations/k8s-7/").status_code == 204
    assert list(MeshNumber.objects.values_list("plane", flat=True)) == ["k8s-1"]
    assert adam.send("DELETE", f"{BOOK}reservations/k8s-7/").status_code == 409


def test_where_blocks_are_taken_from_is_set_and_taken_back(as_: As) -> None:
    adam = as_("adam")
    made = adam.post(f"{BOOK}supernets/", {"range": "172.30.0.0/15", "block": 20})
    assert made.status_code == 201 and as_("vera").get(f"{BOOK}supernets/").json()["results"] == [made.json()]
    assert adam.post(f"{BOOK}supernets/", {"range": "172.31.0.0/16", "block": 20}).status_code == 400
    assert adam.send("DELETE", f"{BOOK}supernets/{made.json()['id']}/").status_code == 204
    assert not Supernet.objects.exists()


@pytest.mark.usefixtures("fleet")
def test_a_profile_names_the_networks_of_its_clients(as_: As) -> None:
    adam = as_("adam")
    body = {"config": {}, "seen_version": 1, "client_networks": ["10.20.0.7/16"]}
    assert adam.put("profiles/mesh/", body).json()["client_networks"] == ["10.20.0.0/16"]
    same = adam.put("profiles/mesh/", {"config": {}, "outside": "", "seen_version": 2}).json()
    assert (same["version"], same["client_networks"]) == (3, ["10.20.0.0/16"])
    wrong = adam.put("profiles/mesh/", {**body, "seen_version": 3, "client_networks": ["everywhere"]})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "addresses.no_range")
