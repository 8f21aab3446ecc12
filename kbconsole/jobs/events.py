"""Lines of a run's log, and the sentences that the runner itself writes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare
from kbconsole.jobs.definition import Level, Verdict
from kbconsole.jobs.models import PlanStatus, Run, RunEvent, RunStatus, RunStep, next_seq

declare(
    {
        "jobs.queued": _("Queued by %(by)s."),
        "jobs.started": _("A worker took it."),
        "jobs.step_started": _("Started: %(what)s"),
        "jobs.touched": _("%(touch)s: %(kind)s %(name)s"),
        "touch.created": _("Created"),
        "touch.updated": _("Updated"),
        "touch.unchanged": _("Already so"),
        "touch.removed": _("Removed"),
        "touch.absent": _("Was not there"),
        "jobs.server_warns": _("The server warns: %(text)s"),
        "jobs.step_done": _("Done."),
        "jobs.step_bug": _(
            "Stopped by a bug in the console, not by the plane. The log of the worker has the details under %(where)s; "
            "report it, then choose Retry."
        ),
        "jobs.step_lost": _("The worker that held this step is gone; another one takes it up."),
        "jobs.step_lost_often": _(
            "Three workers died while they held this step. Look at the worker's log before you choose Retry."
        ),
        "jobs.waited_too_long": _("Waited %(seconds)s s in vain. Last seen: %(last)s"),
        "jobs.trouble": _("%(what)s Asking again in %(seconds)s s."),
        "jobs.cancel_asked": _("%(by)s asked to cancel; the steps under way end first."),
        "jobs.cancelled": _("Cancelled. What was made so far stays; it is listed below."),
        "jobs.succeeded": _("All steps succeeded."),
        "jobs.failed": _("%(done)s of %(all)s steps succeeded; the run stops here."),
        "jobs.retried": _("%(by)s chose Retry: %(steps)s steps run again."),
        "jobs.asked_again": _("%(by)s asked to check again now."),
    }
)

declare({f"run_status.{status.value}": status.label for status in RunStatus})
declare({f"plan_status.{status.value}": status.label for status in PlanStatus})

LEVELS = {
    Verdict.PASS: Level.PASS,
    Verdict.WARN: Level.WARN,
    Verdict.FAIL: Level.FAIL,
    Verdict.WAIT: Level.INFO,
    Verdict.PERSON: Level.WARN,
}


def log(run: Run, sentence: Sentence, *, level: Level = Level.INFO, step: RunStep | None = None) -> RunEvent:
    """Append a line, in the caller's transaction."""
    return RunEvent.objects.create(
        run=run,
        seq=next_seq(run.pk),
        step=step,
        lane=step.lane if step else "",
        level=str(level),
        sentence=sentence.to_json(),
    )
