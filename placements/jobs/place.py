"""Placing a database over planes, and proving on each that it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.policy import Policy, Rule
from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet import access
from kbconsole.fleet.changes import EnsureNamespace
from kbconsole.fleet.jobs import role_steps
from kbconsole.fleet.models import Plane
from kbconsole.fleet.preflight import room
from kbconsole.fleet.preflight.operator import Operator, read_operator
from kbconsole.jobs.definition import Ended, Mark, Step, register
from kbconsole.jobs.models import PlanStatus, Run, RunStatus, RunStep, StepStatus
from networking.models import ProfileVersion
from networking.planes import plane_facts
from placements.checks import (
    OperatorSays,
    PlaneFits,
)
from placements.engines.base import Chosen
from placements.jobs.base import WIPES, chosen_definition, note_observation
from placements.jobs.changes import ApplyCluster, own_cluster
from placements.jobs.earlier import namespaces_left, removal_command
from placements.jobs.for_clients import ForClients
from placements.models import Placement, Status
from placements.names import DatabaseNames, names_of, plane_problems
from placements.rendering import ClusterSpec, TerminationPolicy, cluster_manifest
from placements.sizes import figures_warning
from placements.verdict import survival

DIFFERS = (
    _(
        "The guide lets Kubernetes make up the name (generateName), so that applying twice makes two databases. The "
        "console writes the name that was asked for; applying again changes nothing."
    ),
    _(
        "The guide calls the annotation with the planes optional. Without it nobody knows which replica runs where; "
        "the console always writes it, in the order that was chosen."
    ),
    _(
        "The guide writes WipeOut: whoever deletes the Cluster deletes the data and its backups. Here deleting is "
        "refused until the database is retired, unless somebody chose another policy."
    ),
)

declare(
    {
        "placements.what_place": _("Place %(subject)s: %(replicas)s × %(engine)s on %(planes)s"),
        "placements.namespace_left": _(
            "An earlier run of this request made the namespace %(namespace)s on %(plane)s, which the request does not "
            "use any more. The console has no right to delete namespaces. See that nothing is in it, then: %(command)s"
        ),
        "placements.undo_retires": _(
            "Placing %(name)s is taken back by retiring it: that asks what becomes of the data and cleans every plane. "
            "Choose Retire on its page."
        ),
        "placements.undo_over": _("%(name)s was retired, so nothing of this run is left to take back."),
        "placements.first_use": _("first use of this network profile"),
    }
)


@register
@dataclass(frozen=True)
class PlaceDatabase(ForClients):
    """Make the namespaces, the pods' role and the Cluster; then prove on every data plane that it runs.

    Where the profile says how clients reach it, their services are made last: the database is proven without them.
    """

    slug: ClassVar[str] = "place-database"
    label: ClassVar[object] = _("Place database")
    approval: ClassVar[Policy] = Policy(
        owned=True,
        rules=(
            Rule(1),
            Rule(2, _("its addresses are public"), lambda job: job.is_public()),
            Rule(2, WIPES, lambda job: job.termination_policy == TerminationPolicy.WIPE_OUT),
        ),
    )
    words: ClassVar[Mapping[str, object]] = {
        "name": _("Name"), "namespace": _("Namespace"), "engine": _("Engine"), "replicas": _("Replicas"),
        "planes": _("Planes, in order"), "cpu": _("CPU"), "memory": _("Memory"), "disk_gib": _("Disk of one replica"),
        "termination_policy": _("Termination policy"), "kind": _("Network"), "config": _("Network settings"),
        "outside": _("Network for clients"), "outside_config": _("Settings of the network for clients"),
        "zone": _("DNS zone"),
    }  # fmt: skip
    cpu: str
    memory: str
    disk_gib: int
    termination_policy: str
    profile_version: int
    storage_class: str = ""
    first_use: bool = False
    """Whether no database runs under this version of the profile yet, when the plan was made."""
    namespaces_left: list[list[str]] = field(default_factory=list)
    """`[plane, namespace]` that an earlier run of the request made, and that it does not use any more."""

    def informed(self) -> PlaceDatabase:
        under = {"params__profile": self.profile, "params__profile_version": self.profile_version}
        made = Run.objects.filter(job=self.slug, status=RunStatus.SUCCEEDED, **under)
        used = [(plane, self.namespace) for plane in (access.control_plane().name, *self.planes)]
        left = namespaces_left(self.row(), self.slug, used)
        return replace(self._with_ports(), first_use=not made.exists(), namespaces_left=left)

    def _with_ports(self) -> PlaceDatabase:
        if not self.outside:
            return self
        line = read_operator(access.client(access.control_plane().name)).line
        return self.with_ports(
            names_of(self.name, self.engine_(), chosen_definition(self, line), self.replicas)
        )

    def is_public(self) -> bool:
        return self.kind_().public(self.config) or self.publishes()

    def steps(self) -> Iterable[Step]:
        control, uids = access.control_plane(), self.uids()
        operator = read_operator(access.client(control.name))
        self._fits(operator)
        chosen = chosen_definition(self, operator.line)
        names = names_of(self.name, self.engine_(), chosen, self.replicas)
        made = own_cluster(
            control.name, operator.line, self.namespace, self.name, self.row().cluster_uid,
            other="placements.cluster_exists",
        )  # fmt: skip
        yield from self._preflight(control, uids, operator, chosen, None if made else names)
        yield from self.client_looks(names)
        for plane in dict.fromkeys([control.name, *self.planes]):
            yield Step(on=plane, phase="namespace", change=EnsureNamespace(plane, self.namespace))
        yield from role_steps(self.planes)
        cluster = cluster_manifest(
            self._spec(operator.line, chosen),
            self.engine_(),
            self.kind_().service_on(self.config, self.planes),
        )
        yield Step(on=control.name, phase="cluster", change=ApplyCluster(control.name, cluster), gate=True)
        yield from self.look_steps(names, gate=True)
        yield from self.client_steps(names)

    def _fits(self, operator: Operator) -> None:
        for problem in plane_problems(self.planes, operator.contexts):
            raise ConsoleError(problem.code, **problem.params)
        for plane in self.planes:
            if plane in operator.disabled:
                raise ConsoleError("placements.plane_disabled", plane=plane)
        managed = operator.managed_namespaces
        if managed and self.namespace not in managed:
            raise ConsoleError("placements.unmanaged", namespace=self.namespace, namespaces=managed)

    def _preflight(
        self,
        control: Plane,
        uids: Mapping[str, str],
        operator: Operator,
        chosen: Chosen,
        fresh: DatabaseNames | None,
    ) -> Iterator[Step]:
        """Yield the looks before the first write; a database that is `fresh` must meet no left-overs of its name."""
        says = OperatorSays(control.name, operator.line, list(self.planes), chosen.definition)
        yield Step(on=control.name, phase="preflight", check=says)
        for plane in self.planes:
            base, own = (fresh.base, not fresh.shares_service_account) if fresh else ("", True)
            check = PlaneFits(plane, uids[plane], self.namespace, self.name, base, own)
            yield Step(on=plane, phase="preflight", check=check)
            if plane != control.name:
                yield Step(on=plane, phase="preflight", check=room.NoCrds(plane))
            yield Step(on=plane, phase="preflight", check=room.Storage(plane))

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
            "profile_version": self.row().made_by.version,
        }

    def what(self) -> Sentence:
        return say(
            "placements.what_place", subject=self.subject().label, replicas=self.replicas, engine=self.engine,
            planes=list(self.planes),
        )  # fmt: skip

    def marks(self) -> list[Mark]:
        public = [Mark(say("placements.public"))] if self.is_public() else []
        return public + ([Mark(say("placements.first_use"), "warn")] if self.first_use else [])

    def promise(self) -> Sentence | None:
        return survival(self.replicas, self.planes, self.engine_()).headline

    def differs(self) -> list[str]:
        return [str(text) for text in (*DIFFERS, self.kind_().note)]

    def cautions(self) -> list[Sentence]:
        found = list(self.kind_().cautions(self.config, plane_facts(self.planes)))
        survives = survival(self.replicas, self.planes, self.engine_())
        if not survives.kept:
            found.append(survives.headline)
        small = figures_warning(self.cpu, self.memory)
        found += [small] if small else []
        for plane, namespace in self.namespaces_left:
            words = {"plane": plane, "namespace": namespace, "command": removal_command(plane, namespace)}
            found.append(say("placements.namespace_left", **words))
        return found + self.client_cautions()

    def undone_by(self, run_id: int) -> Sentence | None:
        """Retiring asks what becomes of the data, and cleans what the operator leaves; inverses would do neither."""
        row = self.row()
        if answer_lost(row):
            return say("placements.answer_lost", name=self.name)
        if not row.cluster_uid:
            return None
        code = "placements.undo_over" if row.status == Status.RETIRED else "placements.undo_retires"
        return say(code, name=self.name)

    def on_plan(self, *, plan_id: int, status: str, by: str) -> None:
        if status == PlanStatus.REJECTED:
            self.set_status(Status.REJECTED)
        elif status == PlanStatus.WITHDRAWN:
            self.set_status(Status.CANCELLED)

    def on_start(self, run_id: int) -> None:
        self.set_status(Status.APPLYING)
        self.note_access()

    def on_end(self, ended: Ended) -> None:
        works = ended.status == RunStatus.SUCCEEDED
        changes = note_observation(self, ended, proven=works)
        if "cluster_uid" in changes:
            versions = ProfileVersion.objects.filter(profile=self.profile, version=self.profile_version)
            changes["profile_version"] = versions.first()
        self.set_status(Status.IN_SERVICE if works else Status.ATTENTION, **changes)
        self.note_made(ended)


def answer_lost(row: Placement) -> bool:
    """Return whether nobody knows if the control plane has the placement's Cluster: its answer was lost."""
    applied = RunStep.objects.filter(
        run__in=row.runs().filter(job=PlaceDatabase.slug),
        phase="cluster",
        status__in=[StepStatus.FAILED, StepStatus.ERRORED],
    )
    lost = Q(troubles__gt=0) | Q(lost__gt=0) | Q(status=StepStatus.ERRORED)
    changes = (one for one in applied.filter(lost) if one.content["change"])  # it may begin with a look
    return not row.cluster_uid and any(changes)
