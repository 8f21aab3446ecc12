"""Every route × role in one table: what each person gets for GET, and for POST.

A route without a line fails here, and so does a line without a route. To see what a new route answers, run this file
and read the difference; then decide whether that is what it should answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from kbconsole.fleet.models import KubeconfigDraft, Plane
from kbconsole.jobs.models import Run
from kbconsole.people.models import Membership, Team
from networking.kinds.acting import ACTS
from networking.models import AddressFact, Profile, Supernet
from networking.sections import SECTIONS
from placements.models import Placement
from tests.api.calling import a_fleet, a_placement, a_profile, made_ready
from tests.people import person, signed_in

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
ROLES = ("anonymous", "nobody", "dba", "admin", "auditor")
HASH = {"hash": "f" * 64}  # not that of the plan, so whoever may decide gets a 409
# Where an empty POST is refused before anybody asks who sent it.
BODIES: dict[str, dict[str, Any]] = {
    "api:book-proposals": {"planes": ["k8s-1"]},
    "api:book-ranges": {"planes": ["k8s-1"], "what": "pods", "ranges": ["10.1.0.0/16"]},
    "api:book-reservations": {"planes": ["k8s-1"], "seen": "something else"},
    "api:book-supernets": {"range": "172.30.0.0/15", "block": 20},
    "api:copy-rbac": {"planes": ["k8s-1"]},
    "api:draft-choose": {"contexts": ["k8s-4"]},
    "api:draft-save": {"contexts": ["k8s-4"]},
    "api:people": {"name": "nina", "roles": ["dba"]},
    "api:placement-approve": HASH,
    "api:placement-hand-over": {"owner": "the-other", "reason": "holidays"},
    "api:placement-reject": HASH | {"comment": "no"},
    "api:placement-retire": {"name": "etcd-demo", "policy": "Delete"},
    "api:plan-approve": HASH,
    "api:plan-go-ahead": HASH,
    "api:plan-reject": HASH | {"comment": "no"},
    "api:teams": {"name": "second"},
    "api:profiles": {"name": "second", "kind": "cilium_mesh"},
    "fleet:plane-add": {"text": "apiVersion: v1"},
    "fleet:rbac-copy": {"planes": "k8s-1"},
    "jobs:plan-approve": {"seen_hash": "f" * 64},
    "jobs:plan-go-ahead": {"seen_hash": "f" * 64},
    "jobs:plan-reject": {"seen_hash": "f" * 64, "comment": "no"},
}
PUBLIC = {"login", "set_language", "api:token", "people:set-password", "people:set-password-new"}
# The world: a placement of the dba's whose plan is ready, the run that made the plan, an upload of the admin's.
EXPECTED = {
    "api:addresses": "401 403 405 405 405 | 401 403 409 409 403",
    "api:addresses-take": "401 403 405 405 405 | 401 403 409 409 403",
    "api:book-problems": "401 403 200 200 200 | 401 403 405 405 405",
    "api:book-proposals": "401 403 405 405 405 | 401 403 403 200 403",
    "api:book-ranges": "401 403 200 200 200 | 401 403 403 201 403",
    "api:book-ranges-one": "401 403 405 405 405 | 401 403 405 405 405",
    "api:book-reservation": "401 403 405 405 405 | 401 403 405 405 405",
    "api:book-reservations": "401 403 200 200 200 | 401 403 403 409 403",
    "api:book-supernet": "401 403 405 405 405 | 401 403 405 405 405",
    "api:book-supernets": "401 403 200 200 200 | 401 403 403 201 403",
    "api:connection": "401 403 200 200 200 | 401 403 405 405 405",
    "api:copy-rbac": "401 403 405 405 405 | 401 403 403 202 403",
    "api:draft": "401 403 403 200 403 | 401 403 403 405 403",
    "api:draft-choose": "401 403 403 405 403 | 401 403 403 202 403",
    "api:draft-save": "401 403 403 405 403 | 401 403 403 400 403",
    "api:drafts": "401 403 405 405 405 | 401 403 403 400 403",
    "api:entries": "401 403 200 200 200 | 401 403 405 405 405",
    "api:entry": "401 403 404 200 200 | 401 403 405 405 405",
    "api:me": "401 200 200 200 200 | 401 405 405 405 405",
    "api:nowhere": "401 404 404 404 404 | 401 404 404 404 404",
    "api:placement": "401 403 200 200 200 | 401 403 405 405 405",
    "api:placement-approve": "401 403 405 405 405 | 401 403 403 409 403",
    "api:placement-cancel": "401 403 405 405 405 | 401 403 200 403 403",
    "api:placement-check": "401 403 405 405 405 | 401 403 409 409 403",
    "api:placement-hand-over": "401 403 405 405 405 | 401 403 200 200 403",
    "api:placement-plan": "401 403 200 200 200 | 401 403 405 405 405",
    "api:placement-plan-again": "401 403 405 405 405 | 401 403 202 202 403",
    "api:placement-reject": "401 403 405 405 405 | 401 403 403 409 403",
    "api:placement-repair": "401 403 405 405 405 | 401 403 409 409 403",
    "api:placement-retire": "401 403 405 405 405 | 401 403 409 409 403",
    "api:placement-withdraw": "401 403 405 405 405 | 401 403 200 403 403",
    "api:placements": "401 403 200 200 200 | 401 403 400 400 403",
    "api:people": "401 403 200 200 200 | 401 403 403 201 403",
    "api:person": "401 403 404 200 200 | 401 403 405 405 405",
    "api:person-activate": "401 403 405 405 405 | 401 403 403 409 403",
    "api:person-deactivate": "401 403 405 405 405 | 401 403 403 200 403",
    "api:person-link": "401 403 405 405 405 | 401 403 403 200 403",
    "api:person-roles": "401 403 405 405 405 | 401 403 405 405 405",
    "api:plan": "401 403 200 200 200 | 401 403 405 405 405",
    "api:plan-approve": "401 403 405 405 405 | 401 403 403 409 403",
    "api:plan-go-ahead": "401 403 405 405 405 | 401 403 403 403 403",
    "api:plan-reject": "401 403 405 405 405 | 401 403 403 409 403",
    "api:plan-withdraw": "401 403 405 405 405 | 401 403 200 403 403",
    "api:plane": "401 403 200 200 200 | 401 403 405 405 405",
    "api:plane-check": "401 403 405 405 405 | 401 403 403 202 403",
    "api:plane-disable": "401 403 405 405 405 | 401 403 403 202 403",
    "api:plane-enable": "401 403 405 405 405 | 401 403 403 202 403",
    "api:plane-installer": "401 403 405 405 405 | 401 403 405 405 405",
    "api:planes": "401 403 200 200 200 | 401 403 405 405 405",
    "api:plans": "401 403 200 200 200 | 401 403 405 405 405",
    "api:profile": "401 403 200 200 200 | 401 403 405 405 405",
    "api:profiles": "401 403 200 200 200 | 401 403 403 201 403",
    "api:run": "401 403 200 200 200 | 401 403 405 405 405",
    "api:run-cancel": "401 403 405 405 405 | 401 403 409 409 403",
    "api:run-events": "401 403 200 200 200 | 401 403 405 405 405",
    "api:run-retry": "401 403 405 405 405 | 401 403 409 409 403",
    "api:run-steps": "401 403 200 200 200 | 401 403 405 405 405",
    "api:run-undo": "401 403 405 405 405 | 401 403 409 409 403",
    "api:runs": "401 403 200 200 200 | 401 403 405 405 405",
    "api:schema": "401 200 200 200 200 | 401 405 405 405 405",
    "api:step-check-again": "401 403 405 405 405 | 401 403 202 202 403",
    "api:team": "401 403 200 200 200 | 401 403 405 405 405",
    "api:team-member": "401 403 405 405 405 | 401 403 405 405 405",
    "api:team-members": "401 403 405 405 405 | 401 403 403 400 403",
    "api:teams": "401 403 200 200 200 | 401 403 403 201 403",
    "api:token": "401 405 405 405 405 | 400 400 400 400 400",
    "audit:access": "302 403 403 200 200 | 302 405 405 405 405",
    "audit:entry-detail": "302 404 404 200 200 | 302 405 405 405 405",
    "audit:entry-list": "302 200 200 200 200 | 302 405 405 405 405",
    "audit:export": "302 403 403 200 200 | 302 405 405 405 405",
    "fleet:plane-add": "302 403 200 200 200 | 302 403 403 400 403",
    "fleet:plane-add-draft": "302 404 404 200 404 | 302 404 404 400 404",
    "fleet:plane-check": "302 405 405 405 405 | 302 404 403 302 403",
    "fleet:plane-credential": "302 403 200 200 200 | 302 405 405 405 405",
    "fleet:plane-detail": "302 404 200 200 200 | 302 405 405 405 405",
    "fleet:plane-list": "302 200 200 200 200 | 302 405 405 405 405",
    "fleet:plane-installer": "302 405 405 405 405 | 302 404 403 409 403",
    "fleet:plane-switch": "302 405 405 405 405 | 302 404 403 302 403",
    "fleet:plane-save": "302 405 405 405 405 | 302 404 404 400 404",
    "fleet:rbac-copy": "302 405 405 405 405 | 302 403 403 302 403",
    "home": "302 200 200 200 200 | 302 405 405 405 405",
    "jobs:approvals": "302 404 200 200 200 | 302 405 405 405 405",
    "jobs:approvals-news": "302 404 200 200 204 | 302 405 405 405 405",
    "jobs:plan-again": "302 404 302 302 302 | 302 404 409 409 403",
    "jobs:policy": "302 404 200 200 200 | 302 405 405 405 405",
    "jobs:plan-approve": "302 404 302 302 302 | 302 404 403 400 403",
    "jobs:plan-detail": "302 404 200 200 200 | 302 405 405 405 405",
    "jobs:plan-go-ahead": "302 404 302 302 302 | 302 404 400 400 403",
    "jobs:plan-news": "302 404 200 200 200 | 302 405 405 405 405",
    "jobs:plan-reject": "302 404 302 302 302 | 302 404 403 409 403",
    "jobs:plan-withdraw": "302 404 302 302 302 | 302 404 302 403 403",
    "jobs:run-cancel": "302 404 302 302 302 | 302 404 409 409 403",
    "jobs:run-check-again": "302 404 302 302 302 | 302 404 302 302 403",
    "jobs:run-detail": "302 404 200 200 200 | 302 405 405 405 405",
    "jobs:run-events": "302 404 200 200 200 | 302 405 405 405 405",
    "jobs:run-grid": "302 404 200 200 200 | 302 405 405 405 405",
    "jobs:run-retry": "302 404 302 302 302 | 302 404 409 409 403",
    "jobs:run-undo": "302 404 302 302 302 | 302 404 409 409 403",
    "login": "200 302 302 302 302 | 200 302 302 302 302",
    "logout": "302 405 405 405 405 | 302 302 302 302 302",
    "networking:act": "302 403 403 200 403 | 302 403 403 400 403",
    "networking:blocks-propose": "302 403 403 200 403 | 302 403 403 302 403",
    "networking:blocks-release": "302 405 405 405 405 | 302 403 403 302 403",
    "networking:profile-detail": "302 404 200 200 200 | 302 405 405 405 405",
    "networking:profile-edit": "302 404 403 200 403 | 302 404 403 400 403",
    "networking:profile-list": "302 404 200 200 200 | 302 405 405 405 405",
    "networking:profile-new": "302 403 403 200 403 | 302 403 403 200 403",
    "networking:profile-new-of": "302 403 403 200 403 | 302 403 403 400 403",
    "networking:profile-version": "302 404 200 200 200 | 302 405 405 405 405",
    "networking:ranges-enter": "302 403 403 200 403 | 302 403 403 400 403",
    "networking:ranges-read": "302 405 405 405 405 | 302 403 403 302 403",
    "networking:ranges-remove": "302 405 405 405 405 | 302 403 403 302 403",
    "networking:section": "302 404 204 204 204 | 302 405 405 405 405",
    "networking:supernet-remove": "302 405 405 405 405 | 302 403 403 302 403",
    "networking:supernets": "302 403 403 200 403 | 302 403 403 400 403",
    "people:invite": "302 403 403 200 403 | 302 403 403 422 403",
    "people:person-activate": "302 405 405 405 405 | 302 403 403 409 403",
    "people:person-deactivate": "302 405 405 405 405 | 302 403 403 302 403",
    "people:person-detail": "302 404 404 200 200 | 302 405 405 405 405",
    "people:person-link": "302 405 405 405 405 | 302 403 403 200 403",
    "people:person-list": "302 302 302 200 200 | 302 405 405 405 405",
    "people:person-roles": "302 405 405 405 405 | 302 403 403 302 403",
    "people:set-password": "200 200 200 200 200 | 422 422 422 422 422",
    "people:set-password-new": "200 200 200 200 200 | 200 200 200 200 200",
    "people:team-add": "302 405 405 405 405 | 302 403 403 302 403",
    "people:team-delete": "302 405 405 405 405 | 302 403 403 409 403",
    "people:team-detail": "302 404 200 200 200 | 302 405 405 405 405",
    "people:team-new": "302 405 405 405 405 | 302 403 403 422 403",
    "people:team-remove": "302 405 405 405 405 | 302 403 403 302 403",
    "people:team-rename": "302 405 405 405 405 | 302 403 403 422 403",
    "placements:addresses": "302 405 405 405 405 | 302 404 409 409 403",
    "placements:addresses-take": "302 405 405 405 405 | 302 404 409 409 403",
    "placements:addresses-told": "302 405 405 405 405 | 302 404 302 302 403",
    "placements:cancel": "302 405 405 405 405 | 302 404 302 403 403",
    "placements:check": "302 405 405 405 405 | 302 404 409 409 403",
    "placements:connection-env": "302 404 404 404 404 | 302 405 405 405 405",
    "placements:detail": "302 404 200 200 200 | 302 405 405 405 405",
    "placements:edit": "302 404 200 200 403 | 302 404 422 422 403",
    "placements:hand-over": "302 404 200 200 403 | 302 404 422 422 403",
    "placements:list": "302 200 200 200 200 | 302 405 405 405 405",
    "placements:new": "302 403 200 200 403 | 302 403 422 422 403",
    "placements:plan": "302 404 302 302 302 | 302 405 405 405 405",
    "placements:plan-again": "302 405 405 405 405 | 302 404 302 302 403",
    "placements:preview": "302 403 200 200 403 | 302 403 200 200 403",
    "placements:repair": "302 405 405 405 405 | 302 404 409 409 403",
    "placements:retire": "302 404 409 409 403 | 302 404 409 409 403",
    "search": "302 200 200 200 200 | 302 405 405 405 405",
    "set_language": "302 302 302 302 302 | 302 302 302 302 302",
}


class Route(NamedTuple):
    """A route by its name, and its address in the world of these tests."""

    name: str
    pattern: str


def _routes(patterns: list[URLPattern | URLResolver], before: str = "", space: str = "") -> Iterator[Route]:
    for one in patterns:
        pattern = before + str(one.pattern)
        if isinstance(one, URLResolver):
            inner = f"{space}{one.namespace}:" if one.namespace else space
            yield from _routes(one.url_patterns, pattern, inner)
        else:
            yield Route(f"{space}{one.name}", pattern)


ROUTES = {route.name: route for route in _routes(get_resolver().url_patterns)}
OBJECTS: dict[str, Callable[[], int | str]] = {
    "people/<int:pk>": lambda: User.objects.get(username="the-other").pk,
    "teams/<int:pk>": lambda: Team.objects.get().pk,
    "<int:person>": lambda: User.objects.get(username="the-other").pk,
    "placements/<int:pk>": lambda: Placement.objects.get().pk,
    "plans/<int:pk>": lambda: Placement.objects.get().plans()[0].pk,
    "runs/<int:pk>": lambda: Run.objects.get().pk,
    "networks/<int:pk>": lambda: Profile.objects.get().pk,
    "ranges/<int:pk>": lambda: AddressFact.objects.get().pk,
    "supernets/<int:pk>": lambda: Supernet.objects.get().pk,
    "acts/<slug:slug>": lambda: next(iter(ACTS)).slug,
    "parts/<slug:slug>": lambda: next(iter(SECTIONS)).slug,
    "kubeconfig-drafts/<int:pk>": lambda: KubeconfigDraft.objects.get().pk,
    "<int:draft>": lambda: KubeconfigDraft.objects.get().pk,
    "<int:version>": lambda: 1,
    "<int:seq>": lambda: 1,
    "<int:position>": lambda: 0,
    "<slug:kind>": lambda: "cilium_mesh",
    "<slug:name>": lambda: "mesh",
    "<path:name>": lambda: "k8s-1",
    "<path:rest>": lambda: "nothing/here/",
}


def _address(pattern: str) -> str:
    for part, value in OBJECTS.items():
        before, _less, placeholder = part.rpartition("<")
        pattern = pattern.replace(part, f"{before}{value()}" if placeholder else part)
    assert "<" not in pattern, f"say in OBJECTS what stands for the parameters of {pattern}"
    return "/" + pattern


@contextmanager
def _undone() -> Iterator[None]:
    """Undo what happens in the block, so that all roles meet the same world."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # refusals insist on a transaction of their own
    with block:
        yield
        transaction.set_rollback(True)


