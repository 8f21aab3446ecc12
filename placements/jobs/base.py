"""What the jobs on one database have in common: its facts, and the looks at every plane."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.lifecycle import allowed, transition
from kbconsole.common.policy import Policy
from kbconsole.common.sentences import Json, Sentence, declare
from kbconsole.fleet import access
from kbconsole.fleet.models import Plane
from kbconsole.fleet.preflight.operator import read_definitions
from kbconsole.jobs.definition import CONSOLE, Check, Ended, Job, Step, Subject, declare_phases
from networking.kinds.base import NetworkKind
from networking.kinds.base import kind_named as network_kind
from placements import observation
from placements.checks import (
    AddressesThere,
    PlanesAgree,
    PodsReady,
    RolesSet,
    ServicesThere,
)
from placements.engines.base import Chosen, DefinitionFact, Engine, engine_named
from placements.lifecycle import PLACEMENT
from placements.models import SUBJECT, Placement, Status
from placements.names import DatabaseNames, pod_services_in

declare_phases(
    {
        "preflight": _("Look first"),
        "namespace": _("Namespace"),
        "copy": _("Copies"),
        "cluster": _("Cluster object"),
        "services": _("Services"),
        "addresses": _("Addresses"),
        "pods": _("Pods"),
        "roles": _("Roles"),
        "agree": _("Planes agree"),
        "policy": _("Termination policy"),
        "delete": _("Delete"),
        "gone": _("Gone"),
        "clean": _("Clean up"),
        "proof": _("Proof"),
    }
)
declare(
    {
        "placements.plane_gone": _(
            "%(plane)s is not registered as a data plane any more. Choose other planes."
        ),
        "placements.plane_disabled": _(
            "%(plane)s is disabled in the operator, so its replicas would silently never be made. Enable it there, or "
            "choose another plane."
        ),
        "placements.unmanaged": _(
            "The operator looks at the namespaces %(namespaces)s only, so it would silently leave a database in "
            "%(namespace)s alone. Choose one of these, or have managedNamespaces changed."
        ),
        "placements.public": _("public addresses"),
        "placements.wipes": _(
            "Everything goes: data and backups of %(name)s on all planes. This cannot be undone."
        ),
        "placements.deletes": _(
            "The data of %(name)s goes on all planes; backups stay. This cannot be undone."
        ),
    }
)

WIPES = _("deleting it takes the backups along")
"""Why a plan needs a second administrator, for every job of which it is true."""
DEADLINES = {"services": 180, "addresses": 600, "pods": 900, "roles": 300, "agree": 120}
"""How long each look may say "not yet", in seconds."""


@dataclass(frozen=True)
class DatabaseJob(Job):
    """A job on one database. The fields say all about it, so that the plan stands for itself."""

    approval: ClassVar[Policy] = Policy(owned=True)
    placement: int
    name: str
    namespace: str
    engine: str
    replicas: int
    planes: list[str]
    profile: int
    kind: str
    config: dict[str, Json]

    def subject(self) -> Subject:
        return Subject(SUBJECT, str(self.placement), f"{self.namespace}/{self.name}")

    def lanes(self) -> list[str]:
        control = Plane.objects.filter(is_control_plane=True).values_list("name", flat=True)
        return list(dict.fromkeys([*control, *self.planes]))

    def row(self) -> Placement:
        return Placement.objects.get(pk=self.placement)

    def allows(self, user: Any, act: str) -> bool:
        """Seeing and deciding as the policy says; running, cancelling and retrying for those whose database it is."""
        if act in ("see", "decide"):
            return super().allows(user, act)
        return self.row().may_change(user)

    def shares(self, user: Any) -> bool:
        """A team's request is taken back by its members as by its owner; a plan may outlive its placement."""
        row = Placement.objects.filter(pk=self.placement).first()
        return row is not None and row.looked_after_by(user)

    # What the steps are made of

    def engine_(self) -> Engine:
        return engine_named(self.engine)

    def kind_(self) -> NetworkKind:
        return network_kind(self.kind)

    def unique(self) -> bool:
        return self.kind_().service(self.config).unique

    def uids(self) -> dict[str, str]:
        """Return the identity of every plane that takes part. Raises ConsoleError for one that is gone."""
        found = dict(Plane.objects.data_planes().filter(name__in=self.planes).values_list("name", "uid"))
        for plane in self.planes:
            if plane not in found:
                raise ConsoleError("placements.plane_gone", plane=plane)
        control = access.control_plane()
        return {**found, control.name: control.uid}

    def set_status(self, to: Status, **changes: Any) -> None:
        row = self.row()
        if row.status != to and allowed(PLACEMENT, row.status, to):
            transition(row, to=to, edges=PLACEMENT, **changes)
        elif changes:
            Placement.objects.filter(pk=row.pk).update(**changes)

    def look_steps(self, names: DatabaseNames, *, gate: bool, blocks: bool = True) -> Iterator[Step]:
        """Yield the checks on every data plane: services, addresses, pods, roles; then all planes together."""
        for plane in self.planes:
            for phase, check in self._looks(plane, names):
                first = gate and phase == "services"
                # A Retry makes a namespace that vanished, and gives pods that lack a role the cluster role once more.
                again = {"services": "namespace", "roles": "apply"}.get(phase, "")
                yield Step(
                    on=plane, phase=phase, check=check, gate=first, blocks=blocks, deadline=DEADLINES[phase],
                    repeats=again,
                )  # fmt: skip
        agree = self.agreement(names)
        yield Step(on=CONSOLE, phase="agree", check=agree, gate=True, deadline=DEADLINES["agree"])

    def _looks(self, plane: str, names: DatabaseNames) -> Iterator[tuple[str, Check]]:
        services = list(pod_services_in(plane, self.planes, names, unique=self.unique()))
        pods = [pod for n, pod in enumerate(names.pods) if self.planes[n % len(self.planes)] == plane]
        at = {"plane": plane, "namespace": self.namespace}
        mine, ours = selector(names.selector), selector(names.pod_selector)
        yield "services", ServicesThere(**at, labels=mine, names=services)
        yield "addresses", AddressesThere(**at, labels=mine, names=services)
        yield "pods", PodsReady(**at, labels=ours, names=pods)
        yield "roles", RolesSet(**at, labels=ours, names=pods)

    def agreement(self, names: DatabaseNames) -> PlanesAgree:
        shared = [names.service_account, names.role_binding] if names.shares_service_account else []
        return PlanesAgree(
            list(self.planes), self.namespace, self.name, names.base, self.engine_().leader_role,
            single=list(names.pod_services) if self.unique() else [], shared=shared,
        )  # fmt: skip


