"""Tell what the console would take of a kubeconfig, without a network and without keeping anything."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kbconsole.common.sentences import declare
from kbconsole.k8s import kubeconfig
from kbconsole.k8s.kubeconfig import ContextReport, KubeconfigRefused
from kbconsole.k8s.strict_yaml import SIZE_LIMIT

declare(
    {
        "fleet.file_missing": gettext_lazy("There is no such file. Check the path."),
        "fleet.file_no_file": gettext_lazy("This is no file. Name a kubeconfig file."),
        "fleet.file_unreadable": gettext_lazy("The file cannot be read. Check its permissions."),
    }
)

Report = dict[str, Any]


class Command(BaseCommand):
    help = "Tell which contexts of kubeconfig files would be taken, and why the others would be refused."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", type=Path)
        parser.add_argument("--json", action="store_true", help="one list for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        reports = [inspect(path) for path in options["files"]]
        if options["json"]:
            self.stdout.write(json.dumps(reports, indent=2, ensure_ascii=False))
        else:
            for report in reports:
                self.stdout.write("\n".join(_lines(report)))
        if not all(report["accepted"] for report in reports):
            raise SystemExit(1)


def inspect(path: Path) -> Report:
    """Return `{file, accepted, contexts, findings}`; accepted only if every context of the file is."""
    report: Report = {"file": str(path), "accepted": False, "contexts": [], "findings": []}
    try:
        read = kubeconfig.parse(_bytes(path))
    except KubeconfigRefused as refused:
        report["findings"] = [str(refused)]
        return report
    report["contexts"] = [_context(context) for context in read.contexts]
    report["findings"] = [
        f"{context.name}: {finding}" for context in read.contexts for finding in context.findings
    ]
    report["accepted"] = all(context.accepted for context in read.contexts)
    return report


def _bytes(path: Path) -> bytes:
    """Return the file, or just more of it than is taken. Raises KubeconfigRefused."""
    code = "fleet.file_unreadable"
    try:
        if not path.exists():
            code = "fleet.file_missing"
        elif not path.is_file():
            code = "fleet.file_no_file"  # a pipe or a device would be waited for
        else:
            with path.open("rb") as file:
                return file.read(SIZE_LIMIT + 1)
    except (OSError, ValueError):
        pass
    raise KubeconfigRefused(code)


def _context(context: ContextReport) -> Report:
    credential = context.credential
    ends = credential.expires_at() if credential else None
    return {
        "name": context.name,
        "server": context.server,
        "accepted": context.accepted,
        "user": credential.user_kind if credential else "",
        "expires": ends.isoformat() if ends else "",
        "fingerprint": credential.fingerprint() if credential else "",
    }


def _lines(report: Report) -> list[str]:
    verdict = _("accepted") if report["accepted"] else _("refused")
    lines = [f"{report['file']}: {verdict}"]
    for context in report["contexts"]:
        lines.append(_context_line(context))
    return [*lines, *(f"  - {finding}" for finding in report["findings"])]


def _context_line(context: Report) -> str:
    if not context["accepted"]:
        return f"  {context['name']}  {context['server'] or '-'}  {_('refused')}"
    user = {"token": _("token"), "certificate": _("client certificate")}[context["user"]]
    ends = _("expires %(when)s") % {"when": context["expires"] or "-"}
    mark = context["fingerprint"][:16]
    return f"  {context['name']}  {context['server']}  {_('accepted')}  {user}  {ends}  {mark}"
