"""Publish the head of the audit log: `manage.py audit_head`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from kbconsole.audit import heads


class Command(BaseCommand):
    """Prints the line that was appended, so that it can be kept somewhere else too."""

    help = "Append number and seal of the newest audit entry to a file outside the database, and to the log."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--file", type=Path, help="instead of the file that KBCONSOLE_AUDIT_HEADS names")

    def handle(self, *args: Any, **options: Any) -> None:
        path = options["file"] or heads.default_file()
        try:
            head = heads.publish(path)
        except OSError as error:
            raise CommandError(
                _("The head cannot be written to %(file)s: %(why)s. It stands in the log of this process.")
                % {"file": path, "why": error.strerror}
            ) from None
        if head is None:
            self.stderr.write(_("The audit log is empty; there is no head to publish."))
            return
        self.stdout.write(head.line)
