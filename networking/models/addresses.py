"""The address book: what planes use, which blocks the organisation has, and which of them were given away."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.common.roles import roles_of
from kbconsole.common.sentences import Sentence
from kbconsole.fleet.models import Plane
from networking.addresses.facts import ENTERED, NAMES, OF_PLANES

HIGHEST_MESH_ID = 127
"""From 128 on agents refuse the id with the address management of some clouds (cilium#21330)."""


def what_choices() -> list[tuple[str, Any]]:
    return [(what.value, NAMES[what]) for what in OF_PLANES]


def supernet_choices() -> list[tuple[str, Any]]:
    return [("", _("anything")), *what_choices()]


class VisibleToEverybody(models.QuerySet[Any]):
    def visible_to(self, user: Any) -> VisibleToEverybody:
        """Everybody with a role reads the address book."""
        return self if roles_of(user) else self.none()


class AddressFact(models.Model):
    """The ranges of a plane for one use, from one source: `read_at` is when they were read or entered."""

    plane = models.ForeignKey(Plane, on_delete=models.CASCADE, related_name="addresses")
    what = models.CharField(_("What for"), max_length=20, choices=what_choices)
    source = models.CharField(max_length=40, default=ENTERED)
    ranges = models.JSONField(default=list)
    """Texts in their usual form; empty where the plane says that there is none."""
    read_at = models.DateTimeField(default=timezone.now)
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = VisibleToEverybody.as_manager()

    class Meta:
        ordering = ["plane", "what", "source"]
        constraints = [
            models.UniqueConstraint(fields=["plane", "what", "source"], name="one_fact_per_source"),
        ]

    def __str__(self) -> str:
        return f"{self.plane_id} {self.what} {self.source}"


class AddressLook(models.Model):
    """When the ranges of a plane were last asked for, and what it refused to tell."""

    plane = models.OneToOneField(Plane, on_delete=models.CASCADE, related_name="address_look")
    looked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    problems = models.JSONField(default=list)
    """`[[source, stored sentence]]` of the last look."""

    objects = VisibleToEverybody.as_manager()

    def __str__(self) -> str:
        return f"{self.plane_id} {self.looked_at:%H:%M}"

    def sentences(self) -> list[Sentence]:
        return [Sentence.from_json(stored) for _source, stored in self.problems]


class Supernet(models.Model):
    """Addresses that the organisation hands out blocks of: `what` "" for any use. `block`: the prefix of a block."""

    range = models.CharField(_("Range"), max_length=100)
    what = models.CharField(_("What for"), max_length=20, blank=True, choices=supernet_choices)
    block = models.PositiveSmallIntegerField(_("Size of a block"))
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    objects = VisibleToEverybody.as_manager()

    class Meta:
        ordering = ["what", "pk"]
        constraints = [models.UniqueConstraint(fields=["range", "what"], name="one_supernet_per_use")]

    def __str__(self) -> str:
        return self.range


class Reservation(models.Model):
    """A block that was given to a plane, by name: the plane may not be registered yet. It stays until released."""

    plane = models.CharField(max_length=128)
    what = models.CharField(max_length=20, choices=what_choices)
    range = models.CharField(max_length=100)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    objects = VisibleToEverybody.as_manager()

    class Meta:
        ordering = ["plane", "what", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["what", "range"], name="one_owner_per_block"),
        ]

    def __str__(self) -> str:
        return f"{self.plane} {self.range}"


class MeshNumber(models.Model):
    """The id that a plane has, or will have, in a mesh: no two planes of the fleet have the same."""

    plane = models.CharField(max_length=128, unique=True)
    number = models.PositiveSmallIntegerField(unique=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    objects = VisibleToEverybody.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.CheckConstraint(
                condition=Q(number__gte=1, number__lte=HIGHEST_MESH_ID), name="mesh_number_in_range"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plane} {self.number}"


class AddressBook(models.Model):
    """One row, locked by who gives blocks away: two people never get the same one."""

    SINGLE = 1
    version = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.version)

    @classmethod
    def lock(cls) -> None:
        """Hold the book until the transaction ends; whoever comes second waits."""
        cls.objects.get_or_create(pk=cls.SINGLE)
        cls.objects.filter(pk=cls.SINGLE).update(version=F("version") + 1)
