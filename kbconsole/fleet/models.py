"""Planes and what was last read of them, their credentials, and uploads that nobody has saved yet."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from kbconsole.common.roles import roles_of
from kbconsole.fleet.command_models import CommandRun
from kbconsole.fleet.room import Room
from kbconsole.fleet.rungs import Rung

__all__ = ("CommandRun", "Credential", "KubeconfigDraft", "Plane", "Purpose")
DRAFT_LIFETIME = timedelta(minutes=30)
QUIET = timedelta(seconds=90)
"""How long a plane may go without being asked, or three rounds of the checker where these are longer."""


class PlaneQuerySet(models.QuerySet["Plane"]):
    def visible_to(self, user: Any) -> PlaneQuerySet:
        """Everybody with a role reads the fleet; without one nothing is shown."""
        return self if roles_of(user) else self.none()

    def with_installer(self) -> PlaneQuerySet:
        """Add `installer_until`: until when each has an installer credential, None where it has none."""
        given = Credential.objects.installers().filter(plane=models.OuterRef("pk"))
        return self.annotate(installer_until=models.Subquery(given.values("use_until")[:1]))

    def data_planes(self) -> PlaneQuerySet:
        return self.filter(is_data_plane=True)


class Plane(models.Model):
    """One Kubernetes cluster. `name` is the operator's name of its context, and never changes.

    Everything below `server` was read from the plane itself, at `facts_at`, except what the checker writes.
    """

    name = models.CharField(max_length=128, unique=True)
    is_control_plane = models.BooleanField(default=False)
    is_data_plane = models.BooleanField(default=True)
    uid = models.CharField(max_length=64, unique=True)
    """UID of its namespace kube-system, which no two Kubernetes clusters share."""
    server = models.CharField(max_length=300)
    version = models.CharField(max_length=60, blank=True)
    release_line = models.CharField(max_length=10, blank=True)
    """KubeBlocks "0.9" or "1.0"; control plane only."""
    operator_version = models.CharField(max_length=60, blank=True)
    operator_contexts = models.JSONField(default=list)
    operator_contexts_disabled = models.JSONField(default=list)
    definitions = models.JSONField(default=list)
    """ComponentDefinitions of the control plane: `[{name, chart, available, message}]`."""
    storage_class = models.CharField(max_length=253, blank=True)
    region = models.CharField(max_length=100, blank=True)
    zones = models.JSONField(default=list)
    nodes = models.JSONField(default=list)
    """`[{name, zone, ready, cpu, memory, machine}]`; `machine` is the providerID, by which a cloud knows it."""
    foreign_crds = models.JSONField(default=list)
    """The kinds of KubeBlocks that a data plane serves and must not, as `resource.group`."""
    foreign_crds_since = models.DateTimeField(null=True)
    last_answer_at = models.DateTimeField(null=True)
    last_asked_at = models.DateTimeField(null=True)
    last_error = models.JSONField(null=True)
    """The stored sentence of the last question that failed; None after an answer."""
    rung = models.CharField(max_length=12, blank=True, choices=Rung.choices)
    """Where that question failed; "" after an answer."""
    failing_since = models.DateTimeField(null=True)
    """When the first question failed that no answer has followed."""
    failures = models.PositiveSmallIntegerField(default=0)
    """How many times in a row the checker has got no usable answer."""
    next_ask_at = models.DateTimeField(null=True)
    """When the checker asks again; None: in its next round."""
    room = models.JSONField(null=True)
    """What is free, as `kbconsole.fleet.room.Room.to_json` has it; None: never read."""
    room_at = models.DateTimeField(null=True)
    facts_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PlaneQuerySet.as_manager()

    class Meta:
        ordering = ["-is_control_plane", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_control_plane"],
                condition=models.Q(is_control_plane=True),
                name="one_control_plane",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def silent(self) -> bool:
        """Whether the last question to it failed."""
        return self.last_error is not None

    @property
    def unchecked_since(self) -> datetime | None:
        """When it was asked last, if the checker should have asked again long ago: then nobody knows how it is."""
        asked = self.last_asked_at or self.created_at
        rounds = timedelta(seconds=settings.KBCONSOLE_CHECK_SECONDS)
        quiet = max(QUIET, 3 * rounds)
        until = max(asked + quiet, (self.next_ask_at or asked) + quiet - rounds)
        return asked if timezone.now() > until else None

    @property
    def unknown(self) -> bool:
        """Whether nobody knows how things are there now: it gives no usable answer, or nobody has asked."""
        return self.silent or self.unchecked_since is not None

    @property
    def free_room(self) -> Room | None:
        """What was free there at `room_at`; None: never read, or its nodes do not tell."""
        return Room.from_json(self.room) if self.room else None

    @property
    def state(self) -> str:
        """A key of the badges of planes."""
        if self.unchecked_since is not None:
            return "unchecked"
        if self.silent:
            return "silent"
        return "connected" if self.last_answer_at else "connecting"


class Purpose(models.TextChoices):
    """What a credential is for: all that the console does, or the few steps that need an administrator's rights."""

    CONSOLE = "console"
    INSTALLER = "installer"


