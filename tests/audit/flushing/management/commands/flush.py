"""Flush for tests: Django empties the tables after a transactional test, and the audit log refuses that."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import flush
from django.db import connections

from kbconsole.audit import triggers


class Command(flush.Command):
    """Django's flush without the audit triggers; post_migrate, which flush sends, installs them again."""

    def handle(self, **options: Any) -> None:
        triggers.remove(connections[options["database"]])
        super().handle(**options)
