"""The questions of an auditor, as links to the list with its filters set."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

ALONE = "plan.went_ahead,plan.went_alone"
CHANGES = f"plan.approved,plan.rejected,{ALONE}"


class Question(NamedTuple):
    label: str
    url: str


def questions(*, everything: bool) -> list[Question]:
    """Return the questions; who may do what is for those who may see everything."""
    asked = [
        Question(_("Everything"), "?"),
        _asks(_("This quarter's changes, who asked and who approved"), act=CHANGES, **{"from": _quarter()}),
        _asks(_("What data was removed?"), act=f"plan.approved,{ALONE},run.ended", job="retire-database"),
        _asks(_("What was refused?"), outcome="denied"),
        _asks(_("What went ahead without another person?"), act=ALONE),
        _asks(_("Which roles changed?"), act="role,person,team,access.admin_created"),
        _asks(_("What failed?"), outcome="failure"),
        _asks(_("Who signed in?"), act="access"),
    ]
    if everything:
        asked.append(Question(_("Who may do what?"), reverse("audit:access")))
    return asked


def _asks(label: str, **filters: str) -> Question:
    return Question(label, f"?{urlencode(filters)}")


def _quarter() -> str:
    """Return the first day of the running quarter, in the console's time zone."""
    today: datetime = timezone.localtime()
    return f"{today.year}-{3 * ((today.month - 1) // 3) + 1:02}-01"
