"""Three people whose roles one remembers, and on-commit work that really runs."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from kbconsole.celery import app
from tests.people import person


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[Any]]]:
    """What was sent to the broker. Tests drive runs themselves (tests/driving.py), without a worker."""
    messages: list[tuple[str, list[Any]]] = []

    def send_task(name: str, args: list[Any], **_: Any) -> None:
        messages.append((name, args))

    monkeypatch.setattr(app, "send_task", send_task)
    return messages


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
