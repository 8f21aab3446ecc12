"""Entries of the audit log are found by their numbers; everything else about them has a filter there."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kbconsole.audit.models import Entry
from kbconsole.common.search import Hit, Query, Searcher, searched


@searched.register
class Entries(Searcher):
    """A person finds the entries that the audit log shows them."""

    slug, label, place = "entries", gettext_lazy("Audit entries"), 8
    finds = gettext_lazy("number, such as “entry 12”")

    def hits(self, query: Query, user: Any, most: int) -> list[Hit]:
        number = query.number("entry", _("Entry"))
        if number is None:
            return []
        return [self._hit(row) for row in Entry.objects.visible_to(user).filter(seq=number)]

    def _hit(self, row: Entry) -> Hit:
        url = reverse("audit:entry-detail", args=[row.seq])
        title = _("Entry %(seq)s") % {"seq": row.seq}
        return Hit(url=url, title=title, text=str(row.sentence), at=row.at, exact=True)
