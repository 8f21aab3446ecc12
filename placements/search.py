"""Databases are found by what people call them: their name, namespace, ticket, purpose, owner or team."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from kbconsole.common.search import Hit, Query, Searcher, exact_first, searched
from placements.models import OVER, Placement, PlacementQuerySet

FIELDS = ("name", "namespace", "ticket", "purpose", "owner__username", "team__name")


def matching(rows: PlacementQuerySet, text: str) -> PlacementQuerySet:
    """Return the placements in which every word of the text is found; "default/etcd-a" is two words."""
    for word in Query.of(text.replace("/", " ")).words:
        found = Q()
        for field in FIELDS:
            found |= Q(**{f"{field}__icontains": word})
        rows = rows.filter(found)
    return rows


@searched.register
class Databases(Searcher):
    """A name that is used again leads to the database that has it now."""

    slug, label, place = "databases", _("Databases"), 1
    finds = _("name, namespace, ticket, purpose, owner or team")

    def hits(self, query: Query, user: Any, most: int) -> list[Hit]:
        rows = matching(Placement.objects.visible_to(user), query.text).select_related("owner")
        return [self._hit(row, query) for row in rows.order_by(exact_first("name", query), "-pk")[:most]]

    def _hit(self, row: Placement, query: Query) -> Hit:
        about = [row.namespace, row.owner.get_username(), row.ticket, row.purpose]
        return Hit(
            url=reverse("placements:detail", args=[row.pk]),
            title=row.name,
            text=" · ".join(part for part in about if part),
            state=row.status,
            kind="placement",
            exact=row.status not in OVER and query.names(row.name, f"{row.namespace}/{row.name}"),
        )

    def list_url(self, query: Query) -> str:
        return f"{reverse('placements:list')}?{urlencode({'q': query.text})}"