@pytest.fixture
def sessions(world: None) -> dict[str, str]:
    """Return a session per role, "" for somebody who is not signed in."""
    found = {"anonymous": ""}
    for role in ROLES[1:]:
        client = signed_in(person(f"the-{role}", *([] if role == "nobody" else [role])))
        found[role] = client.cookies[settings.SESSION_COOKIE_NAME].value
    return found


def _answer(client: Client, session: str, method: str, route: Route) -> HttpResponseBase:
    body = BODIES.get(route.name, {})
    json_ = route.name.startswith("api:")
    data, kind = (json.dumps(body), JSON) if json_ else (urlencode(body), FORM)
    client.cookies.clear()
    client.cookies[settings.SESSION_COOKIE_NAME] = session
    address = _address(route.pattern)
    with _undone():
        return client.get(address) if method == "GET" else client.post(address, data, content_type=kind)


@pytest.fixture
def world(db: None) -> None:
    """One of everything."""
    a_fleet()
    a_profile()
    somebody = person("the-other", "dba")
    AddressFact.objects.create(plane=Plane.objects.get(name="k8s-1"), what="clients", entered_by=somebody)
    Supernet.objects.create(range="10.0.0.0/8", block=16, made_by=somebody)
    Membership.objects.create(team=Team.objects.create(name="shop"), person=person("the-other", "dba"))
    made_ready(a_placement(by=person("the-dba", "dba")))
    context = {"name": "k8s-4", "accepted": True, "server": "https://127.0.0.1:4", "user_kind": "token",
               "expires_at": None, "findings": []}  # fmt: skip
    KubeconfigDraft.objects.create(owner=person("the-admin", "admin"), contexts=[context])


def _line(client: Client, route: Route, sessions: dict[str, str]) -> str:
    get, post = (
        " ".join(str(_answer(client, sessions[role], method, route).status_code) for role in ROLES)
        for method in ("GET", "POST")
    )
    return f"{get} | {post}"


def test_every_route_has_a_line_and_every_line_a_route() -> None:
    assert set(EXPECTED) == set(ROUTES)


def test_everybody_gets_what_the_table_says(client: Client, sessions: dict[str, str]) -> None:
    found = {name: _line(client, route, sessions) for name, route in ROUTES.items()}
    assert {name: line for name, line in found.items() if line != EXPECTED.get(name)} == {}


def test_somebody_who_is_not_signed_in_is_sent_to_the_sign_in_page_or_told_by_the_api(
    client: Client, world: None
) -> None:
    for name, route in ROUTES.items():
        for method in ("GET", "POST") if name not in PUBLIC else ():
            answer = _answer(client, "", method, route)
            sent = answer.headers.get("Location", "").startswith("/sign-in/")
            assert sent or answer.headers.get("WWW-Authenticate") == "Token", (name, method)
