"""What people do with placements. Each act is one transaction: change, audit entry, plan or run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.services import record
from kbconsole.common.errors import ConsoleError, Stale
from kbconsole.common.lifecycle import transition
from kbconsole.common.roles import Role, has_role
from kbconsole.common.sentences import declare, say
from kbconsole.common.times import clock_text
from kbconsole.jobs import again
from kbconsole.jobs import services as jobs
from kbconsole.jobs.models import ACTIVE, Plan, PlanStatus, Run
from kbconsole.jobs.planning import MakePlan, set_status
from kbconsole.jobs.undoing import UndoRun
from kbconsole.people.models import Team
from networking.models import Profile
from placements.addresses_dns import configured_zone
from placements.engines.base import engine_named
from placements.jobs import (
    CheckDatabase,
    GiveAddresses,
    PlaceDatabase,
    RepairMirrors,
    RetireDatabase,
    TakeAddresses,
)
from placements.jobs.for_clients import access_of, clients_by, forget_clients, given_by, outside_of
from placements.jobs.place import answer_lost
from placements.lifecycle import PLACEMENT
from placements.models import STANDING, SUBJECT, Placement, Status, WriteWay
from placements.rendering import TerminationPolicy
from placements.wishes import Wish, WishRefused, possible_way, problems

declare(
    {
        "placement.requested": _("Asked for %(name)s: %(replicas)s × %(engine)s over %(planes)s"),
        "placement.changed": _(
            "Changed the request for %(name)s and sent it again; other than before: %(what)s"
        ),
        "placement.sent_again": _(
            "Edited the request for %(name)s, which was %(was)s, and sent it again; other than before: %(what)s"
        ),
        "placement.nothing_else": _("nothing"),
        "placement.planned_again": _("Asked to make the plan for %(name)s again"),
        "placement.cancelled": _("Took the request for %(name)s back"),
        "placement.retire_requested": _("Asked to retire %(name)s with the policy %(policy)s"),
        "placement.repair_requested": _("Asked to copy the objects that planes of %(name)s lack"),
        "placement.check_requested": _("Asked to check %(name)s again"),
        "placements.not_yours": _(
            "This database belongs to %(owner)s. Ask them, or an administrator, to do this."
        ),
        "placements.not_your_teams": _(
            "This database belongs to %(owner)s and the team %(team)s. Ask one of them, or an administrator, to do "
            "this."
        ),
        "placements.not_now": _("%(name)s is %(status)s now, so this cannot be done."),
        "placements.being_planned": _(
            "A plan for %(name)s is being made since %(since)s; this takes some seconds. What you sent was not kept: "
            "wait until the plan is there, then choose again."
        ),
        "placements.type_name": _("Type the name %(name)s exactly as it is, to confirm."),
        "placements.policy": _("Choose what becomes of the data: Delete, or WipeOut."),
        "placements.answer_lost": _(
            "Nobody knows yet whether the Cluster of %(name)s was made: the control plane's answer was lost. Choose "
            "Retry on the run; it makes the Cluster once, or finds it."
        ),
        "placements.has_cluster": _(
            "%(name)s has its Cluster already. Retire it, so that the planes are cleaned."
        ),
        "placements.nothing_mirrored": _(
            "%(name)s never got as far as its Cluster, so no plane has an object that could be copied. Make the plan "
            "again."
        ),
        "placements.never_made": _(
            "%(name)s never got as far as its Cluster, so there is nothing to retire. Cancel it."
        ),
    }
)
_WORDS: dict[str, Any] = {
    **PlaceDatabase.words,
    "size": _("Size"),
    "profile": _("Network"),
    "purpose": _("What it is for"),
    "ticket": _("Ticket"),
    "write_way": _("How clients find who takes writes"),
}
"""What the fields of a request are called, for the audit entry that names those which were changed."""
declare({f"placement_field.{name}": word for name, word in _WORDS.items()})
EDITABLE = (Status.WAITING, Status.REJECTED, Status.CANCELLED, Status.ATTENTION)
"""Statuses in which a request may be edited, as long as its Cluster was never made."""


def subject_of(placement: Placement) -> tuple[str, str, str]:
    return (SUBJECT, str(placement.pk), f"{placement.namespace}/{placement.name}")


def facts_of(placement: Placement) -> dict[str, Any]:
    """Return the fields that every job on a database has."""
    network = placement.network
    return {
        "placement": placement.pk,
        "name": placement.name,
        "namespace": placement.namespace,
        "engine": placement.engine,
        "replicas": placement.replicas,
        "planes": list(placement.planes),
        "profile": placement.profile_id,
        "kind": network.kind,
        "config": dict(network.config),
    }


def place_job(placement: Placement) -> PlaceDatabase:
    """Return the job that makes the placement what it says."""
    return PlaceDatabase(
        **facts_of(placement), cpu=placement.cpu, memory=placement.memory, disk_gib=placement.disk_gib,
        termination_policy=placement.termination_policy, profile_version=placement.made_by.version,
        **_for_clients(placement),
    )  # fmt: skip


def _for_clients(placement: Placement) -> dict[str, Any]:
    """Return what clients are to get: what was asked for, or what a database that is made already has by now."""
    made = access_of(placement) if placement.cluster_uid else None
    if made is not None:
        return {**outside_of(clients_by(placement, made)), "zone": made.zone}
    named = placement.write_way == WriteWay.NAME and placement.made_by.outside
    return {**outside_of(placement.made_by), "zone": configured_zone() if named else ""}


def _check(wish: Wish, *, apart_from: int | None = None) -> None:
    found = problems(wish, apart_from=apart_from)
    if found:
        raise WishRefused(found)


def _fields(wish: Wish, *, way: str = "") -> dict[str, Any]:
    """Return the columns of a wish. `way`: how clients find who takes writes until now, kept where it still can be."""
    full = wish.with_figures()
    names = ("name", "namespace", "engine", "replicas", "size", "cpu", "memory", "disk_gib", "termination_policy",
             "purpose", "ticket")  # fmt: skip
    fields = {name: getattr(full, name) for name in names}
    profile = Profile.objects.get(pk=full.profile)
    way = (full.write_way or possible_way(way, engine_named(full.engine))) if profile.outside else ""
    return {**fields, "planes": list(full.planes), "profile": profile, "write_way": way}


def _team(wish: Wish, *, by: Any) -> Team | None:
    """Return the team that was chosen, locked so that nobody deletes it meanwhile. Raises WishRefused."""
    if wish.team is None:
        return None
    teams = Team.objects.all() if has_role(by, Role.ADMIN) else Team.objects.of(by)
    team = teams.select_for_update(of=("self",)).filter(pk=wish.team).first()
    if team is None:
        raise WishRefused({"team": [say("wish.team")]})
    return team


def _team_stays(wish: Wish, placement: Placement) -> None:
    """Raise WishRefused for another team: a database changes its team by being handed over, which is audited."""
    if wish.team not in (None, placement.team_id):
        raise WishRefused({"team": [say("wish.team_stays")]})


@transaction.atomic
def request(wish: Wish, *, by: Any) -> Placement:
    """Keep a request and have its plan made. Raises Refused, or WishRefused with what is wrong by field."""
    PlaceDatabase.approval.require(by)
    _check(wish)
    team = _team(wish, by=by)
    try:
        with transaction.atomic():
            placement = Placement.objects.create(**_fields(wish), team=team, owner=by)
    except IntegrityError:  # two people at once
        _check(wish)
        raise
    record(
        "placement.requested", by=by, on=subject_of(placement), reason=wish.purpose, name=placement.name,
        replicas=placement.replicas, engine=placement.engine, planes=list(placement.planes),
        team=team.name if team else "",
    )  # fmt: skip
    jobs.make_plan(place_job(placement), by=by, reason=wish.purpose)
    return placement


def _mine(placement_id: int, *, by: Any, statuses: tuple[Status, ...]) -> Placement:
    """Return the locked placement. Raises Refused, Stale."""
    rows = Placement.objects.select_for_update(of=("self",)).select_related("profile", "owner")
    placement = rows.get(pk=placement_id)
    if not placement.may_change(by):
        raise placement.not_yours()
    if placement.status not in statuses:
        raise Stale(
            "placements.not_now", name=placement.name, status=say(f"placement_status.{placement.status}")
        )
    return placement


def plannable(placement_id: int, *, by: Any, statuses: tuple[Status, ...]) -> Placement:
    """Return the locked placement if no plan of it is being made just now. Raises Refused, Stale."""
    placement = _mine(placement_id, by=by, statuses=statuses)
    making = placement.runs().filter(job=MakePlan.slug, status__in=ACTIVE).first()
    if making is not None:
        since = clock_text(making.created_at)
        raise Stale("placements.being_planned", name=placement.name, since=since, run=making.pk)
    return placement


@transaction.atomic
def change(placement_id: int, wish: Wish, *, by: Any) -> Placement:
    """Change a request and send it again, also one that was rejected, taken back, or failed before its Cluster.

    It stays the same placement. Whatever was shown or approved before is void. Raises Refused, Stale, WishRefused.
    """
    placement = plannable(placement_id, by=by, statuses=EDITABLE)
    if refusal := edit_refusal(placement):
        raise refusal
    _check(wish, apart_from=placement.pk)
    _team_stays(wish, placement)
    was, fields = placement.status, _fields(wish, way=placement.write_way)
    what = [
        say(f"placement_field.{name}") for name, value in fields.items() if getattr(placement, name) != value
    ]
    for plan in placement.plans().filter(status=PlanStatus.APPROVED):
        set_status(plan, PlanStatus.SUPERSEDED, by=by.get_username())  # so that nobody retries its run
    forget_clients(
        placement.pk
    )  # without a Cluster nothing was made for clients, and these may be other ones
    try:
        with transaction.atomic():
            _rewrite(placement, fields)
    except IntegrityError:  # somebody took the name meanwhile
        _check(wish, apart_from=placement.pk)
        raise
    act = "placement.changed" if was == Status.WAITING else "placement.sent_again"
    record(
        act, by=by, on=subject_of(placement), reason=wish.purpose, name=placement.name,
        was=say(f"placement_status.{was}"), what=what or [say("placement.nothing_else")],
    )  # fmt: skip
    _plan_again(placement, by=by)
    return placement


def _rewrite(placement: Placement, fields: dict[str, Any]) -> None:
    """Give the locked placement other fields; one that does not wait begins to wait in the same UPDATE.

    Its old name may be another's by now, so no moment may have the new status with it.
    """
    if placement.status != Status.WAITING:
        transition(placement, to=Status.WAITING, edges=PLACEMENT, changed_at=timezone.now(), **fields)
        return
    for name, value in fields.items():
        setattr(placement, name, value)
    placement.save()


def edit_refusal(placement: Placement) -> ConsoleError | None:
    """Return why the request cannot be edited and sent (again), whoever asks, or None."""
    if placement.status not in EDITABLE:
        status = say(f"placement_status.{placement.status}")
        return Stale("placements.not_now", name=placement.name, status=status)
    if placement.cluster_uid:
        return Stale("placements.has_cluster", name=placement.name)
    return Stale("placements.answer_lost", name=placement.name) if answer_lost(placement) else None


def _plan_again(placement: Placement, *, by: Any) -> Plan:
    last = placement.plans().filter(undoes=None).first()  # who asked for an undo shaped nothing
    editors = [*(last.editors if last else []), placement.owner_id]
    return jobs.make_plan(_job_again(placement), by=by, reason=placement.purpose, editors=editors)


def _known_outcome(placement: Placement) -> None:
    """Raise Stale while nobody knows whether the control plane has the Cluster."""
    if answer_lost(placement):
        raise Stale("placements.answer_lost", name=placement.name)


_APART = (MakePlan.slug, CheckDatabase.slug, GiveAddresses.slug, TakeAddresses.slug, UndoRun.slug)
"""Jobs after which the placement is what it was before. An undo takes back, and is no new intention."""


def _job_again(placement: Placement) -> PlaceDatabase | RetireDatabase | RepairMirrors:
    """Return what was being done: a retirement that stopped half-way must not place the database anew."""
    last = placement.runs().exclude(job__in=_APART).first()
    job = last.definition() if last else None
    return job if isinstance(job, RetireDatabase | RepairMirrors) else place_job(placement)


@transaction.atomic
def plan_again(placement_id: int, *, by: Any) -> Plan:
    """Make the plan again: the last one failed, went stale, or its run did not get through."""
    placement = plannable(placement_id, by=by, statuses=(Status.WAITING, Status.ATTENTION))
    _known_outcome(placement)
    record("placement.planned_again", by=by, on=subject_of(placement), name=placement.name)
    return _plan_again(placement, by=by)


def _remade(plan: Plan, by: Any) -> Plan:
    """Make a plan about a database again, of what the database is now. See `kbconsole.jobs.again`."""
    asked = plan.definition()
    if isinstance(asked, PlaceDatabase):
        return plan_again(int(plan.subject_id), by=by)
    placement = plannable(int(plan.subject_id), by=by, statuses=STANDING)
    if isinstance(asked, GiveAddresses | TakeAddresses):
        record("placement.planned_again", by=by, on=subject_of(placement), name=placement.name)
        fresh = replace(asked, **facts_of(placement))
        if isinstance(fresh, GiveAddresses):
            fresh = replace(fresh, **given_by(placement, newest=bool(fresh.instead_of)))
        return jobs.make_plan(fresh, by=by, reason=plan.reason, editors=plan.editors)
    facts = {**facts_of(placement), "uid": placement.cluster_uid}
    job: RetireDatabase | RepairMirrors = RepairMirrors(**facts)
    if isinstance(asked, RetireDatabase):
        job = RetireDatabase(**facts, policy=asked.policy)
    record("placement.planned_again", by=by, on=subject_of(placement), name=placement.name)
    return jobs.make_plan(job, by=by, reason=plan.reason, editors=plan.editors)


again.register(SUBJECT, _remade)


@transaction.atomic
def cancel(placement_id: int, *, by: Any) -> Placement:
    """Take a request back before its Cluster is made; what waits for a decision is withdrawn. Raises Stale."""
    placement = _mine(placement_id, by=by, statuses=(Status.WAITING, Status.ATTENTION))
    if placement.cluster_uid:
        raise Stale("placements.has_cluster", name=placement.name)
    _known_outcome(placement)
    closed = (PlanStatus.READY, PlanStatus.MAKING, PlanStatus.APPROVED)
    for plan in placement.plans().filter(status__in=closed):  # also one below the plan to undo its run
        if plan.status == PlanStatus.APPROVED:  # its run failed; nobody may retry it any more
            set_status(plan, PlanStatus.WITHDRAWN, by=by.get_username())
        else:
            jobs.withdraw(plan.pk, by=by)
    placement.refresh_from_db()
    if placement.status != Status.CANCELLED:
        transition(placement, to=Status.CANCELLED, edges=PLACEMENT)
    record("placement.cancelled", by=by, on=subject_of(placement), name=placement.name)
    return placement


@transaction.atomic
def retire(placement_id: int, *, typed_name: str, policy: str, reason: str = "", by: Any) -> Plan:
    """Ask for a plan that deletes the database and what the operator leaves behind. Raises ConsoleError."""
    placement = plannable(placement_id, by=by, statuses=STANDING)
    if typed_name != placement.name:
        raise ConsoleError("placements.type_name", name=placement.name)
    if policy not in (TerminationPolicy.DELETE, TerminationPolicy.WIPE_OUT):
        raise ConsoleError("placements.policy")
    if not placement.cluster_uid:
        raise ConsoleError("placements.never_made", name=placement.name)
    job = RetireDatabase(**facts_of(placement), policy=policy, uid=placement.cluster_uid)
    record(
        "placement.retire_requested",
        by=by,
        on=subject_of(placement),
        reason=reason,
        name=placement.name,
        policy=policy,
    )
    return jobs.make_plan(job, by=by, reason=reason)


@transaction.atomic
def repair(placement_id: int, *, reason: str = "", by: Any) -> Plan:
    """Ask for a plan that copies what is missing on a plane from one that has it. Raises Refused, Stale."""
    placement = plannable(placement_id, by=by, statuses=STANDING)
    if not placement.cluster_uid:
        raise Stale("placements.nothing_mirrored", name=placement.name)
    record("placement.repair_requested", by=by, on=subject_of(placement), reason=reason, name=placement.name)
    job = RepairMirrors(**facts_of(placement), uid=placement.cluster_uid)
    return jobs.make_plan(job, by=by, reason=reason)


@transaction.atomic
def check(placement_id: int, *, by: Any) -> Run:
    """Ask the planes again what runs there."""
    placement = _mine(placement_id, by=by, statuses=STANDING)
    record("placement.check_requested", by=by, on=subject_of(placement), name=placement.name)
    return jobs.start(CheckDatabase(**facts_of(placement)), by=by)
