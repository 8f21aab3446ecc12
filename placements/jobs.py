"""Placing a database over planes, looking at it again, and retiring it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.lifecycle import allowed, transition
from kbconsole.common.roles import Role, has_role, roles_of
from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet import access
from kbconsole.fleet.changes import Apply, EnsureNamespace, Remove, RemoveMatching
from kbconsole.fleet.checks import Absent
from kbconsole.fleet.jobs import role_steps
from kbconsole.fleet.models import Plane
from kbconsole.fleet.preflight.operator import Operator, read_definitions, read_operator
from kbconsole.jobs.definition import CONSOLE, Ended, Job, Step, Subject, declare_phases, register
from kbconsole.jobs.models import PlanStatus, RunStatus
from kbconsole.k8s.kinds import CONFIG_MAP, POD, PVC, ROLE_BINDING, SERVICE, SERVICE_ACCOUNT, kind_named
from networking.kinds.base import NetworkKind
from networking.kinds.base import kind_named as network_kind
from networking.models import Profile
from placements import observation
from placements.checks import (
    AddressesThere,
    OperatorSays,
    PlaneFits,
    PlanesAgree,
    PodsReady,
    RolesSet,
    ServicesThere,
)
from placements.engines.base import Chosen, DefinitionFact, Engine, engine_named
from placements.lifecycle import PLACEMENT
from placements.models import SUBJECT, Placement, Status
from placements.names import DatabaseNames, names_of, plane_problems, pod_services_in
from placements.rendering import API_VERSIONS, ClusterSpec, TerminationPolicy, cluster_manifest
from placements.verdict import survival

declare_phases(
    {
        "preflight": _("Look first"),
        "namespace": _("Namespace"),
        "apply": _("Role of the pods"),
        "prove": _("Read back"),
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
        "placements.profile_changed": _("the network profile %(name)s"),
        "placements.cluster_exists": _(
            "The control plane has a Cluster %(namespace)s/%(name)s already, which this placement did not make. "
            "Take another name."
        ),
        "placements.plane_gone": _(
            "%(plane)s is not registered as a data plane any more. Choose other planes."
        ),
        "placements.plane_disabled": _(
            "%(plane)s is disabled in the operator, so its replicas would silently never be made. Enable it there, or "
            "choose another plane."
        ),
        "placements.wipes": _(
            "Everything goes: data and backups of %(name)s on all planes. This cannot be undone."
        ),
        "placements.deletes": _(
            "The data of %(name)s goes on all planes; backups stay. This cannot be undone."
        ),
        "placements.losable": _("%(headline)s"),
        "placements.small": _(
            "The figures are as small as the guide's: good for a trial, not for a real database."
        ),
    }
)


@dataclass(frozen=True)
class _DatabaseJob(Job):
    """A job on one database. The fields say all about it, so that the plan stands for itself."""

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
        """Everybody with a role sees; admins decide; the owner and admins run, cancel and retry."""
        if act == "see":
            return bool(roles_of(user))
        if act == "decide":
            return has_role(user, Role.ADMIN)
        return self.row().may_change(user)

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
            services = list(pod_services_in(plane, self.planes, names, unique=self.unique()))
            pods = [pod for n, pod in enumerate(names.pods) if self.planes[n % len(self.planes)] == plane]
            at = {"plane": plane, "namespace": self.namespace}
            mine, ours = selector(names.selector), selector(names.pod_selector)
            looks = [
                ("services", ServicesThere(**at, labels=mine, names=services), 180),
                ("addresses", AddressesThere(**at, labels=mine, names=services), 600),
                ("pods", PodsReady(**at, labels=ours, names=pods), 900),
                ("roles", RolesSet(**at, labels=ours, names=pods), 300),
            ]
            for phase, check, deadline in looks:
                first = gate and phase == "services"
                yield Step(on=plane, phase=phase, check=check, gate=first, blocks=blocks, deadline=deadline)
        agree = PlanesAgree(list(self.planes), self.namespace, selector(names.selector))
        yield Step(on=CONSOLE, phase="agree", check=agree, gate=True, deadline=120)


def selector(text: str) -> dict[str, str]:
    """Return `a=b,c=d` as a mapping."""
    return dict(pair.split("=", 1) for pair in text.split(","))


def chosen_definition(job: _DatabaseJob, line: str) -> Chosen:
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


@register
@dataclass(frozen=True)
class PlaceDatabase(_DatabaseJob):
    """Make the namespaces, the pods' role and the Cluster; then prove on every data plane that it runs."""

    slug: ClassVar[str] = "place-database"
    label: ClassVar[object] = _("Place database")
    cpu: str
    memory: str
    disk_gib: int
    termination_policy: str
    profile_version: int
    storage_class: str = ""

    def steps(self) -> Iterable[Step]:
        control, uids = access.control_plane(), self.uids()
        operator = read_operator(access.client(control.name))
        self._fits(operator)
        chosen = chosen_definition(self, operator.line)
        names = names_of(self.name, self.engine_(), chosen, self.replicas)
        self._own_cluster(control.name, operator.line)
        yield from self._preflight(control, uids, operator, chosen, names)
        for plane in dict.fromkeys([control.name, *self.planes]):
            yield Step(on=plane, phase="namespace", change=EnsureNamespace(plane, self.namespace))
        yield from role_steps(self.planes)
        cluster = cluster_manifest(
            self._spec(operator.line, chosen), self.engine_(), self.kind_().service(self.config)
        )
        yield Step(on=control.name, phase="cluster", change=Apply(control.name, cluster), gate=True)
        yield from self.look_steps(names, gate=True)

    def _fits(self, operator: Operator) -> None:
        for problem in plane_problems(self.planes, operator.contexts):
            raise ConsoleError(problem.code, **problem.params)
        for plane in self.planes:
            if plane in operator.disabled:
                raise ConsoleError("placements.plane_disabled", plane=plane)

    def _own_cluster(self, control: str, line: str) -> None:
        """Raise ConsoleError if the control plane has a Cluster of that name which this placement did not make."""
        kind = kind_named(API_VERSIONS[line], "Cluster")
        there = access.client(control).get(kind, self.name, self.namespace)
        if there is not None and there["metadata"]["uid"] != self.row().cluster_uid:
            raise ConsoleError("placements.cluster_exists", namespace=self.namespace, name=self.name)

    def _preflight(
        self,
        control: Plane,
        uids: Mapping[str, str],
        operator: Operator,
        chosen: Chosen,
        names: DatabaseNames,
    ) -> Iterator[Step]:
        own = bool(self.row().cluster_uid)
        says = OperatorSays(control.name, operator.line, list(self.planes), chosen.definition)
        yield Step(on=control.name, phase="preflight", check=says)
        for plane in self.planes:
            check = PlaneFits(plane, uids[plane], self.namespace, self.name, "" if own else names.selector)
            yield Step(on=plane, phase="preflight", check=check)

    def _spec(self, line: str, chosen: Chosen) -> ClusterSpec:
        return ClusterSpec(
            name=self.name, namespace=self.namespace, line=line, definition=chosen.definition,
            replicas=self.replicas, planes=tuple(self.planes), cpu=self.cpu, memory=self.memory,
            disk_gib=self.disk_gib, storage_class=self.storage_class, termination_policy=self.termination_policy,
        )  # fmt: skip

    def facts(self) -> dict[str, Json]:
        control = access.control_plane()
        return {
            "planes": self.uids(),
            "release_line": read_operator(access.client(control.name)).line,
            "profile_version": Profile.objects.values_list("version", flat=True).get(pk=self.profile),
        }

    def approvals_needed(self) -> int:
        wipes = self.termination_policy == TerminationPolicy.WIPE_OUT
        return 2 if wipes or self.kind_().public(self.config) else 1

    def promise(self) -> Sentence | None:
        return survival(self.replicas, self.planes, self.engine_()).headline

    def cautions(self) -> list[Sentence]:
        row = self.row()
        found = list(self.kind_().cautions(self.config, []))
        if not row.survival.kept:
            found.append(row.survival.headline)
        return found

    def on_plan(self, *, plan_id: int, status: str, by: str) -> None:
        if status == PlanStatus.REJECTED:
            self.set_status(Status.REJECTED)
        elif status == PlanStatus.WITHDRAWN:
            self.set_status(Status.CANCELLED)

    def on_start(self, run_id: int) -> None:
        self.set_status(Status.APPLYING)

    def on_end(self, ended: Ended) -> None:
        works = ended.status == RunStatus.SUCCEEDED
        changes = note_observation(self, ended, proven=works)
        self.set_status(Status.IN_SERVICE if works else Status.ATTENTION, **changes)


