"""Switching faults of a fleet that runs in another process."""

from __future__ import annotations

import http.client
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


class NotSwitched(Exception):
    """The fleet does not run, or it did not take the fault; the message says why."""


def _control(state: Path) -> dict[str, Any]:
    """Return port and token of the control port. Raises OSError, sqlite3.Error."""
    if not state.exists():
        raise FileNotFoundError(f"{state.name} does not exist")
    with closing(sqlite3.connect(f"{state.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        row = connection.execute("SELECT value FROM facts WHERE key = 'control'").fetchone()
    found: dict[str, Any] = json.loads(row[0]) if row else {}
    return found


def switch(state: Path, plane: str, kind: str, **options: Any) -> dict[str, Any]:
    """Put a plane into trouble, "off": out of it; return port and fault by plane. Raises NotSwitched.

    `state` is the fleet's file, which holds the token of its control port. Options: `kbconsole.demo.faults`.
    """
    try:
        control = _control(state)
        with closing(http.client.HTTPConnection("127.0.0.1", control["port"], timeout=10)) as connection:
            headers = {"Authorization": f"Bearer {control['token']}", "Content-Type": "application/json"}
            connection.request("PUT", f"/planes/{plane}", json.dumps({"kind": kind} | options), headers)
            answer = connection.getresponse()
            body: dict[str, Any] = json.loads(answer.read())
    except (OSError, sqlite3.Error, KeyError) as error:
        raise NotSwitched(f"The fleet of {state.name} does not run: {error}") from error
    if answer.status != 200:
        raise NotSwitched(str(body.get("error")))
    return body
