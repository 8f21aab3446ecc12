"""HTTP to one plane over the official client: time-outs, retries and limits; no redirects, no proxies."""

from __future__ import annotations

import contextlib
import os
import random
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException
from urllib3 import exceptions as lower

from kbconsole.common.sentences import Json
from kbconsole.k8s import storable
from kbconsole.k8s.addresses import AddressRefused, Endpoint, Rules
from kbconsole.k8s.answers import UNACCEPTED, failure
from kbconsole.k8s.credentials import PlaneCredential
from kbconsole.k8s.errors import KubeError, Rejected, Unreachable

USER_AGENT = "kbconsole/0.1"
ANSWER_LIMIT = 32 << 20
POOL_SIZE = 8
TRIES = 3
RETRY_AFTER_LIMIT = 5.0
_CHUNK = 1 << 16
_PATIENT = frozenset({429, 500, 502, 503, 504})
_NO_RETRIES = urllib3.Retry(
    total=None, connect=0, read=0, redirect=0, status=0, other=0,
    raise_on_redirect=False, raise_on_status=False, respect_retry_after_header=False,
)  # fmt: skip
"""None of urllib3's own: it would replay PUT and DELETE, and each try would have the whole time-out again."""


@dataclass(frozen=True)
class Request:
    """One call. `ref` names the object in errors; `repeatable`: sending it twice does what once does."""

    method: str
    path: str
    ref: Mapping[str, str]
    query: tuple[tuple[str, str], ...] = ()
    body: Json = None
    content_type: str = "application/json"
    repeatable: bool = False


@dataclass(frozen=True)
class Answer:
    """A complete answer of any status."""

    status: int
    body: bytes
    warnings: tuple[str, ...] = ()
    retry_after: float = 0.0

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


class Transport:
    """Calls to one plane. Safe from several threads, not across a fork: make it where it is used."""

    def __init__(
        self,
        plane: str,
        credential: PlaneCredential,
        *,
        connect_timeout: float,
        read_timeout: float,
        rules: Rules,
        unaccepted: str = UNACCEPTED,
    ) -> None:
        self.plane = plane
        self.server = credential.server
        self._unaccepted = unaccepted
        self.last_latency = 0.0
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._endpoint = Endpoint(credential.server, rules)
        self._slots = threading.BoundedSemaphore(POOL_SIZE)
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": USER_AGENT,
            "Host": self._endpoint.netloc,
        }
        if credential.token:
            self._headers["Authorization"] = f"Bearer {credential.token}"
        self._rest: Any = _api_client(credential, self._endpoint.host).rest_client  # untyped

    def close(self) -> None:
        self._rest.close()

    def pinned(self, credential: PlaneCredential, timeout: float = 5.0) -> PlaneCredential:
        """Return this server's credential with the address that was checked and answered in the place of the name.

        Raises AddressRefused, OSError, ValueError for a credential of another server.
        """
        if credential.server != self.server:
            raise ValueError(f"{self.plane}: not the server that was asked")
        server, address = self._endpoint.url(timeout)
        if address == self._endpoint.host:
            return credential
        name = credential.tls_server_name or self._endpoint.host
        return replace(credential, server=server, tls_server_name=name)

    def send(self, request: Request, until: float) -> Answer:
        """Send until there is an answer that is no passing trouble, or `until` (monotonic) comes.

        Returns answers of every status but 3xx. Raises Unreachable and Rejected.
        """
        for attempt in range(1, TRIES + 1):
            answer: Answer | None = None
            trouble: Unreachable | None = None
            try:
                answer = self._try(request, until)
                pause = answer.retry_after
                again = request.repeatable and answer.status in _PATIENT and not _hopeless(answer)
            except _Failed as failed:
                trouble, pause = failed.error, 0.0
                again = failed.unsent or (request.repeatable and failed.passing)
            pause = max(pause, 0.1 * 2**attempt * random.uniform(0.5, 1.0))  # noqa: S311  jitter
            if not again or attempt == TRIES or time.monotonic() + pause >= until:
                break
            time.sleep(pause)
        if trouble is not None:
            raise trouble
        assert answer is not None  # noqa: S101  one of both is there
        if 300 <= answer.status < 400:
            raise failure(self.plane, request.ref, answer.status, answer.body)
        return answer

    def expect(self, request: Request, until: float) -> tuple[dict[str, Any], Answer]:
        """Send and return the JSON object of a success with its answer. Raises a KubeError."""
        answer = self.send(request, until)
        if not answer.ok:
            raise self.failure(request, answer)
        return self.load(request, answer), answer

    def failure(self, request: Request, answer: Answer) -> KubeError:
        return failure(self.plane, request.ref, answer.status, answer.body, self._unaccepted)

    def load(self, request: Request, answer: Answer) -> dict[str, Any]:
        """Return the answer's JSON object. Raises Rejected for anything else."""
        with contextlib.suppress(ValueError, RecursionError):
            loaded = storable.loads(answer.body)
            if isinstance(loaded, dict):
                return loaded
        raise Rejected(
            "k8s.answer_unreadable",
            plane=self.plane,
            ref=request.ref,
            reason="Unreadable",
            http_status=answer.status,
        )

    def _try(self, request: Request, until: float) -> Answer:
        if not self._slots.acquire(timeout=max(until - time.monotonic(), 0.0)):
            raise self._failed("timeout", request)
        try:
            return self._exchange(request, until)
        finally:
            self._slots.release()

    def _exchange(self, request: Request, until: float) -> Answer:
        base, address = self._resolved(request, until)
        url = base + request.path + (f"?{urlencode(request.query)}" if request.query else "")
        headers = dict(self._headers)
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        left = max(until - time.monotonic(), 0.1)
        timeouts = (min(self._connect_timeout, left), min(self._read_timeout, left))
        started = time.monotonic()
        response: Any = None
        try:
            response = self._rest.request(
                request.method, url, headers=headers, body=request.body, _request_timeout=timeouts
            ).response
            answer = self._read(request, response, until)
        except (lower.HTTPError, ApiException, OSError) as error:
            if response is not None:
                response.close()
            rung, why, unsent = _rung(error)
            if unsent:
                self._endpoint.failed(address)
            raise self._failed(rung, request, why=why, unsent=unsent) from None
        self.last_latency = time.monotonic() - started
        return answer

    def _resolved(self, request: Request, until: float) -> tuple[str, str]:
        try:
            return self._endpoint.url(min(self._connect_timeout, until - time.monotonic()))
        except AddressRefused as refused:
            raise self._failed("refused", request, address=refused.address, rule=refused.rule) from None
        except OSError:
            raise self._failed("dns", request) from None

    def _read(self, request: Request, response: Any, until: float) -> Answer:
        """Read the body piece by piece, so that neither its size nor its pace can hold a worker."""
        pieces: list[bytes] = []
        size = 0
        while piece := response.read1(_CHUNK, decode_content=False):
            pieces.append(piece)
            size += len(piece)
            if size > ANSWER_LIMIT:
                response.close()
                raise Rejected(
                    "k8s.answer_too_big", plane=self.plane, ref=request.ref, reason="TooBig",
                    http_status=response.status, limit=ANSWER_LIMIT >> 20,
                )  # fmt: skip
            if time.monotonic() > until:
                raise lower.ReadTimeoutError(None, "", "")  # type: ignore[arg-type]
        response.release_conn()
        return Answer(
            status=response.status,
            body=b"".join(pieces),
            warnings=tuple(_warnings(response.headers.getlist("Warning"))),
            retry_after=_retry_after(response.headers.get("Retry-After", "")),
        )

    def _failed(
        self, rung: str, request: Request, *, why: str = "", unsent: bool = False, **params: Any
    ) -> _Failed:
        error = Unreachable(
            plane=self.plane, server=self.server, rung=rung, why=why, ref=request.ref, **params
        )
        return _Failed(error, unsent)


