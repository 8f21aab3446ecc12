"""Planes, profiles, placements and what was seen of them, as rows: pages never ask a plane."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from kbconsole.common.sentences import say
from kbconsole.fleet.models import Plane
from kbconsole.jobs.models import Plan, PlanStatus, Run, RunStep
from networking.models import Profile
from placements.models import SUBJECT, Placement, Status
from placements.services import place_job

PLANES = ("k8s-1", "k8s-2", "k8s-3")
DEFINITION = {"name": "etcd-0.9.0", "chart": "etcd-0.9.4", "available": True, "message": ""}


def fleet(**control: Any) -> None:
    """Make the control plane, whose operator knows k8s-1 to k8s-3, and these data planes."""
    facts = {"release_line": "0.9", "operator_contexts": [*PLANES], "definitions": [DEFINITION]} | control
    Plane.objects.create(name="k8s-0", is_control_plane=True, is_data_plane=False, uid="uid-0", **facts)
    for number, name in enumerate(PLANES, start=1):
        nodes = [
            {"name": f"{name}-n{n}", "zone": "", "ready": True, "cpu": "8", "memory": "32Gi"}
            for n in range(3)
        ]
        Plane.objects.create(
            name=name, uid=f"uid-{number}", region=f"region-{number}", nodes=nodes, facts_at=timezone.now(),
            last_answer_at=timezone.now(),
        )  # fmt: skip


def silence(name: str) -> None:
    """Let a plane give no answer."""
    error = say("form.plane_silent").to_json()
    Plane.objects.filter(name=name).update(last_error=error)


def mesh(by: User, name: str = "mesh") -> Profile:
    return Profile.objects.create(name=name, kind="cilium_mesh", created_by=by)


def cloud(by: User, name: str = "ack-intranet", address_type: str = "private") -> Profile:
    config = {"provider": "ack", "address_type": address_type}
    return Profile.objects.create(name=name, kind="cloud_lb", config=config, created_by=by)


def asked(profile: Profile, /, **changes: Any) -> dict[str, Any]:
    """Return the form of the guide's etcd, as a browser sends it."""
    form = {
        "name": "etcd-demo", "purpose": "Trying it out", "ticket": "", "engine": "etcd", "replicas": "3",
        "size": "s", "cpu": "", "memory": "", "disk_gib": "", "profile": str(profile.pk),
        "planes": [*PLANES], "namespace": "demo", "termination_policy": "DoNotTerminate",
    }  # fmt: skip
    return {**form, **changes}


def placed(owner: User, profile: Profile, name: str = "etcd-demo", **changes: Any) -> Placement:
    """Return a placement that waits for approval."""
    fields: dict[str, Any] = {
        "namespace": "demo", "engine": "etcd", "replicas": 3, "planes": [*PLANES], "size": "s", "cpu": "1",
        "memory": "2Gi", "disk_gib": 20, "termination_policy": "DoNotTerminate",
    }  # fmt: skip
    return Placement.objects.create(name=name, owner=owner, profile=profile, **{**fields, **changes})


def in_service(owner: User, profile: Profile, name: str = "etcd-demo", **changes: Any) -> Placement:
    """Return a placement whose replicas were all seen ready, the leader on k8s-2."""
    now = timezone.now()
    fields = {
        "status": Status.IN_SERVICE, "release_line": "0.9", "definition": "etcd-0.9.0", "cluster_uid": f"uid-{name}",
        "observed": seen(name), "observed_at": now, "proven_at": now,
    }  # fmt: skip
    return placed(owner, profile, name, **{**fields, **changes})


def seen(
    name: str, *, client_port: bool = False, ready: tuple[bool, ...] = (True, True, True)
) -> dict[str, Any]:
    """Return what three planes answered just now: one pod and one peer service each."""
    observed: dict[str, Any] = {}
    now = timezone.now().isoformat()
    for n, plane in enumerate(PLANES):
        ports = [{"name": "peer", "port": 2380, "node_port": None}]
        if client_port:
            ports.append({"name": "client", "port": 2379, "node_port": None})
        pod = {
            "name": f"{name}-etcd-{n}", "node": f"{plane}-n0", "ip": f"10.{n}.0.7", "host_ip": "", "phase": "Running",
            "ready": ready[n], "role": "leader" if n == 1 else "follower", "reason": "" if ready[n] else "no room",
        }  # fmt: skip
        service = {
            "name": f"{name}-etcd-peer-{n}", "type": "LoadBalancer", "cluster_ip": f"172.16.{n}.9",
            "addresses": [f"192.0.2.{n + 1}"], "ports": ports, "global": False,
        }  # fmt: skip
        observed[plane] = {"pods": [pod], "services": [service], "seen_at": now}
    return observed


def planned(placement: Placement, status: str = PlanStatus.READY, **changes: Any) -> Plan:
    """Return a plan of the placement, as if a worker had made it."""
    job = place_job(placement)
    fields: dict[str, Any] = {
        "job": job.slug, "params": job.params(), "subject_kind": SUBJECT, "subject_id": str(placement.pk),
        "subject_label": f"{placement.namespace}/{placement.name}", "requested_by": placement.owner,
        "editors": [placement.owner_id], "status": status, "approvals_needed": 1, "hash": "0" * 64,
        "made_at": timezone.now(),
    }  # fmt: skip
    return Plan.objects.create(**{**fields, **changes})


def ran(placement: Placement, status: str, **changes: Any) -> Run:
    """Return a run of the placement's job."""
    job = place_job(placement)
    fields: dict[str, Any] = {
        "job": job.slug, "params": job.params(), "subject_kind": SUBJECT, "subject_id": str(placement.pk),
        "subject_label": f"{placement.namespace}/{placement.name}", "status": status, "by": placement.owner,
        "by_label": placement.owner.get_username(),
    }  # fmt: skip
    return Run.objects.create(**{**fields, **changes})


def stepped(run: Run, lane: str, phase: str, status: str, position: int = 0, **changes: Any) -> RunStep:
    """Return one step of a run."""
    label = say("placements.check_pods").to_json()
    return RunStep.objects.create(
        run=run, lane=lane, phase=phase, phase_order=position, position=position, content={}, label=label,
        status=status, **changes,
    )  # fmt: skip
