"""`pytest -p tests.production`: the whole suite on PostgreSQL and Redis, as an installation has them.

Both are started from the system's packages in the folder of the run, and its guard ends them with it.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import psycopg
import pytest
import redis

from tests.guard import run_folder
from tests.production.servers import MANY, postgresql, redis_server

VARIABLE = "KBCONSOLE_TEST_SERVERS"
FIRST_OF_DEMOS = 32  # numbers of Redis below it belong to the processes of pytest-xdist


@pytest.hookimpl(wrapper=True, tryfirst=True)  # before pytest-django reads the settings
def pytest_load_initial_conftests() -> Generator[None]:
    if not active():
        folder = run_folder()
        folder.chmod(0o711)  # PostgreSQL does not run as root, and its folder lies inside
        os.environ["DATABASE_URL"] = postgresql(folder / "postgresql")
        os.environ[VARIABLE] = redis_server(folder / "redis")
    return (yield)


def active() -> bool:
    """Whether these tests run on servers."""
    return VARIABLE in os.environ


def broker_of_this_process() -> str:
    """Return the address of the Redis database of this process of pytest-xdist."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw-1")
    return f"{os.environ[VARIABLE]}/{int(worker.removeprefix('gw')) + 1}"


def of_its_own() -> dict[str, str]:
    """Make an empty database and take a Redis number for a console that a test starts; {} on embedded ones."""
    if not active():
        return {}
    numbers = redis.Redis.from_url(f"{os.environ[VARIABLE]}/{MANY - 1}")
    number = FIRST_OF_DEMOS + int(numbers.incr("demos"))
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE console_{number}")
    return {"DATABASE_URL": url_of(f"console_{number}"), "REDIS_URL": f"{os.environ[VARIABLE]}/{number}"}


def url_of(database: str) -> str:
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{database}"
