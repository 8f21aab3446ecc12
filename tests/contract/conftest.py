"""One suite, two backends: a case makes calls, and what it is answered must be the same on both.

A case takes `case` (and parameters of `parametrize`), no other fixture. It runs on the embedded servers or,
where `KUBEBUILDER_ASSETS` names their binaries, on real ones too: there it is told twice, on both, and the two stories
are compared whole, since an answer that nobody thought of asserting must be the same too.
"""

from __future__ import annotations

import http.client
import json
import secrets
import ssl
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

import pytest

from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.k8s.client import Applied, PlaneClient
from kbconsole.k8s.credentials import PlaneCredential
from kbconsole.k8s.errors import Forbidden, KubeError
from tests.contract.transcript import Transcript, difference
from tests.fleets import binaries

Object = dict[str, Any]
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
LINES = ("0.9", "1.0")
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. `body` is JSON where the server says so, else text."""

    code: int
    body: Any
    headers: Mapping[str, str]
    warnings: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        return str(self.body["metadata"]["resourceVersion"])

    @property
    def uid(self) -> str:
        return str(self.body["metadata"]["uid"])

    @property
    def reason(self) -> str:
        return str(self.body.get("reason", ""))

    @property
    def message(self) -> str:
        return str(self.body.get("message", ""))

    @property
    def causes(self) -> list[Object]:
        return list(self.body.get("details", {}).get("causes", []))

    @property
    def kept(self) -> Object:
        """The answer as a transcript keeps it."""
        kind = self.headers.get("Content-Type", "").split(";")[0]
        return {"code": self.code, "body": self.body, "type": kind, "warnings": list(self.warnings)}


@dataclass(frozen=True)
class Raw:
    """One user on one plane, without any client library. What it is answered goes into the transcript."""

    credential: PlaneCredential
    transcript: Transcript | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def sending(self, **headers: str) -> Raw:
        """The same, with these request headers; an underscore stands for a hyphen."""
        return replace(
            self, headers=tuple((name.replace("_", "-"), value) for name, value in headers.items())
        )

    @property
    def quiet(self) -> Raw:
        """The same, unrecorded: for polls, and for what depends on the rest of the server."""
        return replace(self, transcript=None)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        kind: str = "",
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        **query: Any,
    ) -> Answer:
        """Send bytes as they are, anything else as JSON. `kind` is the content type, `token` "" is nobody."""
        sent = self.credential.token if token is None else token
        given = {"Authorization": f"Bearer {sent}"} if sent else {}
        if kind or body is not None:
            given["Content-Type"] = kind or "application/json"
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        full = f"{path}?{urlencode(query)}" if query else path
        answer = self._exchange(
            method, full, raw, {**given, "User-Agent": "contract/1", **dict(self.headers), **(headers or {})}
        )
        if self.transcript is not None:
            self.transcript.add({"asked": f"{method} {full}", **answer.kept})
        return answer

    def _exchange(self, method: str, path: str, raw: bytes | None, headers: dict[str, str]) -> Answer:
        context = ssl.create_default_context(cadata=self.credential.ca_pem)
        address = urlsplit(self.credential.server)
        host, port = address.hostname or "", address.port
        with closing(http.client.HTTPSConnection(host, port, context=context, timeout=20)) as connection:
            connection.request(method, path, raw, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        is_json = answer.headers.get_content_type() == "application/json"
        warnings = tuple(answer.headers.get_all("Warning", []))
        return Answer(answer.status, json.loads(text) if is_json else text, dict(answer.headers), warnings)

    def get(self, path: str, **query: Any) -> Answer:
        return self.ask("GET", path, **query)

    def apply(self, path: str, body: Any, manager: str = "kbconsole", **query: Any) -> Answer:
        return self.ask("PATCH", path, body, kind=APPLY, fieldManager=manager, **query)

    def create(self, path: str, body: Any, **query: Any) -> Answer:
        return self.ask("POST", path, body, **query)

    def put(self, path: str, body: Any, **query: Any) -> Answer:
        return self.ask("PUT", path, body, **query)

    def merge(self, path: str, body: Any, **query: Any) -> Answer:
        return self.ask("PATCH", path, body, kind=MERGE, **query)

    def delete(self, path: str, body: Any = None, **query: Any) -> Answer:
        return self.ask("DELETE", path, body, **query)


class Recorded:
    """A PlaneClient whose results and errors go into the transcript."""

    def __init__(self, client: PlaneClient, transcript: Transcript) -> None:
        self._client, self._transcript = client, transcript

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._client, name)
        return partial(self._call, name, attribute) if callable(attribute) else attribute

    def _call(self, name: str, method: Callable[..., Any], /, *args: Any, **options: Any) -> Any:
        try:
            result = method(*args, **options)
        except KubeError as error:
            self._transcript.add({"called": name, "raised": _told(error)})
            raise
        kept = vars(result) if isinstance(result, Applied) else result
        self._transcript.add({"called": name, "returned": kept})
        return result


def _told(error: KubeError) -> Object:
    told = {"type": type(error).__name__, **error.sentence.to_json(), "reason": error.reason}
    told |= {"ref": error.ref, "status": error.http_status}
    return told | {"missing": error.missing if isinstance(error, Forbidden) else []}


@dataclass
class Case:
    """What a case works with. `name` is its own: fresh for every run, made equal in the transcript."""

    backend: str
    fleet_of: Callable[[str], Any]
    programs: frozenset[str] = frozenset()
    name: str = field(default_factory=lambda: f"c-{secrets.token_hex(4)}")
    transcript: Transcript = field(init=False)
    _clients: list[PlaneClient] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.transcript = Transcript(self.name)

    def raw(self, user: str = "admin", plane: str = "k8s-1", line: str = "0.9") -> Raw:
        """Return a user on a data plane."""
        return Raw(self.fleet_of(line).credential(plane, user), self.transcript)

    def control(self, line: str = "0.9", user: str = "admin") -> Raw:
        """Return a user on the control plane of a release line, with KubeBlocks' own definitions."""
        self._needs_definitions(line)
        return self.raw(user, "control-plane", line)

    def client(
        self, user: str = "admin", plane: str = "k8s-1", line: str = "0.9", **options: Any
    ) -> PlaneClient:
        """Return the console's own client for a plane."""
        if plane == "control-plane":
            self._needs_definitions(line)
        client = self.fleet_of(line).client(plane, user, **options)
        self._clients.append(client)
        return cast(PlaneClient, Recorded(client, self.transcript))

    def _needs_definitions(self, line: str) -> None:
        if self.backend == "real" and (why := binaries.why_no_definitions(line)):
            pytest.skip(why)

    def note(self, what: Any) -> None:
        """Put something that must be the same on both backends into the transcript."""
        self.transcript.add({"noted": what})

    def eventually(self, what: Callable[[], Any], seconds: float = 15) -> Any:
        """Return the first true answer. Ask through `Raw.quiet`: how often it takes is no part of the story."""
        until = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < until, "it did not come about"
            time.sleep(0.02)
        return found

    def namespace(self, name: str = "", plane: str = "k8s-1", line: str = "0.9") -> str:
        """Make a namespace of the case's own, unrecorded, and return its name."""
        name = name or self.name
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        assert self.raw(plane=plane, line=line).quiet.create("/api/v1/namespaces", body).code == 201
        return name

    def runs(self, program: str) -> bool:
        """Return whether a part of a control plane is there that not every folder of binaries has."""
        return self.backend == "embedded" or program in self.programs

    def needs(self, program: str) -> None:
        """Skip, by name, what cannot be without it."""
        if not self.runs(program):
            pytest.skip(f"{program} is not in KUBEBUILDER_ASSETS")

    def close(self) -> None:
        for client in self._clients:
            client.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where everything real is there, a case of the embedded servers alone tells nothing new."""
    whole = binaries.has(binaries.MANAGER) and not any(map(binaries.why_no_definitions, LINES))
    if binaries.why_no_servers() or not whole or "not real" in config.option.markexpr:
        return
    told_twice = [item for item in items if HERE in item.path.parents and _is_embedded(item)]
    config.hook.pytest_deselected(items=told_twice)
    gone = set(told_twice)
    items[:] = [item for item in items if item not in gone]


def _is_embedded(item: pytest.Item) -> bool:
    called_with = getattr(item, "callspec", None)
    return called_with is not None and called_with.params.get("case") == "embedded"


@pytest.fixture(scope="session")
def embedded_fleets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, EmbeddedFleet]]:
    """Embedded servers of both release lines, without controllers; cases use names of their own."""
    fleets = {}
    for line in LINES:
        state = tmp_path_factory.mktemp("contract") / "fleet.sqlite3"
        fleets[line] = EmbeddedFleet(state, line=line, spare=None, controllers=False, nodes=1)
        fleets[line].start()
    yield fleets
    for fleet in fleets.values():
        fleet.stop()


@pytest.fixture(
    params=["embedded", pytest.param("real", marks=[pytest.mark.real, pytest.mark.xdist_group("real")])]
)
def case(request: pytest.FixtureRequest, embedded_fleets: Mapping[str, EmbeddedFleet]) -> Iterator[Case]:
    """The case's servers: embedded, or real (skipped where there are none)."""
    embedded = Case("embedded", embedded_fleets.__getitem__)
    made = embedded
    if request.param == "real":
        made = Case("real", request.getfixturevalue("real_servers").fleet, _programs())
        request.node.twin = embedded
    yield made
    made.close()
    embedded.close()


def _programs() -> frozenset[str]:
    return frozenset({binaries.MANAGER} if binaries.has(binaries.MANAGER) else ())


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Tell a case of the real servers once more, on the embedded ones, and compare."""
    result = yield
    twin: Case | None = getattr(pyfuncitem, "twin", None)
    if twin is not None:
        arguments: Object = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
        pyfuncitem.obj(**{**arguments, "case": twin})
        if found := difference(arguments["case"].transcript, twin.transcript):
            pytest.fail(f"the servers differ:\n{found}", pytrace=False)
    return result
