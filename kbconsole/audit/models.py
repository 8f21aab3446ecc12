"""The audit log: entries that only grow, the head of their chain, and what the last verification found."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from kbconsole.common import policy
from kbconsole.common.roles import Role, has_role
from kbconsole.common.sentences import Sentence, declare

ACCESS_DENIED = "access.denied"

declare(
    {
        ACCESS_DENIED: _("%(actor)s was refused at %(route)s (%(method)s): %(error)s"),
        "audit.refused": _("Refused: “%(act)s” %(error)s"),
        "audit.exported": _("Exported the audit log as %(format)s. Filters: %(filters)s"),
        "audit.unfiltered": _("none"),
        "audit.access_exported": _("Exported the access report"),
    }
)


class Outcome(models.TextChoices):
    """What became of an act. An intent without a later result means: unknown, look at the plane."""

    SUCCESS = "success", _("Done")
    FAILURE = "failure", _("Failed")
    DENIED = "denied", _("Refused")
    INTENT = "intent", _("About to do")
    PARTIAL = "partial", _("Partly done")


class ActorKind(models.TextChoices):
    """Who acted, and how they were known."""

    USER = "user", _("Person")
    API_TOKEN = "api_token", _("API token")
    SYSTEM = "system", _("System")
    WORKER = "worker", _("Worker")


READ = policy.act(
    "audit-read", _("Read the audit log"),
    policy.Policy(asks=(Role.AUDITOR, Role.ADMIN), note=_("A DBA reads what they did themselves.")),
)  # fmt: skip


class EntryQuerySet(models.QuerySet["Entry"]):
    """Entries, as far as a person may see them."""

    def visible_to(self, user: Any) -> EntryQuerySet:
        """Auditors and administrators see all, a DBA sees their own acts, anybody else nothing."""
        if has_role(user, *READ.asks):
            return self.all()
        if has_role(user, Role.DBA):
            return self.filter(actor=user.pk)
        return self.none()


class Entry(models.Model):
    """One act. Database triggers refuse to change or delete a row (`kbconsole.audit.triggers`).

    `canonical` is the text that `hash` seals; the other columns repeat it for reading and searching, and
    verification compares the two. `actor` is a plain number, so that an entry outlives the person's account.
    """

    seq = models.BigIntegerField(_("number"), unique=True)
    at = models.DateTimeField(_("time"), db_index=True)
    act = models.CharField(_("act"), max_length=100)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices)
    actor = models.BigIntegerField(_("person's number"), null=True)
    actor_label = models.CharField(_("person"), max_length=200)
    actor_kind = models.CharField(_("kind of actor"), max_length=10, choices=ActorKind.choices)
    source_ip = models.CharField(_("address"), max_length=45, blank=True)
    request_id = models.CharField(_("request"), max_length=64, blank=True)
    object_kind = models.CharField(_("kind of object"), max_length=50, blank=True)
    object_id = models.CharField(_("object's id"), max_length=200, blank=True)
    object_label = models.CharField(_("object"), max_length=253, blank=True)
    plane = models.CharField(_("plane"), max_length=253, blank=True)
    run_id = models.CharField(_("run"), max_length=64, blank=True)
    plan_hash = models.CharField(_("plan hash"), max_length=128, blank=True)
    reason = models.TextField(_("reason"), blank=True)
    params = models.JSONField(default=dict)
    detail = models.TextField(_("detail"), blank=True)
    canonical = models.TextField()
    key_id = models.CharField(max_length=16)
    prev_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)
    schema_version = models.PositiveSmallIntegerField(default=1)

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ["-seq"]
        indexes = [
            models.Index(fields=["actor", "-seq"], name="audit_actor"),
            models.Index(fields=["actor_label", "-seq"], name="audit_person"),
            models.Index(fields=["act", "-seq"], name="audit_act"),
            models.Index(fields=["outcome", "-seq"], name="audit_outcome"),
            models.Index(fields=["object_kind", "object_id", "-seq"], name="audit_object"),
            models.Index(fields=["plane", "-seq"], name="audit_plane"),
            models.Index(fields=["run_id", "-seq"], name="audit_run"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.act}"

    @property
    def person(self) -> str:
        """Who acted, for a reader: the name as it was, or what acted instead of a person."""
        if self.actor is not None:
            return self.actor_label
        if self.actor_kind in (ActorKind.USER, ActorKind.API_TOKEN):
            return gettext("Somebody not signed in")
        return self.get_actor_kind_display()

    @property
    def sentence(self) -> Sentence:
        """The act in words; every act may use actor, object, plane and reason beside its own parameters."""
        common = {
            "actor": self.person,
            "object": self.object_label or self.object_id,
            "plane": self.plane,
            "reason": self.reason,
        }
        params = (
            self.params if isinstance(self.params, dict) else {}
        )  # a page also shows what was tampered with
        act = Sentence(self.act, common | params)
        if self.outcome != Outcome.DENIED or self.act == ACCESS_DENIED:
            return act
        return Sentence("audit.refused", {"act": act, "error": params.get("error", "")})


class Head(models.Model):
    """The one row that appends take turns on: number and hash of the newest entry."""

    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="audit_head_one_row")]

    def __str__(self) -> str:
        return f"{self.seq} {self.hash}"


class Check(models.Model):
    """What one verification of the chain found. `problem` is a stored sentence, empty if the chain holds."""

    at = models.DateTimeField(auto_now_add=True)
    entries = models.BigIntegerField()
    since = models.DateTimeField(null=True)
    head_seq = models.BigIntegerField()
    head_hash = models.CharField(max_length=64, blank=True)
    bad_seq = models.BigIntegerField(null=True)
    problem = models.JSONField(null=True)
    heads = models.PositiveIntegerField(null=True)
    """How many published heads were compared; null while none was published."""

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {'ok' if self.problem is None else self.bad_seq}"

    @property
    def sentence(self) -> Sentence | None:
        """The problem in words, or None."""
        return None if self.problem is None else Sentence.from_json(self.problem)