def note_observation(job: _DatabaseJob, ended: Ended, *, proven: bool) -> dict[str, Any]:
    """Return what a run's checks saw, as changes of the placement. What was not seen keeps its older value."""
    row = job.row()
    seen = observation.merged(ended.facts)
    observed = {**(row.observed or {}), **{plane: {**(row.observed or {}).get(plane, {}), **new}
                                           for plane, new in seen.items()}}  # fmt: skip
    changes: dict[str, Any] = {"observed": observed, "observed_at": timezone.now()} if seen else {}
    if proven:
        changes["proven_at"] = timezone.now()
    for _lane, phase, fact in ended.facts:
        if phase == "preflight" and isinstance(fact, Mapping) and "definition" in fact:
            changes |= {"definition": fact["definition"], "release_line": fact["line"]}
    for _lane, phase, outcome in ended.outcomes:
        if phase == "cluster" and outcome:
            changes["cluster_uid"] = outcome[0]["uid"]
    return changes


@register
@dataclass(frozen=True)
class CheckDatabase(_DatabaseJob):
    """Ask every plane again what runs there. Changes nothing."""

    slug: ClassVar[str] = "check-database"
    label: ClassVar[object] = _("Check database")
    planned: ClassVar[bool] = False

    def steps(self) -> Iterable[Step]:
        row = self.row()
        names = names_of(self.name, self.engine_(), known_definition(row), self.replicas)
        for step in self.look_steps(names, gate=False, blocks=False):
            yield replace(step, deadline=0)

    def on_end(self, ended: Ended) -> None:
        works = ended.status == RunStatus.SUCCEEDED
        changes = note_observation(self, ended, proven=works)
        row = self.row()
        if row.status in (Status.IN_SERVICE, Status.ATTENTION):
            self.set_status(Status.IN_SERVICE if works else Status.ATTENTION, **changes)


