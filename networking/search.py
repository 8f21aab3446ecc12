"""Network profiles are found by their name and kind."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from kbconsole.common.search import Hit, Query, Searcher, exact_first, searched
from networking.models import Profile


@searched.register
class Profiles(Searcher):
    """A kind that the console knows no more still finds its profiles."""

    slug, label, place = "profiles", _("Network profiles"), 3
    finds = _("name or kind")

    def hits(self, query: Query, user: Any, most: int) -> list[Hit]:
        rows = Profile.objects.visible_to(user)
        for word in query.words:
            rows = rows.filter(Q(name__icontains=word) | Q(kind__icontains=word))
        return [self._hit(row, query) for row in rows.order_by(exact_first("name", query), "name")[:most]]

    def _hit(self, row: Profile, query: Query) -> Hit:
        url = reverse("networking:profile-detail", args=[row.pk])
        return Hit(url=url, title=row.name, text=row.get_kind_display(), exact=query.names(row.name))
