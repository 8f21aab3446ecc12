"""What the beginning of a test has already cost once in this process: a seeded fleet, and its registration."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet import vault
from kbconsole.fleet.models import Credential, Plane
from kbconsole.jobs.definition import canonical_text, digest
from tests.fleets.protocol import Fleet
from tests.guard import worker_folder

Row = dict[str, Any]
_registered: dict[tuple[str, ...], list[Row]] = {}


def seeded(folder: Path, **shape: Any) -> Path:
    """Return the state file of an embedded fleet that nobody has used. All of a shape are the same fleet.

    `shape`: what EmbeddedFleet takes as `line`, `planes`, `spare`, `nodes` and `mesh`.
    """
    kept = worker_folder() / f"beginning-{digest(canonical_text(shape))}.sqlite3"
    if not kept.exists():
        fleet = EmbeddedFleet(kept, controllers=False, **shape)
        fleet.start()
        fleet.stop()
        _forget_ports(kept)
    return Path(shutil.copyfile(kept, folder / "fleet.sqlite3"))


def _forget_ports(state: Path) -> None:
    """Let the next start take free ones: somebody else may have these by then."""
    with closing(sqlite3.connect(state)) as connection, connection:
        for key, value in connection.execute("SELECT key, value FROM facts").fetchall():
            fact = json.loads(value)
            if "port" in fact:
                text = json.dumps(fact | {"port": 0})
                connection.execute("UPDATE facts SET value = ? WHERE key = ?", (text, key))


def registered(
    fleet: Fleet, admin: User, planes: Sequence[str], register: Callable[[Fleet, User, Sequence[str]], None]
) -> None:
    """Let a fleet be known as `register` makes it known: really the first time, then by the rows that it wrote."""
    names = (fleet.control_plane, *planes)
    key = (fleet.line, *names, *(fleet.credential(name).token for name in names))
    if key not in _registered:
        register(fleet, admin, planes)
        _registered[key] = [_values(plane) for plane in Plane.objects.all()]
        return
    for values in _registered[key]:
        secret, now = fleet.credential(values["name"]), timezone.now()
        times = {"created_at": now, "last_answer_at": now, "last_asked_at": now, "facts_at": now}
        plane = Plane.objects.create(**values | times | {"server": secret.server})
        row = Credential(
            plane=plane, fingerprint=secret.fingerprint(), key_id=vault.key_id(), created_by=admin,
            expires_at=secret.expires_at(),
        )  # fmt: skip
        row.ciphertext = vault.encrypt(row.owner, secret.to_json())
        row.save()


def _values(plane: Plane) -> Row:
    return {
        field.attname: getattr(plane, field.attname)
        for field in plane._meta.concrete_fields
        if field.name != "id"
    }
