"""The name in DNS that follows a database's leader, as steps of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.jobs.definition import Change, Diff, ObjectDiff, Outcome, Touch, Touched, actions
from kbconsole.jobs.models import ACTIVE, RunStep
from kbconsole.k8s.kinds import Ref
from placements import addresses_dns
from placements.addresses_follow import follow, refresh
from placements.connection import record_name
from placements.models import ClientAccess
from placements.observation import with_run

declare(
    {
        "clients.publish": _("Write %(name)s to the DNS zone %(zone)s: it follows the leader"),
        "clients.withdraw": _("Remove %(name)s from the DNS zone %(zone)s"),
        "clients.withdraw_by_hand": _(
            "The console has no server for the zone %(zone)s any more. Have %(name)s and what is below it removed "
            "there."
        ),
    }
)


@dataclass(frozen=True)
class _Name(Change):
    """What both have: a name below a zone. Its addresses are known only when the run is under way."""

    placement: int
    name: str
    namespace: str
    zone: str

    @property
    def ref(self) -> Ref:
        return {"apiVersion": "dns", "kind": "Name", "namespace": "", "name": f"{self.record}.{self.zone}"}

    @property
    def record(self) -> str:
        return record_name(self.name, self.namespace)


@actions.register
@dataclass(frozen=True)
class PublishName(_Name):
    """Write the name with the leader's address. From then on the console keeps it so between runs."""

    slug: ClassVar[str] = "publish-name"

    def label(self) -> Sentence:
        return say("clients.publish", name=self.record, zone=self.zone)

    def diff(self) -> Diff:
        there = addresses_dns.held(self.zone, self.record)
        return Diff((ObjectDiff(Touch.UPDATED if there else Touch.CREATED, self.ref),))

    def carry_out(self) -> Outcome:
        row = ClientAccess.objects.select_related("placement").get(placement=self.placement)
        fresh = not row.records
        # A run keeps what it saw when it ends; who leads is in its steps until then.
        running = row.placement.runs().filter(status__in=ACTIVE)
        steps = RunStep.objects.filter(run__in=running, facts__isnull=False)
        seen = steps.order_by("position").values_list("lane", "phase", "facts")
        row.placement.observed = with_run(row.placement.observed, seen)
        refresh(row)
        follow(row, anew=True)
        return Outcome((Touched(Touch.CREATED if fresh else Touch.UPDATED, self.ref),))

    def inverse(self, outcome: Outcome) -> Change | None:
        made = any(touched.touch == Touch.CREATED for touched in outcome.touched)
        return WithdrawName(self.placement, self.name, self.namespace, self.zone) if made else None


@actions.register
@dataclass(frozen=True)
class WithdrawName(_Name):
    """Take the name out of the zone, if the console wrote it for this database."""

    slug: ClassVar[str] = "withdraw-name"

    def label(self) -> Sentence:
        return say("clients.withdraw", name=self.record, zone=self.zone)

    def cautions(self) -> list[Sentence]:
        return [] if self._reached else [self._by_hand]

    def diff(self) -> Diff:
        there = self._reached and addresses_dns.held(self.zone, self.record)
        return Diff((ObjectDiff(Touch.REMOVED if there else Touch.ABSENT, self.ref),))

    def carry_out(self) -> Outcome:
        """A zone that the console cannot write to any more keeps no database from being retired."""
        if not self._reached:
            return Outcome((Touched(Touch.ABSENT, self.ref, warnings=(str(self._by_hand),)),))
        row = ClientAccess.objects.filter(placement=self.placement).first()
        removed = addresses_dns.erase(self.zone, self.record, row.mark, row.records) if row else False
        ClientAccess.objects.filter(placement=self.placement).update(zone="", records={}, problem=None)
        return Outcome((Touched(Touch.REMOVED if removed else Touch.ABSENT, self.ref),))

    @property
    def _reached(self) -> bool:
        return addresses_dns.configured_zone() == self.zone

    @property
    def _by_hand(self) -> Sentence:
        return say("clients.withdraw_by_hand", name=self.record, zone=self.zone)
