"""An HTTPS server on loopback that answers what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Key = ec.EllipticCurvePrivateKey


def new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: Key) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def cert_pem(cert: x509.Certificate) -> str:
    return cert.public_bytes(serialization.Encoding.PEM).decode()


def certificate(
    name: str,
    key: Key,
    *,
    issuer: tuple[str, Key] | None = None,
    names: tuple[str, ...] = (),
    days: int = 365,
    ca: bool = False,
) -> x509.Certificate:
    """Make a certificate that ends in `days` days (negative: expired); self-signed without an issuer."""

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    issuer_name, issuer_key = issuer or (name, key)
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer_name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - datetime.timedelta(days=400))
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if names:
        san = x509.SubjectAlternativeName([_general_name(text) for text in names])
        builder = builder.add_extension(san, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


class Authority:
    """A CA of the tests."""

    def __init__(self, name: str = "test ca") -> None:
        self.name = name
        self.key = new_key()
        self.cert = certificate(name, self.key, ca=True)
        self.pem = cert_pem(self.cert)

    def issue(self, name: str, *, names: tuple[str, ...] = (), days: int = 365) -> tuple[str, str]:
        """Return certificate and key, both PEM."""
        key = new_key()
        cert = certificate(name, key, issuer=(self.name, self.key), names=names, days=days)
        return cert_pem(cert), key_pem(key)


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Script:
    """Answers in order; the last one stays. `asked` is what came in."""

    answers: list[Handler] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def then(self, *answers: Handler) -> None:
        self.answers = list(answers)
        self.asked.clear()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        self.asked.append(
            Asked(
                request.method,
                request.raw_path.partition("?")[0],
                dict(request.query),
                dict(request.headers),
                body,
            )
        )
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request)


def says(body: Any = None, status: int = 200, **headers: str) -> Handler:
    """Answer with JSON."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return web.json_response(body if body is not None else {}, status=status, headers=named)

    return answer


def text(body: str, status: int = 200, **headers: str) -> Handler:
    """Answer with plain text."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return web.Response(text=body, status=status, headers=named)

    return answer


def refuses(
    status: int, reason: str, message: str = "no", *, headers: dict[str, str] | None = None, **details: Any
) -> Handler:
    """Answer with a Status object of failure."""
    return says(
        {
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status,
            "reason": reason, "message": message, "details": details,
        },
        status,
        **(headers or {}),
    )  # fmt: skip


async def hangs(request: web.BaseRequest) -> web.StreamResponse:
    """Read the request and never answer."""
    await asyncio.sleep(30)
    return web.Response()


async def drops(request: web.BaseRequest) -> web.StreamResponse:
    """Read the request and close the connection."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def endless(chunk: bytes, pause: float = 0.0) -> Handler:
    """Answer 200 with a body that does not end."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(chunk)
            await asyncio.sleep(pause)

    return answer


class Server:
    """The server in a thread of its own. Use as a context manager."""

    def __init__(
        self,
        folder: Path,
        authority: Authority,
        *,
        names: tuple[str, ...] = ("127.0.0.1", "localhost"),
        days: int = 365,
        client_ca: bool = False,
    ) -> None:
        self.script = Script()
        self.authority = authority
        cert, key = authority.issue("server", names=names, days=days)
        file = folder / "server.pem"
        file.write_text(cert + key)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(file)
        if client_ca:
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(cadata=authority.pem)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.port = 0

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def __enter__(self) -> Server:
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._loop.run_forever()
        self._loop.run_until_complete(self._stop())
        self._loop.close()

    async def _start(self) -> None:
        server = web.Server(self.script.handle, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._context)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self._ready.set()

    async def _stop(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._runner.cleanup()