def selector(text: str) -> dict[str, str]:
    """Return `a=b,c=d` as a mapping."""
    return dict(pair.split("=", 1) for pair in text.split(","))


def chosen_definition(job: DatabaseJob, line: str) -> Chosen:
    """Return the definition that the control plane offers now. Raises ConsoleError with the engine's reason."""
    facts = [DefinitionFact(**fact) for fact in read_definitions(access.client(access.control_plane().name))]
    chosen = job.engine_().choose_definition(line, facts)
    if isinstance(chosen, Sentence):
        raise ConsoleError(chosen.code, **chosen.params)
    return chosen


def known_definition(row: Placement) -> Chosen:
    """Return the definition that the placement's run used, from what was kept: for looking and for retiring."""
    facts = [DefinitionFact(row.definition)]
    chosen = row.kind_of_engine.choose_definition(row.release_line, facts)
    return chosen if isinstance(chosen, Chosen) else Chosen(row.definition, row.release_line, "")


def note_observation(job: DatabaseJob, ended: Ended, *, proven: bool) -> dict[str, Any]:
    """Return what a run's checks saw, as changes of the placement. What was not seen keeps its older value."""
    row = job.row()
    changes: dict[str, Any] = {}
    observed = observation.with_run(row.observed, ended.facts)
    if observed != (row.observed or {}):
        changes |= {"observed": observed, "observed_at": timezone.now()}
    if proven:
        changes["proven_at"] = timezone.now()
    for _lane, phase, fact in ended.facts:
        if phase == "preflight" and isinstance(fact, Mapping) and "definition" in fact:
            changes |= {"definition": fact["definition"], "release_line": fact["line"]}
    for _lane, phase, outcome in ended.outcomes:
        if phase == "cluster" and outcome:
            changes["cluster_uid"] = outcome[0]["uid"]
    return changes
