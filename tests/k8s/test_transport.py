"""Trouble on the way to a plane: what is tried again, what is not, and what a person reads."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kbconsole.k8s import transport
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.credentials import PlaneCredential
from kbconsole.k8s.errors import Rejected, Unauthorised, Unreachable
from kbconsole.k8s.kinds import CLUSTER_ROLE, CONFIG_MAP, POD
from tests.k8s.conftest import TOKEN, MakeClient
from tests.k8s.server import Authority, Script, Server, drops, endless, hangs, refuses, says, text

VERSION = says({"gitVersion": "v1.31.2"})
OBJECT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "db"}}


def test_a_dropped_read_is_tried_again(client: PlaneClient, script: Script) -> None:
    script.then(drops, VERSION)
    assert client.version() == "v1.31.2"


def test_a_dropped_write_is_not_sent_twice(client: PlaneClient, script: Script) -> None:
    script.then(drops)
    with pytest.raises(Unreachable) as caught:
        client.create(OBJECT)
    assert (caught.value.rung, len(script.asked)) == ("dropped", 1)
    with pytest.raises(Unreachable):
        client.delete(CONFIG_MAP, "a", "db")
    assert len(script.asked) == 2


def test_a_server_that_does_not_answer_ends_with_the_deadline(connect: MakeClient, script: Script) -> None:
    client = connect(read_timeout=0.2, deadline=0.7)
    script.then(hangs)
    started = time.monotonic()
    with pytest.raises(Unreachable) as caught:
        client.version()
    assert caught.value.rung == "timeout"
    assert time.monotonic() - started < 1.2
    assert 2 <= len(script.asked) <= 3
    assert "k8s-1 cannot be reached at https://127.0.0.1" in str(caught.value)
    for raw in ("urllib3", "HTTPSConnectionPool", "Read timed out", TOKEN):
        assert raw not in str(caught.value)


def test_an_answer_that_trickles_ends_with_the_deadline(connect: MakeClient, script: Script) -> None:
    script.then(endless(b"x", 0.02))
    started = time.monotonic()
    with pytest.raises(Unreachable) as caught:
        connect(deadline=0.5).version()
    assert caught.value.rung == "timeout"
    assert time.monotonic() - started < 1.5


def test_an_answer_without_end_is_cut(
    client: PlaneClient, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "ANSWER_LIMIT", 1 << 20)
    script.then(endless(b"x" * 65536))
    with pytest.raises(Rejected) as caught:
        client.version()
    assert caught.value.sentence.code == "k8s.answer_too_big"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again_and_then_named(
    client: PlaneClient, script: Script, status: int
) -> None:
    script.then(refuses(status, "Busy", "come back"), VERSION)
    assert client.version() == "v1.31.2"
    script.then(refuses(status, "Busy", "come back"))
    with pytest.raises(Rejected) as caught:
        client.version()
    assert (caught.value.retryable, caught.value.http_status, len(script.asked)) == (True, status, 3)
    assert "come back" in str(caught.value)


def test_retry_after_is_kept_but_never_beyond_the_deadline(connect: MakeClient, script: Script) -> None:
    script.then(refuses(429, "TooManyRequests", headers={"Retry_After": "1"}), VERSION)
    started = time.monotonic()
    connect().version()
    assert time.monotonic() - started >= 1
    script.then(refuses(429, "TooManyRequests", headers={"Retry_After": "3600"}))
    started = time.monotonic()
    with pytest.raises(Rejected):
        connect(deadline=2).version()
    assert time.monotonic() - started < 1
    assert len(script.asked) == 1


def test_a_busy_server_gets_a_write_only_once(client: PlaneClient, script: Script) -> None:
    script.then(refuses(503, "ServiceUnavailable"))
    with pytest.raises(Rejected):
        client.create(OBJECT)
    assert len(script.asked) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(client: PlaneClient, script: Script, server: Server, status: int) -> None:
    script.then(text("", status, Location=f"{server.url}/stolen"))
    with pytest.raises(Rejected) as caught:
        client.create(OBJECT)
    assert caught.value.sentence.code == "k8s.redirected"
    assert "never followed" in str(caught.value)
    assert [asked.path for asked in script.asked] == ["/api/v1/namespaces/db/configmaps"]


@pytest.mark.parametrize("body", ["<html>hello</html>", "[]", '"x"', "[" * 5000])
def test_an_answer_that_is_no_object_is_refused(client: PlaneClient, script: Script, body: str) -> None:
    script.then(text(body))
    with pytest.raises(Rejected) as caught:
        client.get(CLUSTER_ROLE, "r")
    assert caught.value.sentence.code == "k8s.answer_unreadable"


def test_what_no_database_stores_is_not_let_in(client: PlaneClient, script: Script) -> None:
    said = r'{"a\u0000": "b\ud83d", "c": "\ud83d\ude00", "d": "\\u0000"}'
    script.then(text(f'{{"metadata": {{"name": "r", "uid": "u", "annotations": {said}}}}}'))
    read = client.get(CLUSTER_ROLE, "r")
    assert read
    assert read["metadata"]["annotations"] == {"a\ufffd": "b\ufffd", "c": "\U0001f600", "d": r"\u0000"}


def test_a_long_message_is_cut_and_made_one_line(client: PlaneClient, script: Script) -> None:
    script.then(refuses(422, "Invalid", "bad\n\x1b[31m " + "x" * 5000))
    with pytest.raises(Rejected) as caught:
        client.create(OBJECT)
    assert len(str(caught.value.sentence.params["message"])) == 300
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_nobody_listens(connect: MakeClient, authority: Authority) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    client = connect(PlaneCredential(f"https://127.0.0.1:{port}", authority.pem, token=TOKEN), deadline=1)
    with pytest.raises(Unreachable) as caught:
        client.version()
    assert (caught.value.rung, caught.value.retryable) == ("tcp", True)


def test_a_server_that_accepts_but_never_shakes_hands(connect: MakeClient, authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        client = connect(PlaneCredential(url, authority.pem, token=TOKEN), connect_timeout=0.2, deadline=0.6)
        started = time.monotonic()
        with pytest.raises(Unreachable) as caught:
            client.version()
    assert caught.value.rung == "timeout"
    assert time.monotonic() - started < 1


def test_a_name_that_does_not_resolve(connect: MakeClient, authority: Authority) -> None:
    client = connect(PlaneCredential("https://nothing.invalid:6443", authority.pem, token=TOKEN))
    with pytest.raises(Unreachable) as caught:
        client.version()
    assert caught.value.rung == "dns"
    assert "does not resolve" in str(caught.value)


def test_loopback_is_refused_unless_allowed(connect: MakeClient, server: Server, script: Script) -> None:
    script.then(VERSION)
    client = connect(allow_loopback=False)
    with pytest.raises(Unreachable) as caught:
        client.version()
    assert (caught.value.rung, caught.value.retryable) == ("refused", False)
    assert script.asked == []


def test_a_name_is_resolved_once_and_the_certificate_must_carry_it(
    connect: MakeClient, server: Server, script: Script, authority: Authority
) -> None:
    script.then(VERSION)
    client = connect(PlaneCredential(f"https://localhost:{server.port}", authority.pem, token=TOKEN))
    assert client.version() == "v1.31.2"
    assert script.asked[0].headers["Host"] == f"localhost:{server.port}"


def test_a_certificate_of_another_ca_is_named(connect: MakeClient, server: Server, script: Script) -> None:
    client = connect(PlaneCredential(server.url, Authority("other").pem, token=TOKEN))
    with pytest.raises(Unreachable) as caught:
        client.version()
    assert caught.value.rung == "tls"
    assert "not signed by the CA" in str(caught.value)
    assert script.asked == []


def test_a_certificate_of_another_name_is_named(
    connect: MakeClient, server: Server, script: Script, authority: Authority
) -> None:
    wrong = PlaneCredential(server.url, authority.pem, token=TOKEN, tls_server_name="other.example")
    with pytest.raises(Unreachable) as caught:
        connect(wrong).version()
    assert "for another name" in str(caught.value)


@pytest.fixture
def expired(authority: Authority, tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path, authority, days=-1) as running:
        yield running


def test_an_expired_certificate_is_named(connect: MakeClient, expired: Server) -> None:
    with pytest.raises(Unreachable) as caught:
        connect(PlaneCredential(expired.url, expired.authority.pem, token=TOKEN)).version()
    assert "has expired" in str(caught.value)


@pytest.fixture
def wants_certificate(authority: Authority, tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path, authority, client_ca=True) as running:
        yield running


def test_a_client_certificate_is_shown_and_leaves_no_file(
    connect: MakeClient, wants_certificate: Server, authority: Authority
) -> None:
    wants_certificate.script.then(VERSION)
    cert, key = authority.issue("dba")
    credential = PlaneCredential(
        wants_certificate.url, authority.pem, client_cert_pem=cert, client_key_pem=key
    )
    assert connect(credential).version() == "v1.31.2"
    assert "Authorization" not in wants_certificate.script.asked[0].headers
    assert not [path for path in Path("/dev/shm").glob("kbconsole-*") if path.is_file()]


def test_a_server_that_wants_a_certificate_refuses_a_token(
    connect: MakeClient, wants_certificate: Server, authority: Authority
) -> None:
    with pytest.raises(Unreachable):
        connect(PlaneCredential(wants_certificate.url, authority.pem, token=TOKEN), deadline=1).version()


def test_many_threads_share_a_client_quietly(
    client: PlaneClient, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    script.then(says({"items": []}))
    with caplog.at_level(logging.DEBUG), ThreadPoolExecutor(24) as pool:
        assert list(pool.map(lambda _: client.list(POD), range(96))) == [[]] * 96
    assert "pool is full" not in caplog.text
    assert TOKEN not in caplog.text


def test_waiting_for_a_free_connection_ends_with_the_deadline(connect: MakeClient, script: Script) -> None:
    client = connect(deadline=0.4, read_timeout=0.3)
    script.then(hangs)
    started = time.monotonic()

    def rung(_: int) -> str:
        with pytest.raises(Unreachable) as caught:
            client.version()
        return caught.value.rung

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(rung, range(20))) == {"timeout"}
    assert time.monotonic() - started < 1.5


def test_proxies_of_the_environment_are_not_used(
    connect: MakeClient, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    script.then(VERSION)
    assert connect().version() == "v1.31.2"


def test_the_token_is_in_no_repr_and_no_error(client: PlaneClient, script: Script, server: Server) -> None:
    credential = PlaneCredential(server.url, server.authority.pem, token=TOKEN)
    script.then(refuses(401, "Unauthorized"))
    with pytest.raises(Unauthorised) as caught:
        client.version()
    for shown in (repr(credential), repr(client), repr(caught.value), repr(caught.value.__dict__)):
        assert TOKEN not in shown


@pytest.mark.parametrize("body", [{}, {"items": 7}, {"items": [7], "metadata": "x"}, {"resources": "x"}])
def test_an_answer_of_an_odd_shape_grants_and_proves_nothing(
    client: PlaneClient, script: Script, body: object
) -> None:
    script.then(says(body))
    with pytest.raises(Rejected):
        client.list(POD)  # an empty list would prove that everything is gone
    assert client.whoami() == {}
    assert client.can_i("get", resource="pods") is False
    assert client.serves("v1", "pods") is False
    assert client.version() == ""
