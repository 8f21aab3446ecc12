"""An administrator's credential of a plane, for the few steps that need one: who gave it, what used it, when it ends.

A chart brings roles, webhooks and kinds of its own, so it takes a cluster administrator to install one. The console's
own user should not be that. So an administrator may give such a credential beside it, for a while; nothing else is
done with it, and the audit log names every run that used it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.models import Entry
from kbconsole.audit.services import record
from kbconsole.common.errors import ConsoleError, Stale
from kbconsole.common.policy import Policy, act
from kbconsole.common.roles import Role
from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.common.times import local_text
from kbconsole.fleet.models import Credential, Plane, Purpose
from kbconsole.jobs.execution import current_step
from kbconsole.jobs.models import RunStep

USUAL = timedelta(hours=24)
LONGEST = timedelta(days=7)
"""For how long it may be used: it should not lie about."""
SUBJECT = "installer-credential"

declare(
    {
        "installer.with": _("With the installer credential of %(plane)s, given by %(by)s, used until %(until)s."),
        "installer.used": _("Used the installer credential of %(plane)s, given by %(giver)s, in run %(run)s"),
        "installer.given": _("Gave %(plane)s an installer credential of the user %(user)s, used until %(until)s"),
        "installer.expired": _("Removed the installer credential of %(plane)s, as it was to be used until %(until)s"),
        "installer.removed": _("Took away the installer credential of %(plane)s"),
        "installer.past": _(
            "The installer credential of %(plane)s was to be used until %(until)s, which is over. Upload it again, "
            "with a later end."
        ),
        "installer.end_over": _("%(until)s is over already. Choose a later end for the installer credential."),
        "installer.too_long": _(
            "An administrator's credential is not kept for longer than %(days)s days. Choose an earlier end."
        ),
        "installer.which": _("Say which plane of the fleet the installer credential is for."),
        "installer.none": _("%(plane)s has no installer credential any more. There is nothing to take away."),
    }
)  # fmt: skip
REMOVE = act(
    "installer-remove", _("Take away the installer credential of a plane"),
    Policy(
        asks=(Role.ADMIN,),
        note=_("At once: it only takes rights from the console. A command that uses it is ended."),
    ),
)  # fmt: skip


def row_of(plane: str) -> Credential | None:
    """Return the plane's installer credential, None where there is none or its time is over."""
    rows = Credential.objects.installers().filter(plane__name=plane)
    return rows.select_related("plane", "created_by").order_by("-version").first()


def moment(when: datetime | None) -> str:
    """Return a time as it stands in stored sentences and in plans, "" for none."""
    return f"{when:%Y-%m-%d %H:%M} UTC" if when else ""


def words_of(row: Credential) -> Sentence:
    """Return whose credential is used, for the events of a run."""
    by, until = row.created_by.get_username(), moment(row.use_until)
    return say("installer.with", plane=row.plane.name, by=by, until=until)


def end_of(asked: datetime | None) -> datetime:
    """Return until when it is used, of what somebody asks for. Raises ConsoleError for what is over or too long."""
    now = timezone.now()
    until = asked or now + USUAL
    if until <= now:
        raise ConsoleError("installer.end_over", until=local_text(until, "%Y-%m-%d %H:%M"))
    if until > now + LONGEST + timedelta(minutes=1):  # a picker knows no seconds
        raise ConsoleError("installer.too_long", days=LONGEST.days)
    return until.replace(second=0, microsecond=0) if asked else until


def not_over(until: datetime, *, plane: str) -> datetime:
    """Return the end that was agreed to. Raises ConsoleError where it has come before the credential was saved."""
    if until <= timezone.now():
        raise ConsoleError("installer.past", plane=plane, until=local_text(until, "%Y-%m-%d %H:%M"))
    return until


def run_of_this_thread() -> int | None:
    """Return the run that this thread works for, None outside of one."""
    try:
        step = current_step()
    except LookupError:
        return None
    return RunStep.objects.filter(pk=step).values_list("run_id", flat=True).first()


def note_use(row: Credential, run: int) -> bool:
    """Write to the audit log that a run uses it, once, from however many threads. False: it is gone, do not use it."""
    plane = row.plane.name
    noted = Entry.objects.filter(
        act="installer.used", run_id=str(run), plane=plane, params__credential=row.pk
    )
    if noted.exists():  # nearly always, so without a lock
        return True
    with transaction.atomic():
        if not Credential.objects.select_for_update().filter(pk=row.pk).exists():
            return False
        if not noted.exists():
            record(
                "installer.used", by="worker", on=(SUBJECT, plane, plane), plane=plane, run_id=run,
                run=run, giver=row.created_by.get_username(), credential=row.pk,
            )  # fmt: skip
    return True


def taken_away(rows: Iterable[Credential]) -> bool:
    """Whether a person has taken one of these away, as opposed to: given another, or its time is over."""
    now = timezone.now()
    planes = {row.plane_id for row in rows if row.use_until and row.use_until > now}
    if not planes:
        return False
    left = Credential.objects.filter(purpose=Purpose.INSTALLER, plane__in=planes)
    return set(left.values_list("plane", flat=True)) != planes


@transaction.atomic
def remove(*, plane: Plane, by: Any) -> None:
    """Take the credential away at once, also from commands that run with it. Raises Stale.

    On the plane it stays valid until it is revoked there.
    """
    REMOVE.require(by)
    if not plane.credentials.filter(purpose=Purpose.INSTALLER).delete()[0]:
        raise Stale("installer.none", plane=plane.name)
    record("installer.removed", by=by, on=(SUBJECT, plane.name, plane.name), plane=plane.name)


def drop_expired() -> None:
    """Remove what is not used any more since its time is over."""
    over = Credential.objects.filter(purpose=Purpose.INSTALLER, use_until__lte=timezone.now())
    for row in over.select_related("plane"):
        with transaction.atomic():
            if Credential.objects.filter(pk=row.pk).delete()[0]:
                name, until = row.plane.name, moment(row.use_until)
                record("installer.expired", by="system", on=(SUBJECT, name, name), plane=name, until=until)
