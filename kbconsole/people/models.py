"""Teams. Persons are `django.contrib.auth`'s users, and their roles its groups (`kbconsole.common.roles`)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models.functions import Lower

from kbconsole.common.roles import Role, has_role, roles_of


def visible_people(user: Any) -> models.QuerySet[User]:
    """Return the persons whose pages the user may read: administrators and auditors all, everybody their own."""
    if has_role(user, Role.ADMIN, Role.AUDITOR):
        return User.objects.all()
    return User.objects.filter(pk=user.pk)


class TeamQuerySet(models.QuerySet["Team"]):
    def visible_to(self, user: Any) -> TeamQuerySet:
        """Every role reads every team: its name stands on each of its databases, and its members are whom to ask."""
        return self if roles_of(user) else self.none()

    def of(self, user: Any) -> TeamQuerySet:
        """Return the teams that the user is a member of."""
        return self.filter(members=user)


class Team(models.Model):
    """People who look after the same databases. A person may be in several.

    What a database belongs to is kept by those above this (`placements.models`). A team that any database ever
    belonged to cannot be deleted: requests of years ago name it.
    """

    name = models.CharField(max_length=63)
    members: models.ManyToManyField[User, Membership] = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="Membership", related_name="teams"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(Lower("name"), name="one_team_per_name")]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """One person in one team. `given_by` is a name, so that it outlives the account."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    since = models.DateTimeField(auto_now_add=True)
    given_by = models.CharField(max_length=150)

    class Meta:
        ordering = ["team__name", "person__username"]
        constraints = [models.UniqueConstraint(fields=["team", "person"], name="once_in_a_team")]

    def __str__(self) -> str:
        return f"{self.team_id} {self.person_id}"


def is_member(user: Any, team_id: int | None) -> bool:
    """Return whether the user is in the team now."""
    return team_id is not None and Membership.objects.filter(team=team_id, person=user.pk).exists()
