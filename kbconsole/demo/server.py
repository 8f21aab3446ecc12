"""API servers of all planes in one event loop: HTTPS on loopback, faults, the control port."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections import deque
from typing import Any

from aiohttp import web

from kbconsole.demo import namespaces, router
from kbconsole.demo.faults import Fault
from kbconsole.demo.plane import Plane
from kbconsole.demo.status import ApiError

Object = dict[str, Any]
HOST = "127.0.0.1"
BODY_LIMIT = 3 * 1024 * 1024
_LOG_LENGTH = 2000


class PortBusy(Exception):
    """A remembered port is taken by another process."""


async def _read(request: web.BaseRequest) -> bytes:
    chunks, size = [], 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > BODY_LIMIT:
            raise ApiError(413, f"Request entity too large: limit is {BODY_LIMIT}")
        chunks.append(chunk)
    return b"".join(chunks)


def _response(reply: router.Reply) -> web.Response:
    if isinstance(reply.body, str):
        response = web.Response(status=reply.code, text=reply.body)
    else:
        body = json.dumps(reply.body, separators=(",", ":"), ensure_ascii=False).encode()
        response = web.Response(status=reply.code, body=body, content_type="application/json")
    for name, value in reply.headers.items():
        response.headers[name] = value
    for text in reply.warnings:
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{quoted}"')
    return response


class PlaneServer:
    """The HTTPS front of one plane."""

    def __init__(self, plane: Plane, context: ssl.SSLContext, port: int) -> None:
        self.plane = plane
        self.port = port
        self.fault: Fault | None = None
        # What was asked, for tests: user, method, path with query, code.
        self.requests: deque[tuple[str, str, str, int]] = deque(maxlen=_LOG_LENGTH)
        self._context = context
        self._listener: asyncio.Server | None = None
        self._front: web.Server | None = None
        self.terminating = namespaces.Terminating(plane)

    async def open(self) -> None:
        """Listen. Raises PortBusy."""
        if self._listener is not None:
            return
        loop = asyncio.get_running_loop()
        self._front = web.Server(self._handle, access_log=None, handler_cancellation=True)
        try:
            self._listener = await loop.create_server(
                self._front, HOST, self.port, ssl=self._context, backlog=256
            )
        except OSError as error:
            raise PortBusy(f"{self.plane.name}: port {self.port} on {HOST} is in use") from error
        self.port = self._listener.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and cut every connection."""
        if self._listener is None or self._front is None:
            return
        self._listener.close()
        self._listener = None
        for connection in self._front.connections:
            if connection.transport is not None:
                connection.transport.abort()
        await self._front.shutdown(timeout=0)

    async def set_fault(self, fault: Fault | None) -> None:
        """Put the plane into trouble, or out of it."""
        if self.fault is not None:
            self.fault.over.set()
        self.fault = fault
        if fault is not None and fault.kind == "unreachable":
            await self.close()
        else:
            await self.open()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        user = router.authenticate(self.plane, request.headers.get("Authorization", ""))
        name = user.name if user else ""
        fault = self.fault
        if fault is not None and not fault.meets(name, request.method, request.path_qs):
            fault = None
        if fault is not None and fault.kind == "hang":
            await fault.over.wait()
        if fault is not None and (fault.kind == "hang" or (fault.kind == "drop" and fault.when == "before")):
            return self._cut(request)
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.ms / 1000)
        response = _response(await self._reply(request, fault))
        self.requests.append((name, request.method, request.path_qs, response.status))
        if fault is not None and fault.kind == "drop":
            return self._cut(request) if fault.when == "after" else await self._half(request, response)
        return response

    async def _reply(self, request: web.BaseRequest, fault: Fault | None) -> router.Reply:
        try:
            user = router.authenticate(self.plane, request.headers.get("Authorization", ""))
            if user is None:
                raise ApiError(401, "Unauthorized")
            if fault is not None and (refusal := fault.refusal(user.name)) is not None:
                raise refusal
            raw = await _read(request)
            ask = router.Ask(request.method, request.path, request.query, request.headers, raw)
            return router.answer(self.plane, user, ask)
        except ApiError as error:
            return router.Reply(error.code, error.body(), error.headers)

    def _cut(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    async def _half(self, request: web.BaseRequest, whole: web.Response) -> web.StreamResponse:
        body = whole.body if isinstance(whole.body, bytes) else b""
        half = web.StreamResponse(status=whole.status, headers={"Content-Type": "application/json"})
        half.content_length = len(body)
        await half.prepare(request)
        with contextlib.suppress(ConnectionError):
            await half.write(body[: len(body) // 2])
            await asyncio.sleep(0.02)
        return self._cut(request)
