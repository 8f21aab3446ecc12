"""What membership of a team allows, for the access report."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from kbconsole.audit.access import Right
from kbconsole.people.models import Membership


def of_teams() -> Iterator[Right]:
    """Yield a row per membership, in one query."""
    for member in Membership.objects.select_related("team", "person"):
        yield Right(
            person=member.person.get_username(),
            active=member.person.is_active,
            role=_("team %(name)s") % {"name": member.team.name},
            allows=_("change or retire the team's databases, together with the role dba"),
            since=member.since,
            by=member.given_by,
            last_sign_in=member.person.last_login,
        )
