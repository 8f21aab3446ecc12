"""Sign-ins, refusals and where a request came from."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import include, path
from django.utils.translation import gettext_lazy as _
from pytest_django import Settings

from kbconsole.audit.context import acting_by_token, client_ip, current
from kbconsole.audit.models import Entry
from kbconsole.audit.services import record, recording_denials
from kbconsole.common.errors import Refused
from kbconsole.common.sentences import declare

declare({"access_tests.did": _("%(actor)s did it."), "access_tests.no": _("You asked for it yourself.")})
PASSWORD = "correct horse battery"


def approve(request: HttpRequest) -> HttpResponse:
    with transaction.atomic():
        record("access_tests.did", by=request.user)
        raise Refused("access_tests.no")


def approve_recorded(request: HttpRequest) -> HttpResponse:
    with recording_denials("access_tests.did", by=request.user):
        return approve(request)


def answer_as_the_api_does(request: HttpRequest) -> HttpResponse:
    acting_by_token()
    response = HttpResponse(status=403)
    response.refused = Refused("access_tests.no")  # type: ignore[attr-defined]
    return response


urlpatterns = [
    path("api-like/", answer_as_the_api_does, name="api-like"),
    path("approve/", approve, name="approve"),
    path("approve-recorded/", approve_recorded),
    path("", include("kbconsole.urls")),
]


@pytest.fixture
def dora(db: None) -> User:
    return User.objects.create_user("dora", password=PASSWORD)


def last() -> Entry:
    return Entry.objects.latest("seq")


def test_a_sign_in_and_a_sign_out_are_recorded_with_their_address(client: Client, dora: User) -> None:
    form = {"username": "dora", "password": PASSWORD, "next": "/audit/"}
    client.post("/sign-in/", form, REMOTE_ADDR="192.0.2.7")
    assert str(last().sentence) == "dora signed in."
    assert (last().actor, last().source_ip, last().object_kind) == (dora.pk, "192.0.2.7", "user")
    client.post("/sign-out/")
    assert str(last().sentence) == "dora signed out."


def test_a_failed_sign_in_is_recorded_by_name_and_never_with_the_password(client: Client, dora: User) -> None:
    client.post("/sign-in/", {"username": "dora", "password": "swordfish-canary"})
    assert str(last().sentence) == "Somebody tried to sign in as dora and was not let in."
    assert (last().outcome, last().actor) == ("failure", None)
    assert "swordfish-canary" not in str(list(Entry.objects.values()))


@pytest.mark.urls("tests.audit.test_access")
def test_a_refusal_in_a_view_is_a_403_with_its_sentence_and_one_entry(client: Client, dora: User) -> None:
    client.force_login(dora)
    response = client.post("/approve/")
    assert response.status_code == 403
    assert "You asked for it yourself." in response.content.decode()
    assert not Entry.objects.filter(act="access_tests.did").exists()
    assert str(last().sentence) == "dora was refused at approve (POST): You asked for it yourself."
    assert (last().outcome, last().request_id) == ("denied", response["X-Request-ID"])


@pytest.mark.urls("tests.audit.test_access")
def test_a_refusal_that_the_caller_recorded_is_not_recorded_twice(client: Client, dora: User) -> None:
    client.force_login(dora)
    before = Entry.objects.count()
    assert client.post("/approve-recorded/").status_code == 403
    assert Entry.objects.count() == before + 1
    assert str(last().sentence) == "Refused: “dora did it.” You asked for it yourself."


@pytest.mark.urls("tests.audit.test_access")
def test_a_refusal_by_the_api_is_recorded_with_the_way_of_signing_in(client: Client, dora: User) -> None:
    client.force_login(dora)
    client.post("/api-like/")
    assert str(last().sentence) == "dora was refused at api-like (POST): You asked for it yourself."
    assert (last().actor_kind, last().outcome) == ("api_token", "denied")
    assert current().kind == "user"


def test_each_answer_has_a_request_id_of_our_own(client: Client, db: None) -> None:
    one, two = (client.get("/sign-in/", headers={"X-Request-ID": "forged"})["X-Request-ID"] for _turn in "12")
    assert one != two
    assert re.fullmatch("[0-9a-f]{32}", one)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "10.9.9.9, 203.0.113.9", "203.0.113.9"),
        (2, "10.9.9.9, 203.0.113.9, 192.0.2.2", "203.0.113.9"),
        (1, "", "192.0.2.1"),
        (1, "<script>", "192.0.2.1"),
        (1, "2001:db8::1", "2001:db8::1"),
    ],
)
def test_only_our_own_proxies_are_believed(
    settings: Settings, proxies: int, forwarded: str, address: str
) -> None:
    settings.KBCONSOLE_TRUSTED_PROXIES = proxies
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = RequestFactory(REMOTE_ADDR="192.0.2.1", headers=headers).get("/")
    assert client_ip(request) == address
