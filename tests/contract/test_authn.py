"""Who is let in at all."""

from __future__ import annotations

import pytest

from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.credentials import PlaneCredential
from kbconsole.k8s.errors import Unauthorised
from tests.contract.conftest import Case

NAMESPACES = "/api/v1/namespaces"


def test_an_unknown_token_is_401(case: Case) -> None:
    answer = case.raw().ask("GET", NAMESPACES, token="wrong")
    assert (answer.code, answer.reason, answer.message) == (401, "Unauthorized", "Unauthorized")
    assert "details" not in answer.body
    case.note({key: answer.headers.get(key) for key in ("Content-Type", "WWW-Authenticate", "Retry-After")})


def test_an_unknown_token_is_401_even_where_nobody_needs_one(case: Case) -> None:
    for path in ("/version", "/readyz", "/nonsense"):
        assert case.raw().ask("GET", path, token="wrong").code == 401


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Basic YTpi", "nonsense", "Digest x=y"])
def test_what_is_no_bearer_token_is_as_good_as_none(case: Case, header: str) -> None:
    answer = case.raw().sending(Authorization=header).ask("GET", NAMESPACES, token="")
    assert (answer.code, answer.reason) == (403, "Forbidden")
    assert 'User "system:anonymous" cannot list resource "namespaces"' in answer.message


def test_the_scheme_may_be_written_small(case: Case) -> None:
    raw = case.raw("nobody")
    small = raw.sending(Authorization=f"bearer {raw.credential.token}")
    assert 'User "nobody"' in small.ask("GET", NAMESPACES, token="").message


@pytest.mark.parametrize("path", ["/readyz", "/livez", "/healthz"])
def test_health_is_public(case: Case, path: str) -> None:
    answer = case.raw().ask("GET", path, token="")
    assert (answer.code, answer.body) == (200, "ok")


def test_the_version_is_public(case: Case) -> None:
    answer = case.raw().quiet.ask("GET", "/version", token="")
    assert answer.code == 200
    shown = {key: answer.body[key] for key in ("major", "minor", "gitVersion", "platform")}
    assert shown["gitVersion"].startswith("v1.36.")
    case.note(shown)


@pytest.mark.parametrize(
    "path", ["/api", "/apis", "/", "/metrics", "/openapi/v2", "/nonsense", "/readyz/ping", "/healthz/"]
)
def test_nothing_else_is(case: Case, path: str) -> None:
    answer = case.raw().ask("GET", path, token="")
    assert (answer.code, answer.reason) == (403, "Forbidden")
    assert answer.message == f'forbidden: User "system:anonymous" cannot get path "{path}"'


def test_nobody_may_not_even_ask_who_he_is(case: Case) -> None:
    raw = case.raw()
    for group, plural in (
        ("authentication", "selfsubjectreviews"),
        ("authorization", "selfsubjectaccessreviews"),
    ):
        answer = raw.ask("POST", f"/apis/{group}.k8s.io/v1/{plural}", {}, token="")
        assert (answer.code, answer.reason) == (403, "Forbidden")
    assert raw.ask("POST", "/version", {}, token="").code == 403


def test_the_console_calls_it_unauthorised(case: Case) -> None:
    known = case.raw().credential
    stolen = PlaneCredential(server=known.server, ca_pem=known.ca_pem, token="stolen")
    client = PlaneClient("k8s-1", stolen, allow_loopback=True)
    with pytest.raises(Unauthorised) as raised:
        client.version()
    client.close()
    assert raised.value.http_status == 401
    case.note(raised.value.sentence.to_json())
