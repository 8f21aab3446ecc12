"""Verify the audit log: `manage.py audit_verify`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from kbconsole.audit.verification import check, verify


class Command(BaseCommand):
    """Exit status 1, and the number of the first bad entry, when the chain is broken."""

    help = "Walk the chain of the audit log and say whether every entry is as it was written."

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify, keep the result for the audit page, and say it."""
        verdict = verify()
        check(verdict=verdict)
        if verdict.problem is not None:
            raise CommandError(
                _("The audit log is broken at entry %(seq)s, after %(entries)s good ones. %(problem)s")
                % {"seq": verdict.bad_seq, "entries": verdict.entries, "problem": verdict.problem}
            )
        self.stdout.write(_("%(entries)s entries, unbroken") % {"entries": verdict.entries})
