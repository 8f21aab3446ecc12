"""Planes are found by their name, region and address."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from kbconsole.common.search import Hit, Query, Searcher, exact_first, searched
from kbconsole.fleet.models import Plane


@searched.register
class Planes(Searcher):
    """The control plane is one of them. How a plane is stands on its page, with the time of its answer."""

    slug, label, place = "planes", _("Planes"), 2
    finds = _("name, region or address")

    def hits(self, query: Query, user: Any, most: int) -> list[Hit]:
        rows = Plane.objects.visible_to(user)
        for word in query.words:
            rows = rows.filter(
                Q(name__icontains=word) | Q(region__icontains=word) | Q(server__icontains=word)
            )
        return [self._hit(row, query) for row in rows.order_by(exact_first("name", query), "name")[:most]]

    def _hit(self, row: Plane, query: Query) -> Hit:
        return Hit(
            url=reverse("fleet:plane-detail", args=[row.name]),
            title=row.name,
            text=" · ".join(part for part in (row.region, row.server) if part),
            exact=query.names(row.name),
        )
