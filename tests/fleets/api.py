"""A plain client for tests: any method, any path, the answer as it is."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import urllib3

from kbconsole.k8s.credentials import PlaneCredential

Object = dict[str, Any]
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True)
class Answer:
    """A status code, the body as JSON (else text), and the headers; `warnings` as the server sent them."""

    code: int
    body: Any
    headers: urllib3.HTTPHeaderDict

    @property
    def warnings(self) -> list[str]:
        return list(self.headers.getlist("Warning"))


class Api:
    """One user on one API server, without any client library. Safe from several threads."""

    def __init__(self, credential: PlaneCredential, *, timeout: float = 10) -> None:
        self._server = credential.server
        self._token = credential.token
        self._pool = urllib3.PoolManager(
            ssl_context=ssl.create_default_context(cadata=credential.ca_pem),
            timeout=timeout, maxsize=8, block=False, retries=False,
        )  # fmt: skip

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        kind: str = "",
        accept: str = "application/json",
        token: str | None = None,
        **query: Any,
    ) -> Answer:
        """Send a request; `token` "" sends none. Raises urllib3.exceptions.HTTPError."""
        sent = self._token if token is None else token
        headers = {"Accept": accept} | ({"Authorization": f"Bearer {sent}"} if sent else {})
        if kind or body is not None:
            headers["Content-Type"] = kind or "application/json"
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        address = self._server + path + (f"?{urlencode(query)}" if query else "")
        found = self._pool.request(method, address, body=raw, headers=headers)
        text = found.data.decode()
        is_json = "json" in found.headers.get("Content-Type", "")
        return Answer(found.status, json.loads(text) if is_json else text, found.headers)

    def get(self, path: str, **query: Any) -> Answer:
        return self.ask("GET", path, **query)

    def create(self, path: str, body: Object, **query: Any) -> Answer:
        return self.ask("POST", path, body, **query)

    def merge(self, path: str, body: Object, **query: Any) -> Answer:
        return self.ask("PATCH", path, body, kind=MERGE, **query)

    def apply(self, path: str, body: Object, manager: str = "kbconsole", **query: Any) -> Answer:
        return self.ask("PATCH", path, body, kind=APPLY, fieldManager=manager, **query)

    def delete(self, path: str, body: Object | None = None, **query: Any) -> Answer:
        return self.ask("DELETE", path, body, **query)

    def close(self) -> None:
        self._pool.clear()
