"""`--fresh`: what the demo has made is removed; what somebody else has made never is."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.core.management import CommandError
from django.db import connection

KEPT = "keys.json"
CLAIM = "database"


def claim(folder: Path) -> None:
    """Note that the demo found this database empty, so that all in it is the demo's."""
    if not connection.introspection.table_names():
        (folder / CLAIM).write_text(_identity())


def start_anew(folder: Path) -> None:
    """Empty the database and the folder. Raises CommandError for a database that was not empty at first."""
    if connection.introspection.table_names() and not _is_ours(folder):
        raise CommandError(
            f"--fresh empties only what a demo has made, and {_identity()} held tables before the demo came. "
            "Take another database by DATABASE_URL, or unset it."
        )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    connection.close()
    if connection.vendor == "sqlite":
        for suffix in ("", "-wal", "-shm"):
            Path(f"{connection.settings_dict['NAME']}{suffix}").unlink(missing_ok=True)
    for path in folder.iterdir():
        if path.name != KEPT:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _is_ours(folder: Path) -> bool:
    in_folder = connection.vendor == "sqlite" and Path(connection.settings_dict["NAME"]).parent == folder
    claimed = folder / CLAIM
    return in_folder or (claimed.exists() and claimed.read_text() == _identity())


def _identity() -> str:
    """Return which database this is, without a password."""
    found = connection.settings_dict
    return f"{connection.vendor}://{found['HOST']}:{found['PORT']}/{found['NAME']}"
