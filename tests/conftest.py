"""Three people whose roles one remembers, and on-commit work that really runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from kbconsole.celery import app
from tests import production
from tests.driving import hands
from tests.guard import run_folder
from tests.people import person
from tests.production.carriers import Carriers

pytest_plugins = ["tests.fleets.fixtures"]
HERE = Path(__file__).parent
# Tests that share one demo, or the real servers, stay in one process of pytest-xdist.
TOGETHER = {HERE / "browser": "browser", HERE / "demo_command": "demo_command"}
# Where nothing else runs there is room for two sets of real servers; these tests, about half of the time, have one.
REAL_APART = {*(HERE / "journeys").glob("test_*.py")} - {HERE / "journeys" / "test_main_journey.py"}


@pytest.hookimpl(tryfirst=True)  # before the folder of tmp_path is settled
def pytest_configure(config: pytest.Config) -> None:
    """Let all files of a run lie in the folder that its guard removes; --basetemp keeps those of tmp_path."""
    if not hasattr(config, "workerinput"):
        config.option.basetemp = config.option.basetemp or str(run_folder() / "t")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    alone = config.option.markexpr == "real"
    for item in items:
        groups = [name for folder, name in TOGETHER.items() if folder in item.path.parents]
        if item.get_closest_marker("real"):
            groups = ["real-journeys" if alone and item.path in REAL_APART else "real"]
        for name in groups:
            item.add_marker(pytest.mark.xdist_group(name))


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[Any]]]:
    """What was sent to the broker. Tests drive runs themselves (tests/driving.py), without a worker."""
    messages: list[tuple[str, list[Any]]] = []

    def send_task(name: str, args: list[Any], **_: Any) -> None:
        messages.append((name, args))

    monkeypatch.setattr(app, "send_task", send_task)
    return messages


@pytest.fixture(scope="session")
def carriers(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carriers]:
    """Celery's processes, for `workers`."""
    started = Carriers(tmp_path_factory.mktemp("carriers"))
    yield started
    started.end()


@pytest.fixture
def workers(
    request: pytest.FixtureRequest,
    sent: list[tuple[str, list[Any]]],
    transactional_db: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """On servers (make test-production), real Celery processes carry on what the test starts; else `drive` does."""
    if not production.active():
        yield
        return
    carriers: Carriers = request.getfixturevalue("carriers")
    monkeypatch.delattr(app, "send_task")
    monkeypatch.setattr(hands, "own", False)
    carriers.go_on()
    try:
        yield
    finally:
        carriers.rest()


@pytest.fixture
def dana(db: None) -> User:
    """Dana asks for databases: role dba."""
    return person("dana", "dba")


@pytest.fixture
def adam(db: None) -> User:
    """Adam approves: role admin."""
    return person("adam", "admin")


@pytest.fixture
def ada(db: None) -> User:
    """Ada is a second admin."""
    return person("ada", "admin")


@pytest.fixture
def vera(db: None) -> User:
    """Vera looks: role auditor."""
    return person("vera", "auditor")


@pytest.fixture
def nobody(db: None) -> User:
    """Signed in, without any role."""
    return person("nobody")
