"""Signing in, tokens, and who may come in where."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.authtoken.models import Token

from kbconsole.audit.models import Entry
from kbconsole.fleet.models import Plane
from networking.models import AddressFact, Reservation, Supernet
from tests.api.calling import ROOT, Caller, a_placement, a_wish, caller, made_ready
from tests.people import person

As = Callable[[str], Caller]
PASSWORD = "correct horse battery"
WHO = ("anonymous", "nobody", "dana", "adam", "vera")
READS = {
    "me/": "401 200 200 200 200",
    "schema/": "401 200 200 200 200",
    "planes/": "401 403 200 200 200",
    "planes/k8s-1/": "401 403 200 200 200",
    "planes/none/": "401 403 404 404 404",
    "profiles/": "401 403 200 200 200",
    "profiles/mesh/": "401 403 200 200 200",
    "placements/": "401 403 200 200 200",
    "placements/{placement}/": "401 403 200 200 200",
    "placements/{placement}/plan/": "401 403 200 200 200",
    "plans/": "401 403 200 200 200",
    "plans/{plan}/": "401 403 200 200 200",
    "runs/": "401 403 200 200 200",
    "runs/{run}/": "401 403 200 200 200",
    "runs/{run}/steps/": "401 403 200 200 200",
    "runs/{run}/events/": "401 403 200 200 200",
    "address-book/ranges/": "401 403 200 200 200",
    "address-book/problems/": "401 403 200 200 200",
    "address-book/reservations/": "401 403 200 200 200",
    "address-book/supernets/": "401 403 200 200 200",
    "kubeconfig-drafts/1/": "401 403 403 404 403",
    "audit/": "401 403 200 200 200",
    "audit/1/": "401 403 404 200 200",
    "nothing-here/": "401 404 404 404 404",
    "placements": "401 404 404 404 404",
}
HASH = {"hash": "f" * 64, "comment": "no"}
WISH = a_wish(name="another")
# The last two columns of an act that everybody may try come from its service, which knows the person.
ACTS = {
    ("placements/", "wish"): "401 403 201 201 403",
    ("placements/{placement}/approve/", "hash"): "401 403 403 409 403",
    ("placements/{placement}/reject/", "hash"): "401 403 403 409 403",
    ("placements/{placement}/withdraw/", ""): "401 403 200 403 403",
    ("placements/{placement}/cancel/", ""): "401 403 200 403 403",
    ("placements/{placement}/retire/", "retire"): "401 403 409 409 403",
    ("placements/{placement}/check/", ""): "401 403 409 409 403",
    ("placements/{placement}/plan-again/", ""): "401 403 202 202 403",
    ("plans/{plan}/approve/", "hash"): "401 403 403 409 403",
    ("plans/{plan}/reject/", "hash"): "401 403 403 409 403",
    ("plans/{plan}/withdraw/", ""): "401 403 200 403 403",
    ("plans/{plan}/go-ahead/", "only-hash"): "401 403 403 403 403",
    ("runs/{run}/retry/", ""): "401 403 409 409 403",
    ("runs/{run}/cancel/", ""): "401 403 409 409 403",
    ("runs/{run}/undo/", ""): "401 403 409 409 403",
    ("runs/{run}/steps/0/check-again/", ""): "401 403 202 202 403",
    ("profiles/", "profile"): "401 403 403 201 403",
    ("address-book/ranges/", "ranges"): "401 403 403 201 403",
    ("address-book/proposals/", "copy"): "401 403 403 200 403",
    ("address-book/reservations/", "reserve"): "401 403 403 409 403",
    ("address-book/supernets/", "supernet"): "401 403 403 201 403",
    ("planes/k8s-1/check/", ""): "401 403 403 202 403",
    ("fleet/copy-rbac/", "copy"): "401 403 403 202 403",
    ("kubeconfig-drafts/", "kubeconfig"): "401 403 403 400 403",
    ("kubeconfig-drafts/1/choose/", "contexts"): "401 403 403 404 403",
    ("kubeconfig-drafts/1/save/", "contexts"): "401 403 403 404 403",
}
BODIES = {
    "": {},
    "wish": WISH,
    "hash": HASH,
    "only-hash": {"hash": "f" * 64},
    "retire": {"name": "etcd-demo", "policy": "Delete"},
    "profile": {"name": "second", "kind": "cilium_mesh"},
    "copy": {"planes": ["k8s-1"]},
    "kubeconfig": {"kubeconfig": "apiVersion: v1"},
    "contexts": {"contexts": ["k8s-1"]},
    "ranges": {"planes": ["k8s-1"], "what": "services", "ranges": ["10.96.0.0/12"]},
    "reserve": {"planes": ["k8s-1"], "seen": "something else"},
    "supernet": {"range": "172.30.0.0/16", "block": 20},
}
DELETES = {
    "address-book/ranges/{range}/": "401 403 403 204 403",
    "address-book/reservations/k8s-1/": "401 403 403 204 403",
    "address-book/supernets/{supernet}/": "401 403 403 204 403",
}


def _world() -> dict[str, int]:
    placement = a_placement()
    plan = made_ready(placement)
    return {"placement": placement.pk, "plan": plan.pk, "run": plan.runs.get().pk}


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize("path", READS)
def test_who_may_read(path: str) -> None:
    world = _world()
    codes = [caller(name).get(path.format(**world)).status_code for name in WHO]
    assert " ".join(map(str, codes)) == READS[path]


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize("name", WHO)
@pytest.mark.parametrize(("path", "body"), ACTS)
def test_who_may_act(path: str, body: str, name: str) -> None:
    world = _world()
    entries = Entry.objects.filter(outcome="denied").count()
    response = caller(name).post(path.format(**world), BODIES[body])
    expected = ACTS[path, body].split()[WHO.index(name)]
    assert str(response.status_code) == expected, response.content
    if response.status_code >= 400:
        assert response["Content-Type"] == "application/problem+json"
    if response.status_code == 403:
        assert Entry.objects.filter(outcome="denied").count() == entries + 1


@pytest.mark.usefixtures("fleet")
def test_who_may_delete() -> None:
    by, plane = person("adam", "admin"), Plane.objects.get(name="k8s-1")
    told = AddressFact.objects.create(plane=plane, what="services", ranges=["10.96.0.0/12"], entered_by=by)
    Reservation.objects.create(plane="k8s-1", what="pods", range="10.1.0.0/16", made_by=by)
    supernet = Supernet.objects.create(range="172.30.0.0/16", block=20, made_by=by)
    found = {
        path: [
            caller(name).send("DELETE", path.format(range=told.pk, supernet=supernet.pk)).status_code
            for name in WHO
        ]
        for path in DELETES
    }
    assert {path: " ".join(map(str, codes)) for path, codes in found.items()} == DELETES


@pytest.mark.usefixtures("fleet")
def test_changing_is_for_those_who_may(as_: As) -> None:
    placement = a_placement()
    made_ready(placement)
    bodies = {f"placements/{placement.pk}/": a_wish(), "profiles/mesh/": {"config": {}, "seen_version": 1}}
    codes = {
        path: [caller(name).put(path, body).status_code for name in WHO] for path, body in bodies.items()
    }
    assert list(codes.values()) == [[401, 403, 200, 409, 403], [401, 403, 403, 200, 403]]


def test_a_token_is_given_for_name_and_password_and_both_outcomes_are_in_the_log(db: None) -> None:
    User.objects.create_user("tom", password=PASSWORD)
    wrong = Caller().post("token/", {"username": "tom", "password": "nonsense-canary"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "api.wrong_password")
    assert Entry.objects.latest("seq").act == "access.sign_in_failed"
    right = Caller().post("token/", {"username": "tom", "password": PASSWORD})
    token = right.json()["token"]
    entry = Entry.objects.latest("seq")
    assert (entry.act, entry.actor_label) == ("api.token_given", "tom")
    assert "canary" not in str(list(Entry.objects.values()))
    assert token not in str(list(Entry.objects.values()))
    me = Client().get(ROOT + "me/", headers={"Authorization": f"Token {token}"}).json()
    assert me == {"id": me["id"], "name": "tom", "roles": [], "teams": [], "by_token": True}


def test_a_token_that_its_owner_ended_lets_nobody_in(as_: As) -> None:
    dana = as_("dana")
    assert dana.send("DELETE", "token/").status_code == 204
    assert Entry.objects.latest("seq").act == "api.token_ended"
    refused = dana.get("me/")
    assert (refused.status_code, refused.json()["code"]) == (401, "problem.token")
    assert refused["WWW-Authenticate"] == "Token"
    assert not Token.objects.exists()


def test_a_token_of_somebody_who_may_not_sign_in_any_more_is_refused(as_: As) -> None:
    dana = as_("dana")
    User.objects.filter(username="dana").update(is_active=False)
    assert dana.get("placements/").status_code == 401


def test_a_session_reads_freely_and_needs_the_csrf_token_to_act(fleet: None) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(person("dana", "dba"))
    assert browser.get(ROOT + "placements/").status_code == 200
    refused = browser.post(ROOT + "placements/", a_wish(), content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "problem.csrf")
    token = "a" * 32
    browser.cookies["csrftoken"] = token
    headers = {"X-CSRFToken": token}
    taken = browser.post(ROOT + "placements/", a_wish(), content_type="application/json", headers=headers)
    assert taken.status_code == 201
    assert Entry.objects.latest("seq").actor_kind == "user"


def test_acts_by_token_say_so_in_the_audit_log(fleet: None, as_: As) -> None:
    as_("dana").post("placements/", a_wish())
    assert Entry.objects.get(act="placement.requested").actor_kind == "api_token"