@register
@dataclass(frozen=True)
class RetireDatabase(_DatabaseJob):
    """Delete the Cluster under the chosen policy, and remove what the operator leaves on every plane."""

    slug: ClassVar[str] = "retire-database"
    label: ClassVar[object] = _("Retire database")
    policy: str
    """`Delete` or `WipeOut`: what becomes of the data was chosen in words, not left to a default."""
    uid: str

    def steps(self) -> Iterable[Step]:
        control, uids, row = access.control_plane(), self.uids(), self.row()
        kind = kind_named(API_VERSIONS[row.release_line], "Cluster")
        names = names_of(self.name, self.engine_(), known_definition(row), self.replicas)
        for plane in self.planes:
            yield Step(on=plane, phase="preflight", check=PlaneFits(plane, uids[plane]))
        there = access.client(control.name).get(kind, self.name, self.namespace)
        if there is not None and there["spec"].get("terminationPolicy") != self.policy:
            yield Step(
                on=control.name,
                phase="policy",
                change=Apply(control.name, self._with_policy(there)),
                gate=True,
            )
        remove = Remove(control.name, kind.api_version, kind.kind, self.name, self.namespace, self.uid)
        yield Step(on=control.name, phase="delete", change=remove, gate=True)
        gone = Absent(control.name, kind.api_version, kind.kind, self.namespace, name=self.name)
        yield Step(on=control.name, phase="gone", check=gone, deadline=600, repeats="delete")
        for plane in self.planes:
            yield from self._clean(plane, names)

    def _with_policy(self, there: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the console itself had applied, under the policy that was chosen now."""
        row = self.row()
        made = row.runs().filter(job=PlaceDatabase.slug, plan__isnull=False).first()
        for step in made.plan.steps() if made and made.plan else []:
            if step.phase == "cluster" and isinstance(step.change, Apply):
                cluster = step.change.object
                return {**cluster, "spec": {**cluster["spec"], "terminationPolicy": self.policy}}
        raise ConsoleError("placements.cluster_exists", namespace=self.namespace, name=self.name)

    def _clean(self, plane: str, names: DatabaseNames) -> Iterator[Step]:
        ours = selector(names.selector)
        headless = {"workloads.kubeblocks.io/instance": names.base}
        kinds = [(SERVICE, ours), (SERVICE, headless), (CONFIG_MAP, ours)]
        if not names.shares_service_account:
            kinds += [(ROLE_BINDING, ours), (SERVICE_ACCOUNT, ours)]
        for index, (kind, labels) in enumerate(kinds):
            change = RemoveMatching(
                plane, kind.api_version, kind.kind, self.namespace, labels, clear_finalizers=True
            )
            yield Step(on=plane, phase="clean", change=change, gate=index == 0)
        for kind in (POD, PVC, *dict.fromkeys(kind for kind, _labels in kinds)):
            absent = Absent(plane, kind.api_version, kind.kind, self.namespace, labels=ours)
            yield Step(on=plane, phase="proof", check=absent, deadline=300, repeats="clean")

    def facts(self) -> dict[str, Json]:
        return {"planes": self.uids(), "cluster": self.uid}

    def approvals_needed(self) -> int:
        return 2 if self.policy == TerminationPolicy.WIPE_OUT else 1

    def cautions(self) -> list[Sentence]:
        wipes = self.policy == TerminationPolicy.WIPE_OUT
        return [say("placements.wipes" if wipes else "placements.deletes", name=self.name)]

    def on_start(self, run_id: int) -> None:
        self.set_status(Status.APPLYING)

    def on_end(self, ended: Ended) -> None:
        over = ended.status == RunStatus.SUCCEEDED
        self.set_status(Status.RETIRED if over else Status.ATTENTION)
