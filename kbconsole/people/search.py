"""People and teams are found by their names; a person only by those who may read about people."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from kbconsole.common.roles import Role, has_role
from kbconsole.common.search import Hit, Query, Searcher, exact_first, searched
from kbconsole.people.models import Team, visible_people

FIELDS = ("username", "first_name", "last_name")


@searched.register
class People(Searcher):
    """Everybody finds their own page by the menu; looking for others is for administrators and auditors."""

    slug, label, place = "people", _("People"), 6
    finds = _("name")

    def allows(self, user: Any) -> bool:
        return has_role(user, Role.ADMIN, Role.AUDITOR)

    def hits(self, query: Query, user: Any, most: int) -> list[Hit]:
        rows = visible_people(user)
        for word in query.words:
            found = Q()
            for field in FIELDS:
                found |= Q(**{f"{field}__icontains": word})
            rows = rows.filter(found)
        rows = rows.order_by(exact_first("username", query), "username")
        return [self._hit(row, query) for row in rows[:most]]

    def _hit(self, row: User, query: Query) -> Hit:
        url = reverse("people:person-detail", args=[row.pk])
        return Hit(url=url, title=row.username, text=row.get_full_name(), exact=query.names(row.username))


@searched.register
class Teams(Searcher):
    """A team's page has its members and its databases."""

    slug, label, place = "teams", _("Teams"), 7
    finds = _("name")

    def hits(self, query: Query, user: Any, most: int) -> list[Hit]:
        rows = Team.objects.visible_to(user)
        for word in query.words:
            rows = rows.filter(name__icontains=word)
        return [self._hit(row, query) for row in rows.order_by(exact_first("name", query), "name")[:most]]

    def _hit(self, row: Team, query: Query) -> Hit:
        url = reverse("people:team-detail", args=[row.pk])
        return Hit(url=url, title=row.name, exact=query.names(row.name))
