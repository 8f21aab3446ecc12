"""The name in DNS that follows a database's leader, as steps of a run."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.jobs.definition import Change, Diff, ObjectDiff, Outcome, Touch, Touched, actions
from kbconsole.jobs.models import ACTIVE, Run, RunStep
from kbconsole.k8s.kinds import Ref
from placements import addresses_dns
from placements.addresses_follow import follow, refresh
from placements.addresses_kept import note_made_by
from placements.connection import record_name
from placements.models import SUBJECT, ClientAccess
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


def name_stands(row: ClientAccess | None) -> bool:
    """Return whether a zone may have the name, as far as the console knows: it was written, or is to be."""
    return row is not None and bool(row.zone or row.records)


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

    def _row(self) -> ClientAccess | None:
        return ClientAccess.objects.filter(placement=self.placement).select_related("placement").first()


@actions.register
@dataclass(frozen=True)
class PublishName(_Name):
    """Write the name with the leader's address. From then on the console keeps it so between runs."""

    slug: ClassVar[str] = "publish-name"

    def label(self) -> Sentence:
        return say("clients.publish", name=self.record, zone=self.zone)

    def diff(self) -> Diff:
        """Refuse a name of somebody else before the database stands. A server that is away holds up the name alone."""
        row = self._row()
        with suppress(addresses_dns.Silent):
            addresses_dns.refuse_others(self.zone, self.record, row.mark if row else "")
        return Diff((ObjectDiff(self._touch(), self.ref),))

    def carry_out(self) -> Outcome:
        # A run keeps what it made and saw when it ends; until then it is in its parameters and its steps.
        running = Run.objects.filter(subject_kind=SUBJECT, subject_id=str(self.placement), status__in=ACTIVE)
        for run in running:
            note_made_by(self.placement, run.params)
        touch = self._touch()
        row = ClientAccess.objects.select_related("placement").get(placement=self.placement)
        steps = RunStep.objects.filter(run__in=running, facts__isnull=False)
        seen = steps.order_by("position").values_list("lane", "phase", "facts")
        row.placement.observed = with_run(row.placement.observed, seen)
        refresh(row)
        follow(row, anew=True)
        return Outcome((Touched(touch, self.ref),))

    def inverse(self, outcome: Outcome) -> Change | None:
        """Also of a run that failed here, or before: beat may have written the name for it since."""
        made = outcome.created is not None
        unfinished = not outcome.touched and name_stands(self._row()) and self._touch() == Touch.CREATED
        return (
            WithdrawName(self.placement, self.name, self.namespace, self.zone) if made or unfinished else None
        )

    def _touch(self) -> Touch:
        """CREATED unless a run has written the name, and none has removed it since. What beat wrote is no run's."""
        done = RunStep.objects.filter(
            run__subject_kind=SUBJECT, run__subject_id=str(self.placement), outcome__isnull=False,
            content__change__action__in=(PublishName.slug, WithdrawName.slug),
        )  # fmt: skip
        last = done.order_by("-run_id", "-position").first()
        before = last is not None and last.content["change"]["action"] == PublishName.slug
        return Touch.UPDATED if before else Touch.CREATED


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
        """From the row, without asking: a server that is away must not hold up all that the run removes besides."""
        there = self._reached and name_stands(self._row())
        return Diff((ObjectDiff(Touch.REMOVED if there else Touch.ABSENT, self.ref),))

    def carry_out(self) -> Outcome:
        """A zone that the console cannot write to any more keeps no database from being retired."""
        row, removed = self._row(), False
        if row and row.records and self._reached:  # they are kept before they are written
            removed = addresses_dns.erase(self.zone, self.record, row.mark, row.records)
        if row and (self._reached or row.zone == self.zone):
            ClientAccess.objects.filter(pk=row.pk).update(zone="", records={}, problem=None)
        warnings = () if self._reached else (str(self._by_hand),)
        return Outcome((Touched(Touch.REMOVED if removed else Touch.ABSENT, self.ref, warnings=warnings),))

    @property
    def _reached(self) -> bool:
        return addresses_dns.configured_zone() == self.zone

    @property
    def _by_hand(self) -> Sentence:
        return say("clients.withdraw_by_hand", name=self.record, zone=self.zone)
