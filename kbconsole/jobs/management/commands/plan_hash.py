"""Make the hash of a stored plan again: `manage.py plan_hash ID`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from kbconsole.audit.models import Entry
from kbconsole.jobs.definition import canonical_text, digest
from kbconsole.jobs.models import Plan


class Command(BaseCommand):
    """Exit status 1 when the plan, or what somebody decided upon, is not what the hash was made of."""

    help = "Make the hash of a plan again from its stored content, and compare it with what was decided."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("plan", type=int, help="the plan's number, as in its address /plans/NUMBER/")

    def handle(self, *args: Any, **options: Any) -> None:
        plan = Plan.objects.filter(pk=options["plan"]).first()
        if plan is None:
            raise CommandError(_("There is no plan %(plan)s.") % {"plan": options["plan"]})
        if not plan.content:
            raise CommandError(_("Plan %(plan)s has no content: it was never made.") % {"plan": plan.pk})
        again = rehashed(plan)
        told = {"plan": plan.pk, "hash": again, "stored": plan.hash or "–"}
        if again != plan.hash:
            raise CommandError(
                _("Plan %(plan)s was changed: its content gives %(hash)s, and its hash is %(stored)s.") % told
            )
        self.stdout.write(
            _("Plan %(plan)s (%(job)s for %(subject)s) is as it was made: its content gives its hash.")
            % {"plan": plan.pk, "job": plan.job_name, "subject": plan.subject_label}
        )
        self.stdout.write(again)
        self._compare_decisions(plan, again)

    def _compare_decisions(self, plan: Plan, again: str) -> None:
        """Compare the hash with each decision's, and with the bytes that the decision keeps."""
        for decision in plan.decisions.select_related("by").order_by("pk"):
            told = {"by": decision.by.get_username(), "at": f"{decision.at:%Y-%m-%d %H:%M:%S %Z}"}
            if {decision.plan_hash, digest(decision.content)} != {again}:
                raise CommandError(
                    _("The decision of %(by)s at %(at)s is about other content than the plan has.") % told
                )
            self.stdout.write(
                _("%(verdict)s by %(by)s at %(at)s: exactly this content.")
                % {**told, "verdict": decision.get_verdict_display()}
            )
        if plan.decisions.exists():
            self._compare_log(again)

    def _compare_log(self, again: str) -> None:
        """The log is sealed with a key that is not in the database; the two tables above are not."""
        acts = ["plan.approved", "plan.rejected"]
        entry = Entry.objects.filter(act__in=acts, plan_hash=again).order_by("seq").first()
        if entry is None:
            raise CommandError(
                _("No decision in the audit log names this hash: plan and decision were changed together.")
            )
        self.stdout.write(_("Entry %(seq)s of the audit log names the same hash.") % {"seq": entry.seq})


def rehashed(plan: Plan) -> str:
    """Return the hash of what the content says, written canonically anew.

    Where the stored bytes are not canonical, the hash is of the bytes: they are what a decision covers, and they
    are not what the console wrote.
    """
    try:
        again = canonical_text(plan.body())
    except ValueError:
        again = ""
    return digest(again if again == plan.content else plan.content)
