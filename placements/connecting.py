"""What people do about the addresses of a database's clients. Each act is one transaction."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.services import record
from kbconsole.common.errors import ConsoleError, Stale
from kbconsole.common.sentences import Sentence, declare
from kbconsole.jobs import services as jobs
from kbconsole.jobs.models import Plan, RunStep, StepStatus
from networking.kinds.base import kind_named
from networking.models import Profile, ProfileVersion
from networking.planes import plane_facts
from placements.addresses_dns import configured_zone
from placements.jobs import GiveAddresses, RetireDatabase, TakeAddresses
from placements.jobs.for_clients import access_of, clients_by, given_by
from placements.models import (
    STANDING,
    SUBJECT,
    ClientAccess,
    ClientAddress,
    Placement,
    PlacementQuerySet,
    Status,
)
from placements.services import facts_of, plannable, subject_of

declare(
    {
        "placement.addresses_requested": _("Asked for client addresses of %(name)s"),
        "placement.addresses_unwanted": _("Asked to take the client addresses of %(name)s away"),
        "placement.addresses_told": _("Took note of the changed client addresses of %(name)s: %(addresses)s"),
        "clients.no_kind": _(
            "The network profile %(profile)s says nothing about clients. An administrator gives it a kind for clients "
            "under Network, or makes another profile that has one."
        ),
        "clients.no_kind_then": _(
            "%(name)s was made with version %(before)s of its network profile, which gives clients no addresses. Take "
            "version %(version)s for its clients: it does."
        ),
        "clients.cannot": _("The network profile %(profile)s cannot serve these planes: %(what)s"),
        "clients.not_made": _("%(name)s never got as far as its Cluster, so there is no pod to reach."),
        "clients.retiring": _(
            "%(name)s has no Cluster any more: it is being retired. Finish that; what is left is in its run."
        ),
        "clients.none": _("The console made no client addresses for %(name)s, so there is nothing to take away."),
    }
)  # fmt: skip


def give_job(placement: Placement, *, follow: bool, newest: bool = False) -> GiveAddresses:
    """Return the job that gives every pod its address, by the version that counts or by the newest.

    `follow`: and a name in DNS.
    """
    row = ClientAccess.objects.filter(placement=placement).first()
    zone, before = configured_zone() if follow else "", row.zone if row else ""
    return GiveAddresses(
        **facts_of(placement), **given_by(placement, newest=newest), zone=zone,
        leaves=before if before != zone else "",
    )  # fmt: skip


def being_retired(placement: Placement) -> bool:
    """Return whether its Cluster is gone by a run that has not proven yet that all is.

    One that was told to go, and is held, still has its pods: clients reach it as before.
    """
    if placement.status != Status.ATTENTION:
        return False
    return _gone().filter(run__subject_id=str(placement.pk)).exists()


def without_retiring(placements: PlacementQuerySet) -> PlacementQuerySet:
    """Return those that are not `being_retired`: nobody has to be told of their addresses any more."""
    rows = placements.annotate(subject=Cast("pk", TextField()))
    return rows.exclude(Exists(_gone().filter(run__subject_id=OuterRef("subject"))), status=Status.ATTENTION)


def _gone() -> QuerySet[RunStep]:
    """Return the steps of retirements that saw that there is no Cluster any more."""
    return RunStep.objects.filter(
        run__subject_kind=SUBJECT, run__job=RetireDatabase.slug, phase="gone", status=StepStatus.SUCCEEDED
    )


def newer_for(placement: Placement, now: Profile | ProfileVersion) -> int:
    """Return the number of the profile's present version if it says anything else about clients; else 0."""
    profile = placement.profile
    said = [(one.outside, one.outside_config, one.client_networks) for one in (profile, now)]
    return 0 if said[0] == said[1] or not profile.outside else profile.version


def refusal(placement: Placement, said: Profile | ProfileVersion) -> ConsoleError | None:
    """Return why clients cannot be given addresses by what `said`, whoever asks, or None. Reads only the database."""
    profile = placement.profile
    if not placement.cluster_uid:
        return Stale("clients.not_made", name=placement.name)
    if being_retired(placement):
        return Stale("clients.retiring", name=placement.name)
    if not said.outside and profile.outside:
        words = {"name": placement.name, "before": said.version, "version": profile.version}
        return ConsoleError("clients.no_kind_then", **words)
    if not said.outside:
        return ConsoleError("clients.no_kind", profile=profile.name)
    facts = plane_facts(placement.planes)
    found: list[Sentence] = kind_named(said.outside).problems(said.outside_config, facts)
    return ConsoleError("clients.cannot", profile=profile.name, what=found) if found else None


@transaction.atomic
def ask_addresses(
    placement_id: int, *, follow: bool = False, newest: bool = False, reason: str = "", by: Any
) -> Plan:
    """Ask for a plan that gives clients outside an address of each replica. Raises ConsoleError, Refused, Stale.

    `follow`: and writes a name to DNS that follows the leader. `newest`: by the profile as it is now, not by the
    version that the database was made with.
    """
    placement = plannable(placement_id, by=by, statuses=STANDING)
    now = clients_by(placement, access_of(placement))
    if problem := refusal(placement, placement.profile if newest else now):
        raise problem
    if follow and not configured_zone():
        raise ConsoleError("clients.dns_off")
    record(
        "placement.addresses_requested", by=by, on=subject_of(placement), reason=reason, name=placement.name
    )
    return jobs.make_plan(give_job(placement, follow=follow, newest=newest), by=by, reason=reason)


@transaction.atomic
def take_addresses(placement_id: int, *, reason: str = "", by: Any) -> Plan:
    """Ask for a plan that removes what the console made for clients, and only that. Raises Refused, Stale."""
    placement = plannable(placement_id, by=by, statuses=STANDING)
    if not ClientAccess.objects.filter(placement=placement).exists():
        raise Stale("clients.none", name=placement.name)
    record(
        "placement.addresses_unwanted", by=by, on=subject_of(placement), reason=reason, name=placement.name
    )
    return jobs.make_plan(TakeAddresses(**facts_of(placement)), by=by, reason=reason)


@transaction.atomic
def note_told(placement_id: int, *, by: Any) -> None:
    """Keep that the owner knows of the addresses as they are now. Raises Refused."""
    placement = Placement.objects.select_for_update(of=("self",)).select_related("owner").get(pk=placement_id)
    if not placement.may_change(by):
        raise placement.not_yours()
    changed = list(placement.addresses.filter(changed_at__isnull=False))
    if not changed:
        return
    for row in changed:
        row.told, row.changed_at = row.endpoints, None
    ClientAddress.objects.bulk_update(changed, ["told", "changed_at"])
    addresses = [one for row in changed for one in row.endpoints] or ["-"]
    record(
        "placement.addresses_told", by=by, on=subject_of(placement), name=placement.name, addresses=addresses
    )