class _Failed(Exception):
    """A try without an answer. `unsent`: nothing of the request left this host, so it may be repeated."""

    def __init__(self, error: Unreachable, unsent: bool) -> None:
        super().__init__(error.rung)
        self.error = error
        self.unsent = unsent
        self.passing = error.rung in ("timeout", "dropped")


def _hopeless(answer: Answer) -> bool:
    """A 500 about a field that the server does not know stays one."""
    return answer.status == 500 and b"field not declared in schema" in answer.body


def _api_client(credential: PlaneCredential, host: str) -> ApiClient:
    configuration = Configuration(host=credential.server, ca_cert_data=credential.ca_pem)
    configuration.proxy = None  # the constructor took it from the environment
    api = ApiClient(configuration)
    api.rest_client.pool_manager = urllib3.PoolManager(
        ssl_context=_ssl_context(credential),
        server_hostname=credential.tls_server_name or host,
        retries=_NO_RETRIES,
        maxsize=POOL_SIZE,
    )
    return api


def _ssl_context(credential: PlaneCredential) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # as Go does: what the kubeconfig names is trusted
    context.load_verify_locations(cadata=credential.ca_pem)
    if credential.client_cert_pem:
        with _private_file(credential.client_cert_pem + "\n" + credential.client_key_pem) as path:
            context.load_cert_chain(path)
    return context


@contextlib.contextmanager
def _private_file(text: str) -> Iterator[Path]:
    """Yield a file that only this user can read, in memory where that is possible; it is gone afterwards."""
    memory = Path("/dev/shm")  # noqa: S108  mkstemp makes the file with O_EXCL and mode 0600
    folder = str(memory) if os.access(memory, os.W_OK) else None
    handle, name = tempfile.mkstemp(prefix="kbconsole-", dir=folder)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _rung(error: BaseException) -> tuple[str, str, bool]:
    """Return how far a failed try got, why if there is more to say than that, and whether it was unsent."""
    if isinstance(error, lower.MaxRetryError) and error.reason is not None:
        return _rung(error.reason)
    if isinstance(error, ApiException):
        return "tls", _tls_why(error.__context__), False
    if isinstance(error, lower.NameResolutionError):
        return "dns", "", False
    if isinstance(error, lower.ConnectTimeoutError):
        return "tcp", "", True
    if isinstance(error, lower.NewConnectionError):
        return "tcp", "", True
    if isinstance(error, lower.SSLError | ssl.SSLError):
        return "tls", _tls_why(error), False
    if isinstance(error, lower.ReadTimeoutError | TimeoutError):
        return "timeout", "", False
    return "dropped", "", False


def _tls_why(error: BaseException | None) -> str:
    """Return the code of the sentence for a certificate that does not verify."""
    seen = 0
    while error is not None and seen < 8:
        if isinstance(error, ssl.SSLCertVerificationError):
            names = {10: "tls_expired", 62: "tls_name", 64: "tls_name"}
            return names.get(error.verify_code, "tls_untrusted")
        inner = error.args[0] if error.args and isinstance(error.args[0], BaseException) else None
        error, seen = inner or error.__cause__ or error.__context__, seen + 1
    return ""


def _warnings(headers: list[str]) -> Iterator[str]:
    """Yield the texts of `Warning: 299 - "text"` headers."""
    for header in headers[:20]:
        _, quote, rest = header.partition('"')
        yield (rest.rpartition('"')[0] if quote else header)[:300].replace('\\"', '"')


def _retry_after(value: str) -> float:
    return min(float(value), RETRY_AFTER_LIMIT) if value.isascii() and value.isdigit() else 0.0
