"""A scripted server and a client that talks to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.credentials import PlaneCredential
from tests.k8s.server import Authority, Script, Server

TOKEN = "canary-token-0123456789"


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def server(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(Path(tmp_path_factory.mktemp("server")), authority) as running:
        yield running


@pytest.fixture
def script(server: Server) -> Script:
    server.script.then()
    return server.script


MakeClient = Callable[..., PlaneClient]


@pytest.fixture
def connect(server: Server) -> Iterator[MakeClient]:
    """Return a function that makes clients of the server; they are closed at the end."""
    made: list[PlaneClient] = []

    def make(credential: PlaneCredential | None = None, **options: Any) -> PlaneClient:
        given = credential or PlaneCredential(server.url, server.authority.pem, token=TOKEN)
        made.append(PlaneClient("k8s-1", given, **{"allow_loopback": True, **options}))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(connect: MakeClient) -> PlaneClient:
    return connect()
