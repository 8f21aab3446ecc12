"""Flush for tests: Django empties the tables after a transactional test, and the audit log refuses that.

It keeps what migrations and post_migrate made (content types, permissions, groups), because making them anew after
each test costs half a second.
"""

from __future__ import annotations

from typing import Any

from django.core.management.color import no_style
from django.core.management.commands import flush
from django.db import connections

from kbconsole.audit import setup, triggers

KEPT = {"django_content_type", "auth_permission", "auth_group", "auth_group_permissions", "django_migrations"}


class Command(flush.Command):
    """Empties every other table and protects the log again."""

    def handle(self, **options: Any) -> None:
        connection = connections[options["database"]]
        triggers.remove(connection)
        names = connection.introspection.django_table_names(only_existing=True, include_views=False)
        tables = sorted(set(names) - KEPT)
        sql = connection.ops.sql_flush(no_style(), tables, reset_sequences=False, allow_cascade=False)
        connection.ops.execute_sql_flush(sql)
        setup.after_migrate(options["database"])
