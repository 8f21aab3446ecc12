"""Placements: a request for one database over an ordered list of planes, and what became of it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import Refused
from kbconsole.common.roles import Role, has_role, roles_of
from kbconsole.common.sentences import declare
from kbconsole.jobs.models import Plan, Run
from kbconsole.people.models import Team, is_member
from networking.kinds.network import Network
from networking.models import Profile, ProfileVersion
from placements.engines.base import ENGINES, Engine, engine_named
from placements.rendering import TerminationPolicy
from placements.verdict import Survival, survival

SUBJECT = "placement"


class Status(models.TextChoices):
    WAITING = "waiting", _("Waiting for approval")
    APPLYING = "applying", _("Applying")
    IN_SERVICE = "in_service", _("In service")
    ATTENTION = "attention", _("Needs attention")
    REJECTED = "rejected", _("Rejected")
    CANCELLED = "cancelled", _("Cancelled")
    RETIRED = "retired", _("Retired")


class WriteWay(models.TextChoices):
    """By what clients find the replica that takes writes."""

    CLIENT = "client", _("The client itself: it gets all addresses")
    NAME = "dns", _("A name in DNS that follows the leader")
    PROXY = "proxy", _("A proxy of yours, which gets all addresses")


STANDING = (Status.IN_SERVICE, Status.ATTENTION)
"""Statuses in which there is a Cluster, as far as anybody knows: clients connect, and it can be changed."""
OVER = (Status.REJECTED, Status.CANCELLED, Status.RETIRED)
"""Statuses in which the name may be used again."""


def engine_choices() -> list[tuple[str, Any]]:
    return [(engine.slug, engine.label) for engine in ENGINES]


class PlacementQuerySet(models.QuerySet["Placement"]):
    def visible_to(self, user: Any) -> PlacementQuerySet:
        """Everybody with a role may read every placement, whosever it is.

        Names and addresses are taken from one pool, a lost plane hits all, and who approves or audits has to see
        beyond a team. A team decides who may act (`may_change`), what Home lists for a DBA, and two filters.
        """
        return self if roles_of(user) else self.none()

    def of(self, user: Any) -> PlacementQuerySet:
        """Return those that the person looks after: the own ones, and those of the teams that they are in."""
        return self.filter(Q(owner=user.pk) | Q(team__in=Team.objects.of(user)))

    def subject_ids(self) -> models.QuerySet[Any, Any]:
        """Return their ids as plans and runs keep them, for a subquery: runs of whatever the person looks after."""
        return self.order_by().annotate(subject=Cast("pk", TextField())).values("subject")


class Placement(models.Model):
    """One row for the whole life of a database, from request to retirement."""

    name = models.CharField(max_length=63)
    namespace = models.CharField(max_length=63)
    engine = models.CharField(max_length=40, choices=engine_choices)
    replicas = models.PositiveSmallIntegerField()
    planes = models.JSONField()
    """Names of planes, in order: replica i runs on planes[i % n]."""
    size = models.CharField(max_length=10)
    cpu = models.CharField(max_length=20)
    memory = models.CharField(max_length=20)
    disk_gib = models.PositiveIntegerField()
    termination_policy = models.CharField(max_length=20, default=TerminationPolicy.DO_NOT_TERMINATE)
    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="placements")
    profile_version = models.ForeignKey(
        ProfileVersion, null=True, on_delete=models.PROTECT, related_name="placements"
    )
    """What the profile said when the Cluster was made; None until then. A later change of the profile is not its."""
    write_way = models.CharField(max_length=10, blank=True, default="", choices=WriteWay.choices)
    """What was asked for, where clients come from outside; "" for a request of before there was a choice."""
    purpose = models.TextField(blank=True)
    ticket = models.CharField(max_length=100, blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="placements")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, related_name="placements")
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.WAITING)
    release_line = models.CharField(max_length=10, blank=True)
    definition = models.CharField(max_length=100, blank=True)
    """The ComponentDefinition that the run used."""
    cluster_uid = models.CharField(max_length=64, blank=True)
    """UID of the Cluster object that the run made: only that one is ours to change."""
    observed = models.JSONField(null=True)
    """What the planes answered last: `{plane: {pods, services, seen_at}}` (placements/observation.py)."""
    observed_at = models.DateTimeField(null=True)
    proven_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    objects = PlacementQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["namespace", "name"],
                condition=~Q(status__in=["rejected", "cancelled", "retired"]),
                name="one_living_database_per_name",
            )
        ]
        indexes = [models.Index(fields=["status", "-id"])]

    def __str__(self) -> str:
        return self.name

    @property
    def kind_of_engine(self) -> Engine:
        return engine_named(self.engine)

    @property
    def survival(self) -> Survival:
        return survival(self.replicas, self.planes, self.kind_of_engine)

    @property
    def made_by(self) -> Profile | ProfileVersion:
        """What says how its network is: the version that it was made with; before that, the profile as it is now."""
        return self.profile_version or self.profile

    @property
    def network(self) -> Network:
        return self.made_by.network

    def plans(self) -> models.QuerySet[Plan]:
        """The placement's plans, newest first."""
        return Plan.objects.filter(subject_kind=SUBJECT, subject_id=str(self.pk)).order_by("-id")

    def runs(self) -> models.QuerySet[Run]:
        """The placement's runs, newest first."""
        return Run.objects.filter(subject_kind=SUBJECT, subject_id=str(self.pk)).order_by("-id")

    def looked_after_by(self, user: Any) -> bool:
        """Return whether the placement is this person's work: a DBA who owns it, or is in its team now."""
        return has_role(user, Role.DBA) and (user.pk == self.owner_id or is_member(user, self.team_id))

    def may_change(self, user: Any) -> bool:
        """Return whether the person may act on the placement: who looks after it, or an administrator."""
        return has_role(user, Role.ADMIN) or self.looked_after_by(user)

    def may_hand_over(self, user: Any) -> bool:
        """Return whether the person may give it to somebody else: members of its team act, but do not give away."""
        return has_role(user, Role.ADMIN) or (user.pk == self.owner_id and has_role(user, Role.DBA))

    def not_yours(self) -> Refused:
        """Return the refusal for somebody who may not change it: it names whom to ask."""
        owner = self.owner.get_username()
        if self.team is None:
            return Refused("placements.not_yours", owner=owner)
        return Refused("placements.not_your_teams", owner=owner, team=self.team.name)


