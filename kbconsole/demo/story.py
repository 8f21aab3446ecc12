"""The demo's story: the fleet registered and three databases, made by the real services and workers.

Every part looks first whether it is there, so a second start changes nothing and an interrupted one goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from django.contrib.auth.models import User

from kbconsole.demo import faults_client
from kbconsole.fleet import services as fleet
from kbconsole.fleet.models import Plane
from kbconsole.jobs import services as jobs
from kbconsole.jobs.cautions import cautions_of
from kbconsole.jobs.models import Plan, PlanStatus, Run
from kbconsole.people import teams
from kbconsole.people.models import Team
from networking import address_services as addresses
from networking import services as networking
from networking.addresses.facts import What
from networking.kinds.cilium.jobs import LookAtMesh
from networking.kinds.cilium.known import known_facts
from networking.models import MeshNumber, Profile
from placements import services as placements
from placements.models import Placement
from placements.wishes import Wish

PLANES = ("k8s-1", "k8s-2", "k8s-3")
TEAM = "shop"
CLIENTS = "172.20.0.0/16"


class Interrupted(Exception):
    """Something did not come about in time; the message says what."""


class Story:
    """`folder` is the demo's; `say` prints a line."""

    def __init__(self, folder: Path, *, say: Callable[[str], object]) -> None:
        self._folder = folder
        self._say = say
        self._dba = User.objects.get(username="dba")
        self._admin = User.objects.get(username="admin")
        self._admin2 = User.objects.get(username="admin2")

    def tell(self) -> None:
        """Make what is missing. Raises Interrupted."""
        if not Plane.objects.exists():
            self._register()
        mesh, ports, cloud = self._profiles()
        if not Run.objects.filter(job="copy-rbac").exists():
            self._copy_rbac()
        self._addresses()
        self._finished(ports)
        self._failed(mesh)
        self._waiting(cloud)
        self._look_at_mesh()

    def _until(self, what: str, done: Callable[[], bool], seconds: float = 60) -> None:
        until = monotonic() + seconds
        while not done():
            if monotonic() > until:
                raise Interrupted(f"after {seconds:.0f} s still missing: {what}")
            sleep(0.1)

    def _ended(self, run_id: int) -> Run:
        self._until(f"the end of run {run_id}", lambda: not Run.objects.get(pk=run_id).active)
        return Run.objects.get(pk=run_id)

    def _ready(self, plan: Plan) -> Plan:
        def made() -> bool:
            return Plan.objects.get(pk=plan.pk).status != PlanStatus.MAKING

        self._until(f"plan {plan.pk}", made)
        plan.refresh_from_db()
        if plan.status != PlanStatus.READY:
            raise Interrupted(f"plan {plan.pk} is {plan.status}: {plan.failure}")
        return plan

    def _register(self) -> None:
        data = (self._folder / "fleet.kubeconfig").read_bytes()
        draft = fleet.upload_draft(data=data, by=self._admin)
        contexts = ["control-plane", *PLANES]
        run = fleet.choose(
            draft=draft, contexts=contexts, control_plane="control-plane", also_plane=False, by=self._admin
        )
        self._ended(run.pk)
        draft.refresh_from_db()
        fleet.save(draft=draft, contexts=contexts, by=self._admin)
        self._say("control plane and three planes registered")

    def _profiles(self) -> list[Profile]:
        cloud: dict[str, Any] = {
            "provider": "ack", "address_type": "private", "subnet_id": "", "annotations": {}, "minimum_disk_gib": None,
        }  # fmt: skip
        ports = {"addresses": "InternalIP", "own": {}, "nodes": 2, "fixed_ports": True}
        wanted: dict[str, dict[str, Any]] = {
            "mesh": {"kind": "cilium_mesh", "config": {}},
            "node-ports": {
                "kind": "cilium_mesh", "config": {}, "outside": "node_port", "outside_config": ports,
            },
            "cloud-private": {"kind": "cloud_lb", "config": cloud},
        }  # fmt: skip
        for name, says in wanted.items():
            if not Profile.objects.filter(name=name).exists():
                networking.create_profile(name=name, **says, by=self._admin)
        return [Profile.objects.get(name=name) for name in wanted]

    def _addresses(self) -> None:
        """The guide's plan of addresses; what planes use themselves is read by beat."""
        if MeshNumber.objects.exists():
            return
        seen = addresses.fingerprint(addresses.proposed(PLANES))
        addresses.reserve(planes=PLANES, seen=seen, by=self._admin, reason="The guide's plan")
        planes = list(Plane.objects.filter(name__in=PLANES))
        addresses.enter_ranges(
            planes=planes, what=What.CLIENTS, text=CLIENTS, by=self._admin, reason="Office network"
        )
        self._say("mesh ids and blocks of addresses reserved for three planes")

    def _look_at_mesh(self) -> None:
        """Let the matrix show what the planes' stand-ins really reach. The story is told before the run has ended."""
        if Run.objects.filter(job=LookAtMesh.slug).exists():
            return
        self._until("what planes tell of their mesh", lambda: len(known_facts()) == len(PLANES))
        look = LookAtMesh.of(list(PLANES))
        jobs.start(look, by=self._admin)
        self._say("the mesh is being looked at")

    def _copy_rbac(self) -> None:
        plan = self._ready(fleet.plan_rbac_copy(planes=PLANES, take_over=False, by=self._admin2))
        if plan.approvals_needed:
            self._decide(plan)
            run = plan.runs.exclude(job="make-plan").get()
        else:  # KBCONSOLE_FLEET_APPROVALS=0
            run = jobs.go_ahead(plan.pk, by=self._admin2, seen_hash=plan.hash)
        self._ended(run.pk)
        self._say("role of the pods copied to three planes")

    def _wish(self, name: str, profile: Profile, purpose: str, *, replicas: int = 3) -> Placement | None:
        """Ask for a database; None if it was asked for in an earlier start."""
        if Placement.objects.filter(name=name).exists():
            return None
        # A plane that was silent a moment ago is refused until it has answered again.
        self._until(
            "an answer of every plane", lambda: not any(p.silent for p in Plane.objects.data_planes())
        )
        wish = Wish(
            name=name, namespace="default", engine="etcd", replicas=replicas, planes=PLANES, profile=profile.pk,
            size="s", purpose=purpose, team=self._team().pk,
        )  # fmt: skip
        return placements.request(wish, by=self._dba)

    def _team(self) -> Team:
        team = Team.objects.filter(name=TEAM).first()
        if team is None:
            team = teams.create(name=TEAM, by=self._admin)
            teams.add_member(team.pk, person_id=self._dba.pk, by=self._admin)
            self._say(f"the team {TEAM} looks after them")
        return team

    def _plan(self, placement: Placement) -> Plan:
        return self._ready(placement.plans()[0])

    def _decide(self, plan: Plan) -> None:
        ticks = [caution.key for caution in cautions_of(plan)]
        jobs.decide(
            plan.pk, by=self._admin, approve=True, seen_hash=plan.hash, comment="Looks right.", accepted=ticks
        )

    def _approve(self, placement: Placement) -> Run:
        self._decide(self._plan(placement))
        return placement.runs().exclude(job="make-plan")[0]

    def _finished(self, profile: Profile) -> None:
        placement = self._wish("etcd-orders", profile, "Locks and leader election of the order service")
        if placement is not None:
            self._ended(self._approve(placement).pk)
            self._say("etcd-orders is in service")

    def _failed(self, profile: Profile) -> None:
        """A real fault between approval and the first write: k8s-3 refuses every answer, then it is well again."""
        placement = self._wish("etcd-billing", profile, "Configuration of the billing service")
        if placement is None:
            return
        self._plan(placement)
        faults_client.switch(self._folder / "fleet.sqlite3", "k8s-3", "500")
        try:
            self._ended(self._approve(placement).pk)
        finally:
            faults_client.switch(self._folder / "fleet.sqlite3", "k8s-3", "off")
        self._say("etcd-billing needs attention")

    def _waiting(self, profile: Profile) -> None:
        placement = self._wish("etcd-search", profile, "Cluster state of the search service")
        if placement is not None:
            self._plan(placement)
            self._say("etcd-search waits for approval")
