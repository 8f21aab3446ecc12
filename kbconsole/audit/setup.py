"""What every migrate leaves behind: triggers, the head of the chain, the three groups; and a check of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.contrib.auth.models import Group
from django.core import checks
from django.db import connections

from kbconsole.audit import triggers
from kbconsole.audit.models import Entry, Head
from kbconsole.common.roles import Role


def after_migrate(using: str, **kwargs: Any) -> None:
    """Receiver of post_migrate, which flush sends too. Safe to repeat."""
    connection = connections[using]
    if not triggers.table_exists(connection):
        return
    triggers.install(connection)
    if not Head.objects.using(using).exists():
        last = Entry.objects.using(using).order_by("-seq").first()
        Head.objects.using(using).create(pk=1, seq=last.seq if last else 0, hash=last.hash if last else "")
    for role in Role:
        Group.objects.using(using).get_or_create(name=role.value)


def check_triggers(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Report audit.E001 when the log is not protected. Runs where Django may ask the database.

    An error stops migrate too, on purpose: somebody should know that the protection was gone before it is
    quietly put back. A migration that remakes the table does not meet it, as the check runs before.
    """
    found: list[checks.CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if not triggers.table_exists(connection):
            continue
        names = triggers.missing(connection)
        if names:
            found.append(
                checks.Error(
                    f"The audit log in the database {alias!r} is not protected against changes: "
                    f"{', '.join(names)} missing or altered.",
                    hint="Run `manage.py audit_verify` to see whether entries were touched, then "
                    "`manage.py migrate --skip-checks`, which installs the triggers again.",
                    id="audit.E001",
                )
            )
    return found
