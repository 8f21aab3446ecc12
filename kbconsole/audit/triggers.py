"""Database triggers that keep entries as they were written.

They stop the application, a careless script and an SQL prompt. They do not stop the owner of the database,
who may drop them: that is what the keyed chain is for. SQLite loses a table's triggers whenever a migration
remakes the table, so they are installed again after every migrate, and a system check looks for them.
"""

from __future__ import annotations

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "audit_entry"
REFUSAL = "audit entries are never changed or deleted"

# INSERT OR REPLACE deletes the old row without firing its DELETE trigger, hence the third one.
SQLITE = {
    "audit_entry_no_update": (
        f"CREATE TRIGGER audit_entry_no_update BEFORE UPDATE ON {TABLE} "
        f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    ),
    "audit_entry_no_delete": (
        f"CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON {TABLE} "
        f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    ),
    "audit_entry_no_replace": (
        f"CREATE TRIGGER audit_entry_no_replace BEFORE INSERT ON {TABLE} "  # noqa: S608  constants only
        f"WHEN EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id OR seq = NEW.seq) "
        f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    ),
}

# ENABLE ALWAYS: session_replication_role = replica silences ordinary triggers.
POSTGRES_BODY = f" BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END "
POSTGRES_FUNCTION = (
    f"CREATE OR REPLACE FUNCTION audit_entry_refuse() RETURNS trigger LANGUAGE plpgsql AS $${POSTGRES_BODY}$$"
)
POSTGRES = {
    "audit_entry_no_change": f"BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW",
    "audit_entry_no_truncate": f"BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT",
}


def install(connection: BaseDatabaseWrapper) -> None:
    """Make the triggers, in place of any of the same name. The table must exist."""
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for name, statement in SQLITE.items():
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
                cursor.execute(statement)
        elif connection.vendor == "postgresql":
            cursor.execute(POSTGRES_FUNCTION)
            for name, when in POSTGRES.items():
                cursor.execute(
                    f"CREATE OR REPLACE TRIGGER {name} {when} EXECUTE FUNCTION audit_entry_refuse()"
                )
                cursor.execute(f"ALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER {name}")


def remove(connection: BaseDatabaseWrapper) -> None:
    """Drop the triggers. For tests, which empty the tables between them."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for name in SQLITE:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
        elif connection.vendor == "postgresql":
            for name in POSTGRES:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {TABLE}")


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the names of triggers that are absent, changed or switched off."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [TABLE]
            )
            found = dict(cursor.fetchall())
            return [name for name, statement in SQLITE.items() if found.get(name) != statement]
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT t.tgname FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
                "WHERE t.tgrelid = %s::regclass AND t.tgenabled = 'A' AND p.prosrc = %s",
                [TABLE, POSTGRES_BODY],
            )
            on = {name for (name,) in cursor.fetchall()}
            return [name for name in POSTGRES if name not in on]
    return [f"{connection.vendor}: not supported"]


def table_exists(connection: BaseDatabaseWrapper) -> bool:
    """Return whether the entries' table is there: before the first migrate it is not."""
    return TABLE in connection.introspection.table_names()
