"""Network profiles: kinds with their settings, under a name that DBAs know, and every version of them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Count, F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.common.roles import roles_of
from networking.kinds.base import Direction, NetworkKind, carrying, kind_named
from networking.kinds.network import Network

# States of a placement after which it uses no network any more. The app above this one owns them.
OVER = ("rejected", "cancelled", "retired")


def kind_choices() -> list[tuple[str, Any]]:
    """Return the kinds between replicas. A callable, so that a new kind needs no migration."""
    return [(kind.slug, kind.label) for kind in carrying(Direction.EAST_WEST)]


def outside_choices() -> list[tuple[str, Any]]:
    """Return the kinds for clients, and none of them."""
    nothing = ("", _("Not at all: only from inside the planes"))
    return [nothing, *((kind.slug, kind.label) for kind in carrying(Direction.NORTH_SOUTH))]


class ProfileQuerySet(models.QuerySet["Profile"]):
    def visible_to(self, user: Any) -> ProfileQuerySet:
        """Everybody with a role may read every profile."""
        return self if roles_of(user) else self.none()

    def with_users(self) -> ProfileQuerySet:
        """Add `users`: how many databases stand or are asked for on a profile."""
        return self.annotate(users=Count("placements", filter=~Q(placements__status__in=OVER)))

    def create(self, **fields: Any) -> Profile:
        """Make a profile and keep its first version."""
        with transaction.atomic():
            profile = super().create(**fields)
            profile.keep_version(by=profile.created_by)
        return profile

    def replace_settings(self, pk: int, *, seen: int, network: Network, by: Any = None) -> bool:
        """Give a profile other settings and the next version. False: it is not at the version that was seen."""
        changes = {
            "config": dict(network.config), "outside": network.outside,
            "outside_config": dict(network.outside_config), "client_networks": list(network.client_networks),
            "changed_at": timezone.now(),
        }  # fmt: skip
        with transaction.atomic():
            if not self.filter(pk=pk, version=seen).update(**changes, version=F("version") + 1):
                return False
            self.get(pk=pk).keep_version(by=by)
        return True


class Settings:
    """What a profile says now, or said in one of its versions."""

    kind: Any
    config: Any
    outside: Any
    outside_config: Any
    client_networks: Any

    @property
    def network(self) -> Network:
        return Network(
            self.kind, self.config, self.outside, self.outside_config, tuple(self.client_networks)
        )  # fmt: skip

    @property
    def behaviour(self) -> NetworkKind:
        return kind_named(self.kind)


class Profile(Settings, models.Model):
    """How replicas reach each other, and how clients reach them.

    A change raises `version`; what was approved with an older one is stale, and a database that stands keeps the one
    that it was made with. The kind between replicas stays; the one for clients may change.
    """

    name = models.SlugField(_("Name"), max_length=40, unique=True)
    kind = models.CharField(_("Kind"), max_length=40, choices=kind_choices)
    config = models.JSONField(default=dict)
    outside = models.CharField(_("Clients"), max_length=40, blank=True, default="", choices=outside_choices)
    """The kind by which clients reach replicas; "": they do not."""
    outside_config = models.JSONField(default=dict)
    client_networks = models.JSONField(default=list)
    """Ranges that clients come from, as texts in their usual form; empty: nobody said."""
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    objects = ProfileQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def keep_version(self, *, by: Any = None) -> ProfileVersion:
        """Keep what the profile says now under its number, for those who use it after a change."""
        says = {
            "kind": self.kind,
            "config": self.config,
            "outside": self.outside,
            "outside_config": self.outside_config,
            "client_networks": self.client_networks,
            "made_by": by,
        }
        return ProfileVersion.objects.get_or_create(profile=self, version=self.version, defaults=says)[0]


class ProfileVersion(Settings, models.Model):
    """What a profile said under one number. Written once."""

    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    kind = models.CharField(max_length=40)
    config = models.JSONField(default=dict)
    outside = models.CharField(max_length=40, blank=True, default="")
    outside_config = models.JSONField(default=dict)
    client_networks = models.JSONField(default=list)
    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    """Who asked for it, not who agreed to it; None where that was not kept yet."""

    class Meta:
        ordering = ["profile", "-version"]
        constraints = [models.UniqueConstraint(fields=["profile", "version"], name="one_row_per_version")]

    def __str__(self) -> str:
        return f"{self.profile_id} v{self.version}"
