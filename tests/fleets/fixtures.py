"""Fixtures: a fleet of either backend. A test that passes on one and fails on the other has found a bug."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet import access
from tests.fleets import binaries
from tests.fleets.beginnings import seeded
from tests.fleets.protocol import Fleet
from tests.fleets.real import RealFleet, RealServers
from tests.guard import run_folder

REAL = pytest.param("real", marks=pytest.mark.real)
RUNNING = pytest.StashKey[RealServers]()
# How often the stand-ins look, in seconds. Real servers have to work for every look.
INTERVAL, REAL_INTERVAL = 0.15, 0.3


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End the real servers after the last test that needs them: they work even when nobody asks.

    Only in a process of pytest-xdist, where these tests stand together.
    """
    more = nextitem is not None and nextitem.get_closest_marker("real")
    if "PYTEST_XDIST_WORKER" in os.environ and RUNNING in item.config.stash and not more:
        item.config.stash[RUNNING].stop()
        del item.config.stash[RUNNING]


@pytest.fixture(scope="session")
def real_servers(request: pytest.FixtureRequest) -> Iterator[RealServers]:
    """Real API servers, started once per process that needs them (`tests/conftest.py` says which).

    Whoever changes them takes them back: `fleet(line).reset()`. Raises FileExistsError in a third process of the run.
    """
    if why := binaries.why_no_servers():
        pytest.skip(why)
    stash = request.config.stash
    stash[RUNNING] = RealServers(_own_folder())
    try:
        stash[RUNNING].start()
        yield stash[RUNNING]
    finally:
        if RUNNING in stash:
            stash[RUNNING].stop()


def _own_folder() -> Path:
    first, second = (run_folder() / name for name in ("real", "real-2"))
    try:
        first.mkdir()
    except FileExistsError:
        second.mkdir()  # a third set is more than a machine bears
        return second
    return first


@pytest.fixture
def line() -> str:
    """The release line of KubeBlocks; a test may parametrise it."""
    return "0.9"


@pytest.fixture
def delay() -> float:
    """About how many seconds a pod or a load balancer takes; a test may parametrise it."""
    return 0.05


@pytest.fixture(params=["embedded", REAL])
def backend(request: pytest.FixtureRequest) -> str:
    """Whose API servers: kbconsole.demo's, or real ones."""
    return str(request.param)


@pytest.fixture
def fleet(
    request: pytest.FixtureRequest, backend: str, line: str, delay: float, tmp_path: Path
) -> Iterator[Fleet]:
    """A fleet of this backend and line as it is in the beginning, with quick stand-in controllers."""
    if backend == "embedded":
        yield from embedded_fleet(tmp_path, line, delay)
    else:
        yield from real_fleet(request.getfixturevalue("real_servers"), line, delay)


def embedded_fleet(folder: Path, line: str, delay: float) -> Iterator[EmbeddedFleet]:
    """Yield one as it is in the beginning, its planes in a mesh, and stop it."""
    shape: dict[str, Any] = {"line": line, "mesh": True}
    fleet = EmbeddedFleet(seeded(folder, **shape), delay=delay, interval=INTERVAL, **shape)
    fleet.start()
    try:
        yield fleet
    finally:
        access.forget_clients()
        fleet.stop()


def real_fleet(servers: RealServers, line: str, delay: float) -> Iterator[RealFleet]:
    """Yield the running one, empty; leave it so. Skips without KubeBlocks' definitions."""
    if why := binaries.why_no_definitions(line):
        pytest.skip(why)
    fleet = servers.fleet(line)
    fleet.reset()
    fleet.wait_for_rights()
    fleet.start_controllers(delay=delay, interval=REAL_INTERVAL)
    try:
        yield fleet
    finally:
        access.forget_clients()
        fleet.reset()
