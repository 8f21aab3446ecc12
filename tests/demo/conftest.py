"""Embedded fleets, and a plain HTTPS client that shows what the servers really answer."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from kbconsole.demo.fleet import EmbeddedFleet

Object = dict[str, Any]
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


@dataclass(frozen=True)
class Answer:
    code: int
    body: Any
    headers: dict[str, str]

    @property
    def version(self) -> str:
        return str(self.body["metadata"]["resourceVersion"])


@dataclass(frozen=True)
class Raw:
    """One user on one plane, without any client library."""

    fleet: EmbeddedFleet
    plane: str
    user: str = "admin"

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        kind: str = "",
        token: str | None = None,
        **query: str,
    ) -> Answer:
        credential = self.fleet.credential(self.plane, self.user)
        context = ssl.create_default_context(cadata=credential.ca_pem)
        address = urlsplit(credential.server)
        sent = credential.token if token is None else token
        headers = {"Authorization": f"Bearer {sent}"} if sent else {}
        if kind or body is not None:
            headers["Content-Type"] = kind or "application/json"
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        full = f"{path}?{urlencode(query)}" if query else path
        with closing(
            http.client.HTTPSConnection(address.hostname or "", address.port, context=context, timeout=5)
        ) as connection:
            connection.request(method, full, raw, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        is_json = answer.headers.get_content_type() == "application/json"
        return Answer(answer.status, json.loads(text) if is_json else text, dict(answer.headers))

    def get(self, path: str, **query: str) -> Answer:
        return self.ask("GET", path, **query)

    def apply(self, path: str, body: Object, manager: str = "kbconsole", **query: str) -> Answer:
        return self.ask("PATCH", path, body, kind=APPLY, fieldManager=manager, **query)

    def create(self, path: str, body: Object, **query: str) -> Answer:
        return self.ask("POST", path, body, **query)

    def merge(self, path: str, body: Object, **query: str) -> Answer:
        return self.ask("PATCH", path, body, kind=MERGE, **query)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedFleet]:
    """Servers without controllers, shared: tests use names of their own."""
    state: Path = tmp_path_factory.mktemp("embedded") / "fleet.sqlite3"
    fleet = EmbeddedFleet(state, planes=("k8s-1",), spare=None, controllers=False, nodes=1)
    fleet.start()
    yield fleet
    fleet.stop()


@pytest.fixture
def raw(servers: EmbeddedFleet) -> Raw:
    """The admin of a data plane."""
    return Raw(servers, "k8s-1")


@pytest.fixture
def control(servers: EmbeddedFleet) -> Raw:
    """The admin of the control plane."""
    return Raw(servers, servers.control_plane)


def wait_for(what: Callable[[], Any], seconds: float = 5) -> Any:
    """Return the first true answer; fails after a while."""
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.01)
    return found
