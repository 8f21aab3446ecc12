"""The control port: switches faults while the fleet runs."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from kbconsole.demo import drift
from kbconsole.demo.faults import Fault
from kbconsole.demo.server import PlaneServer
from kbconsole.demo.status import ApiError


def state_of(servers: Mapping[str, PlaneServer]) -> dict[str, Any]:
    return {
        name: {"port": server.port, "fault": server.fault.kind if server.fault else None}
        for name, server in servers.items()
    }


async def switch(server: PlaneServer, kind: str | None, options: dict[str, Any]) -> None:
    """Switch one fault on, all off (None or "off"), or make a drift. Raises ValueError for nonsense."""
    if kind == "drift":
        try:
            drift.make(server.plane, **options)
        except (ApiError, TypeError) as error:
            raise ValueError(str(error)) from error
        return
    await server.set_fault(None if kind in (None, "off") else Fault.of(str(kind), options))


def application(servers: Mapping[str, PlaneServer], token: str) -> web.Application:
    """Return the HTTP application; every request needs the token."""

    @web.middleware
    async def guard(request: web.Request, handler: Any) -> web.StreamResponse:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            return web.json_response({"error": "the token of the state file is needed"}, status=401)
        response: web.StreamResponse = await handler(request)
        return response

    async def show(request: web.Request) -> web.Response:
        return web.json_response(state_of(servers))

    async def change(request: web.Request) -> web.Response:
        server = servers.get(request.match_info["plane"])
        if server is None:
            return web.json_response({"error": f"planes are {', '.join(servers)}"}, status=404)
        wanted = await request.json()
        try:
            await switch(server, wanted.pop("kind"), wanted)
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(state_of(servers))

    app = web.Application(middlewares=[guard])
    app.add_routes([web.get("/", show), web.put("/planes/{plane}", change)])
    return app
