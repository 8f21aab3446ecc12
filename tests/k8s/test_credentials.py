"""What a credential tells about itself, and what it does not."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from kbconsole.k8s.credentials import PlaneCredential
from tests.k8s.server import Authority


def jwt(claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{body}.c2ln"


def test_it_survives_storage_and_shows_nothing(authority: Authority) -> None:
    given = PlaneCredential("https://a:1", authority.pem, token="canary")
    assert PlaneCredential.from_json(json.loads(json.dumps(given.to_json()))) == given
    assert "canary" not in repr(given)


def test_the_earliest_end_counts(authority: Authority) -> None:
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    token = jwt({"exp": int(soon.timestamp())})
    assert PlaneCredential("https://a:1", authority.pem, token=token).expires_at() == soon
    cert, key = authority.issue("dba", days=3)
    credential = PlaneCredential("https://a:1", authority.pem, client_cert_pem=cert, client_key_pem=key)
    assert credential.expires_at() is not None
    assert credential.expires_at() == credential.certificates()[1]["expires"]
    assert credential.certificates()[1]["subject"] == "CN=dba"


@pytest.mark.parametrize("claims", [{"exp": 10**30}, {"exp": "x"}, {"exp": None}, [], {}, 7, {"exp": 1e400}])
def test_an_odd_token_only_has_no_end(claims: object, authority: Authority) -> None:
    ca_end = PlaneCredential("https://a:1", authority.pem).expires_at()
    assert PlaneCredential("https://a:1", authority.pem, token=jwt(claims)).expires_at() == ca_end


def test_the_fingerprint_says_nothing_of_the_token(authority: Authority) -> None:
    one, two = (PlaneCredential("https://a:1", authority.pem, token=token) for token in ("x", "y"))
    assert one.fingerprint() == two.fingerprint()
    assert one.fingerprint() != PlaneCredential("https://b:1", authority.pem, token="x").fingerprint()


@pytest.mark.parametrize(("server", "token"), [("http://a:1", "x"), ("https://a:1", "canary\nx")])
def test_what_must_not_reach_a_request_is_refused_without_showing_it(server: str, token: str) -> None:
    with pytest.raises(ValueError, match=r"must be https|one line") as caught:
        PlaneCredential(server, "", token=token)
    assert "canary" not in str(caught.value)
