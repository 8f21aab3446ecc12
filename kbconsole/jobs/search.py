"""Plans and runs are found by their numbers, and a plan by the hash that an approval or an entry names."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kbconsole.common.search import Hit, Query, Searcher, searched
from kbconsole.jobs.models import Plan, Run
from kbconsole.jobs.pages import sees

HASH = re.compile(r"[0-9a-f]{8,64}")


@searched.register
class Plans(Searcher):
    """The beginning of a hash is enough: eight characters of it."""

    slug, label, place = "plans", gettext_lazy("Plans"), 4
    finds = gettext_lazy("number, such as “plan 12”, or hash")

    def hits(self, query: Query, user: Any, most: int) -> list[Hit]:
        number, wanted = query.number("plan", _("Plan")), Q()
        if number is not None:
            wanted |= Q(pk=number)
        if HASH.fullmatch(query.text.lower()):
            wanted |= Q(hash__startswith=query.text.lower())
        if not wanted:
            return []
        rows = Plan.objects.visible_to(user).filter(wanted).defer("content").order_by("-pk")[:most]
        return [self._hit(row) for row in rows if sees(row, user)]

    def _hit(self, row: Plan) -> Hit:
        return Hit(
            url=reverse("jobs:plan-detail", args=[row.pk]),
            title=_("Plan %(n)s") % {"n": row.pk},
            text=f"{row.job_name}: {row.subject_label}",
            state=row.status,
            kind="plan",
            at=row.made_at or row.created_at,
            exact=True,
        )


@searched.register
class Runs(Searcher):
    """A run has no other name than its number."""

    slug, label, place = "runs", gettext_lazy("Runs"), 5
    finds = gettext_lazy("number, such as “run 12”")

    def hits(self, query: Query, user: Any, most: int) -> list[Hit]:
        number = query.number("run", _("Run"))
        if number is None:
            return []
        return [self._hit(row) for row in Run.objects.visible_to(user).filter(pk=number) if sees(row, user)]

    def _hit(self, row: Run) -> Hit:
        return Hit(
            url=reverse("jobs:run-detail", args=[row.pk]),
            title=_("Run %(n)s") % {"n": row.pk},
            text=f"{row.job_name}: {row.subject_label}",
            state=row.status,
            kind="run",
            at=row.created_at,
            exact=True,
        )