class CredentialQuerySet(models.QuerySet["Credential"]):
    def installers(self) -> CredentialQuerySet:
        """Return the installer credentials whose time is not over."""
        return self.filter(purpose=Purpose.INSTALLER, use_until__gt=timezone.now())


class Credential(models.Model):
    """An encrypted credential of a plane for one purpose. Only the newest version is kept."""

    plane = models.ForeignKey(Plane, on_delete=models.CASCADE, related_name="credentials")
    purpose = models.CharField(max_length=20, choices=Purpose.choices, default=Purpose.CONSOLE)
    version = models.PositiveIntegerField(default=1)
    ciphertext = models.TextField()
    fingerprint = models.CharField(max_length=64)
    subject = models.CharField(max_length=300, blank=True)
    """Whom the plane takes the console for."""
    expires_at = models.DateTimeField(null=True)
    use_until = models.DateTimeField(null=True)
    """When the console stops using it and removes it; None: never. An installer's always has an end."""
    key_id = models.CharField(max_length=16)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    objects = CredentialQuerySet.as_manager()

    class Meta:
        ordering = ["plane", "purpose", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["plane", "purpose", "version"], name="one_credential_per_version")
        ]

    @property
    def owner(self) -> str:
        """What the encrypted text must say that it belongs to."""
        return f"plane/{self.plane.name}/{self.purpose}/{self.version}"


def _draft_end() -> Any:
    return timezone.now() + DRAFT_LIFETIME


class DraftQuerySet(models.QuerySet["KubeconfigDraft"]):
    def visible_to(self, user: Any) -> DraftQuerySet:
        """Only its owner sees a draft, and only until it expires."""
        if not roles_of(user):
            return self.none()
        return self.filter(owner_id=user.pk, expires_at__gt=timezone.now())


class KubeconfigDraft(models.Model):
    """An uploaded kubeconfig, encrypted, for half an hour; saving promotes its contexts to planes.

    One that a plan waits with stays for as long as that may be decided.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    ciphertext = models.TextField(blank=True)
    key_id = models.CharField(max_length=16, blank=True)
    contexts = models.JSONField(default=list)
    """`[{name, accepted, server, user_kind, expires_at, certificates, findings}]`: nothing secret."""
    chosen = models.JSONField(default=list)
    control_plane = models.CharField(max_length=128, blank=True)
    also_plane = models.BooleanField(default=False)
    replaces = models.CharField(max_length=128, blank=True)
    """The registered plane that gets a new credential, "" for an upload that adds planes."""
    purpose = models.CharField(max_length=20, choices=Purpose.choices, default=Purpose.CONSOLE)
    """What the new credential of `replaces` is for."""
    identities = models.JSONField(default=dict)
    """Context by the UID that it answered with: the second one of a UID is refused."""
    run = models.PositiveBigIntegerField(null=True)
    plan = models.PositiveBigIntegerField(null=True)
    """The plan that waits with what is left of the upload, which nobody changes any more."""
    expires_at = models.DateTimeField(default=_draft_end)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = DraftQuerySet.as_manager()

    @property
    def vault_owner(self) -> str:
        """What the encrypted text must say that it belongs to."""
        return f"draft/{self.pk}"

    def accepted(self) -> list[str]:
        return [context["name"] for context in self.contexts if context["accepted"]]