def new_mark() -> str:
    return str(uuid4())


class ClientAccess(models.Model):
    """How clients outside reach a database: the kind and settings that its services were made with, and its name."""

    placement = models.OneToOneField(Placement, on_delete=models.CASCADE, related_name="client_access")
    profile_version = models.ForeignKey(ProfileVersion, null=True, on_delete=models.PROTECT, related_name="+")
    """The version of the profile that said so: a database may have taken a newer one for its clients."""
    outside = models.CharField(max_length=40)
    """The kind, as the profile had it then: a later version of the profile changes nothing here."""
    outside_config = models.JSONField(default=dict)
    mark = models.CharField(max_length=64, default=new_mark)
    """What the zone says beside the name, so that nobody else's name is ever changed."""
    zone = models.CharField(max_length=255, blank=True)
    """The DNS zone in which a name follows the leader, with a dot at the end; "" for none."""
    records = models.JSONField(default=dict)
    """What the server was told last: name below the zone → type → values."""
    written_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    problem = models.JSONField(null=True)
    """The sentence that says why the server did not take it."""

    def __str__(self) -> str:
        return f"{self.placement_id}: {self.outside}"


class ClientAddress(models.Model):
    """What clients outside reach one replica at: the console's own Service for it, and what its plane answered last."""

    placement = models.ForeignKey(Placement, on_delete=models.CASCADE, related_name="addresses")
    ordinal = models.PositiveSmallIntegerField()
    plane = models.CharField(max_length=128)
    service = models.CharField(max_length=63)
    uid = models.CharField(max_length=64)
    """Of the Service: that one is the console's to remove."""
    node_port = models.BooleanField(default=False)
    """Whether `endpoints` are addresses of nodes."""
    endpoints = models.JSONField(default=list)
    """`host:port` each, the one for clients first; empty while the plane has assigned none."""
    told = models.JSONField(default=list)
    """What the owner was told last. While `endpoints` differ, Home says so."""
    problem = models.JSONField(null=True)
    """The sentence that says why there is no address."""
    changed_at = models.DateTimeField(null=True)
    """Since when `endpoints` are not what was told."""
    read_at = models.DateTimeField()

    class Meta:
        ordering = ["placement", "ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["placement", "ordinal"], name="one_address_per_replica")
        ]

    def __str__(self) -> str:
        return f"{self.service}: {', '.join(self.endpoints)}"


declare({f"placement_status.{status.value}": status.label for status in Status})
