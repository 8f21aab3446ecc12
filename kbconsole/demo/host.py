"""The thread that runs all API servers of a fleet."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from aiohttp import web

from kbconsole.demo.server import HOST, PlaneServer, PortBusy
from kbconsole.demo.store import StateFile

T = TypeVar("T")
_FLUSH_EVERY = 0.2
_NAMESPACES_EVERY = 0.1


class Host:
    """One event loop in one thread; everything that touches the servers is run there."""

    def __init__(self, state: StateFile, servers: Mapping[str, PlaneServer]) -> None:
        self.servers = dict(servers)
        self._state = state
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="embedded-fleet", daemon=True)
        self._chores: list[asyncio.Task[None]] = []
        self._control: web.AppRunner | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run in the servers' loop and wait."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def start(self, control: web.Application, control_port: int) -> int:
        """Open every port; returns the control port. Raises PortBusy with nothing left open."""
        self._thread.start()
        try:
            return self.run(self._open(control, control_port))
        except PortBusy:
            self.stop()
            raise

    async def _open(self, control: web.Application, control_port: int) -> int:
        for server in self.servers.values():
            await server.open()
        self._control = web.AppRunner(control, access_log=None)
        await self._control.setup()
        try:
            await web.TCPSite(self._control, HOST, control_port).start()
        except OSError as error:
            raise PortBusy(f"control port {control_port} on {HOST} is in use") from error
        self._chores = [asyncio.create_task(self._flush()), asyncio.create_task(self._end_namespaces())]
        address: tuple[str, int] = self._control.addresses[0]
        return address[1]

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_EVERY)
            await asyncio.to_thread(self._state.flush)

    async def _end_namespaces(self) -> None:
        while True:
            await asyncio.sleep(_NAMESPACES_EVERY)
            for server in self.servers.values():
                server.terminating.step()

    def stop(self) -> None:
        self.run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        if not self._thread.is_alive():
            self._loop.close()
        self._state.close()

    async def _close(self) -> None:
        for task in self._chores:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._control is not None:
            await self._control.cleanup()
        for server in self.servers.values():
            if server.fault is not None:
                server.fault.over.set()
            await server.close()
