"""A registered embedded fleet for journeys: started once, emptied of databases between tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User

from kbconsole.fleet import services as fleet
from kbconsole.jobs import services as jobs
from kbconsole.jobs.models import Plan, Run
from networking import services as networking
from networking.models import Profile
from placements import services as placements
from placements.models import Placement
from placements.wishes import Wish
from tests.driving import drive, ticks
from tests.fleets.beginnings import registered
from tests.fleets.protocol import Fleet

PLANES = ("k8s-1", "k8s-2", "k8s-3")
ACK_PRIVATE: dict[str, Any] = {
    "provider": "ack", "address_type": "private", "subnet_id": "", "annotations": {}, "minimum_disk_gib": None,
}  # fmt: skip


def register(fleet: Fleet, admin: User, planes: Sequence[str] = PLANES) -> None:
    """Let the console know the control plane and planes, as they are in the beginning of a test."""
    registered(fleet, admin, planes, register_anew)


def register_anew(embedded: Fleet, admin: User, planes: Sequence[str] = PLANES) -> None:
    """Register the control plane and planes from a real kubeconfig, through draft, preflight and save."""
    contexts = [embedded.control_plane, *planes]
    draft = fleet.upload_draft(data=embedded.kubeconfig(contexts=contexts).encode(), by=admin)
    run = drive(
        fleet.choose(
            draft=draft, contexts=contexts, control_plane=embedded.control_plane, also_plane=False, by=admin
        ),
        seconds=120,
    )
    bad = [(s.lane, s.phase, s.finding) for s in run.steps.all() if s.status != "succeeded"]
    assert not bad, bad
    draft.refresh_from_db()
    fleet.save(draft=draft, contexts=contexts, by=admin)


def mesh(admin: User) -> Profile:
    return networking.create_profile(name="mesh", kind="cilium_mesh", config={}, by=admin)


def cloud(admin: User) -> Profile:
    return networking.create_profile(name="cloud", kind="cloud_lb", config=ACK_PRIVATE, by=admin)


def wish(profile: Profile, name: str = "etcd-demo", **changes: Any) -> Wish:
    fields: dict[str, object] = {
        "name": name, "namespace": "default", "engine": "etcd", "replicas": 3, "planes": PLANES,
        "profile": profile.pk, "size": "s", "purpose": "a test",
    }  # fmt: skip
    return Wish(**{**fields, **changes})


def asked(the_wish: Wish, dba: User) -> Placement:
    """Ask, and let the plan be made."""
    placement = placements.request(the_wish, by=dba)
    drive(placement.plans()[0].runs.get(), seconds=120)
    return placement


def plan_of(placement: Placement) -> Plan:
    return placement.plans()[0]


def approved(placement: Placement, *admins: User, seconds: float = 120) -> Run:
    """Approve the newest plan and carry its run on until it ends."""
    plan = plan_of(placement)
    for admin in admins:
        jobs.decide(plan.pk, by=admin, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    run = drive(plan.runs.exclude(job="make-plan").get(), seconds=seconds)
    placement.refresh_from_db()
    return run


def trouble(run: Run) -> list[tuple[str, str, str, str]]:
    """Return the steps that did not succeed, for a failing assertion."""
    return [
        (s.lane, s.phase, s.status, str((s.finding or {}).get("sentence")))
        for s in run.steps.all()
        if s.status != "succeeded"
    ]
