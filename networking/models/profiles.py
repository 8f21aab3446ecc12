"""Network profiles: a kind with its settings, under a name that DBAs know."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Count, F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.common.roles import roles_of
from networking.kinds.base import KINDS, NetworkKind, ProfileConfig, kind_named

# States of a placement after which it uses no network any more. The app above this one owns them.
OVER = ("rejected", "cancelled", "retired")


def kind_choices() -> list[tuple[str, Any]]:
    """Return the registered kinds. A callable, so that a new kind needs no migration."""
    return [(kind.slug, kind.label) for kind in KINDS]


class ProfileQuerySet(models.QuerySet["Profile"]):
    def visible_to(self, user: Any) -> ProfileQuerySet:
        """Everybody with a role may read every profile."""
        return self if roles_of(user) else self.none()

    def with_users(self) -> ProfileQuerySet:
        """Add `users`: how many databases stand or are asked for on a profile."""
        return self.annotate(users=Count("placements", filter=~Q(placements__status__in=OVER)))

    def replace_config(self, pk: int, *, seen: int, config: ProfileConfig) -> bool:
        """Give a profile other settings and the next version. False: it is not at the version that was seen."""
        changes = {"config": dict(config), "version": F("version") + 1, "changed_at": timezone.now()}
        return bool(self.filter(pk=pk, version=seen).update(**changes))


class Profile(models.Model):
    """How replicas reach each other. A change raises `version`; what was approved with an older one is stale."""

    name = models.SlugField(_("Name"), max_length=40, unique=True)
    kind = models.CharField(_("Kind"), max_length=40, choices=kind_choices)
    config = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    objects = ProfileQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def behaviour(self) -> NetworkKind:
        return kind_named(self.kind)
