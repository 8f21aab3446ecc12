"""Verify the audit log, or an export of it: `manage.py audit_verify`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from kbconsole.audit import export_check, heads
from kbconsole.audit.heads import PublishedHead
from kbconsole.audit.verification import check, verify

BROKEN = 1
DIFFERS = 3  # 2 is what a wrong argument gives
UNREADABLE = 4


class Command(BaseCommand):
    """Exit status: 0 unbroken, 1 broken, 3 unbroken but not what was published, 4 a file cannot be read."""

    help = (
        "Walk the chain of the audit log, compare it with the published heads, and say whether every entry is as it "
        "was written. Exit status: 0 yes, 1 broken, 3 not what was published, 4 a file cannot be read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--heads",
            type=Path,
            help="a file or log that holds published heads; default: KBCONSOLE_AUDIT_HEADS",
        )
        parser.add_argument("--file", type=Path, help="verify this JSONL export instead of the database")

    def handle(self, *args: Any, **options: Any) -> None:
        published = _published(options["heads"])
        if options["file"]:
            self._export(options["file"], published or [])
        else:
            self._log(published)

    def _log(self, published: list[PublishedHead] | None) -> None:
        """Verify, keep the result for the audit page, and say it."""
        verdict = verify(published)
        check(verdict=verdict)
        if verdict.problem is not None:
            raise CommandError(
                _("The audit log is broken at entry %(seq)s, after %(entries)s good ones. %(problem)s")
                % {"seq": verdict.bad_seq, "entries": verdict.entries, "problem": verdict.problem},
                returncode=DIFFERS if verdict.differs else BROKEN,
            )
        self.stdout.write(_("%(entries)s entries, unbroken") % {"entries": verdict.entries})
        if verdict.heads is None:
            self.stdout.write(
                _(
                    "No head was published yet, so an end that was cut off cannot be seen. "
                    "Publish one with: manage.py audit_head"
                )
            )
        else:
            self.stdout.write(_("Published heads that agree: %(heads)s.") % {"heads": verdict.heads})

    def _export(self, path: Path, published: list[PublishedHead]) -> None:
        try:
            with path.open("rb") as lines:
                found = export_check.examine(lines, published)
        except OSError as error:
            raise _unreadable(path, error.strerror or str(error)) from None
        if found.problem is not None:
            raise CommandError(
                _("The export is not what the console wrote, from line %(line)s on. %(problem)s")
                % {"line": found.line, "problem": found.problem},
                returncode=DIFFERS if found.differs else BROKEN,
            )
        self.stdout.write(str(found.sentence))


def _published(path: Path | None) -> list[PublishedHead] | None:
    """Return the heads; None where nobody named a file and there is none yet."""
    if path is None and not heads.default_file().exists():
        return None
    path = path or heads.default_file()
    try:
        found = heads.read(path)
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from None
    if not found:
        raise _unreadable(path, _("it holds no head"))
    return found


def _unreadable(path: Path, why: str) -> CommandError:
    said = _("%(file)s cannot be read: %(why)s") % {"file": path, "why": why}
    return CommandError(said, returncode=UNREADABLE)
