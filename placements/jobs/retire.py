"""Retiring a database: nothing of it stays on any plane."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.policy import Policy, Rule
from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet import access
from kbconsole.fleet.asking import unheard
from kbconsole.fleet.changes import Apply, Remove, RemoveMatching
from kbconsole.fleet.checks import Absent
from kbconsole.fleet.preflight.operator import read_operator
from kbconsole.jobs.definition import CONSOLE, Change, Ended, Mark, Step, register
from kbconsole.jobs.models import RunStatus, RunStep, StepStatus
from kbconsole.k8s.kinds import kind_named
from placements.checks import ClusterGone, PlaneFits, PlaneReturns
from placements.facts import Trace, traces
from placements.jobs.base import WIPES, DatabaseJob, known_definition
from placements.jobs.changes import ApplyCluster, RemoveOrphans, own_cluster
from placements.jobs.client_changes import clean_steps
from placements.jobs.for_clients import forget_clients, name_lane, name_steps
from placements.jobs.place import PlaceDatabase
from placements.models import ClientAddress, Placement, Status
from placements.names import names_of
from placements.rendering import API_VERSIONS, TerminationPolicy

GONE_SECONDS, PROOF_SECONDS = 600, 300
RETURN_SECONDS = 3600
"""How long a run waits for a plane that was lost before it ends as failed, to be finished by Retry."""

declare(
    {
        "placements.retire_lost": _(
            "%(plane)s gives no answer (the last one: %(at)s), so nobody knows what is there. Pods of %(name)s may "
            "still run there, and its volumes, services and load balancers may still be there. The other planes are "
            "cleaned now; %(plane)s is listed and cleaned when it answers, and until that is proven %(name)s does not "
            "count as retired."
        ),
        "clients.retire_lost": _(
            "Clients may go on reaching a replica of %(name)s on %(plane)s until %(plane)s is cleaned: %(services)s. "
            "Tell whoever connects, or close these in the firewall."
        ),
        "placements.retire_lost_operator": _(
            "The operator has %(planes)s enabled, and lets no Cluster go while an enabled plane gives no answer. "
            "Before you approve, have it put into multiCluster.contextsDisabled and both Deployments rolled."
        ),
        "placements.what_retire": _("Retire %(subject)s; its data goes, backups stay"),
        "placements.what_wipe": _("Retire %(subject)s; its data and its backups go"),
        "placements.mark_lost": _("%(planes)s unknown"),
        "placements.never_answered": _("never"),
    }
)


@register
@dataclass(frozen=True)
class RetireDatabase(DatabaseJob):
    """Delete the Cluster under the chosen policy, and remove what the operator leaves on every plane.

    A database whose plane is lost can be retired, though "no dry run from a plane" forbids an approval elsewhere:
    here the plan makes nothing, waiting would keep what the other planes hold and cost, and somebody has to accept
    in so many words that the lost plane is unknown. Its steps hold nobody back, begin when it answers, and the run
    does not succeed, nor is the database retired, before it is proven clean.
    """

    slug: ClassVar[str] = "retire-database"
    label: ClassVar[object] = _("Retire database")
    approval: ClassVar[Policy] = Policy(
        owned=True,
        rules=(Rule(1), Rule(2, WIPES, lambda job: job.policy == TerminationPolicy.WIPE_OUT)),
    )
    policy: str
    """`Delete` or `WipeOut`: what becomes of the data was chosen in words, not left to a default."""
    uid: str
    lost: dict[str, str] = field(default_factory=dict)
    """The planes that gave no answer when the plan was made, with the ISO time of their last one, "" for never."""
    held: list[str] = field(default_factory=list)
    """Those of them that the operator had enabled then."""
    serving: dict[str, list[str]] = field(default_factory=dict)
    """By lost plane the services that the console made there for clients, each with its addresses."""

    def lanes(self) -> list[str]:
        return [*super().lanes(), *name_lane(self.placement)]

    def informed(self) -> RetireDatabase:
        control = access.control_plane().name
        lost = unheard(plane for plane in self.planes if plane != control)
        operator = read_operator(access.client(control)) if lost else None
        held = [
            plane
            for plane in lost
            if operator and plane in operator.contexts and plane not in operator.disabled
        ]
        serving: dict[str, list[str]] = {}
        for row in ClientAddress.objects.filter(placement=self.placement, plane__in=lost):
            where = f" ({', '.join(row.endpoints)})" if row.endpoints else ""
            serving.setdefault(row.plane, []).append(f"{row.service}{where}")
        return replace(self, lost=lost, held=held, serving=serving)

    def unheard(self) -> Mapping[str, str]:
        return self.lost

    def steps(self) -> Iterable[Step]:
        control, uids, row = access.control_plane().name, self.uids(), self.row()
        kind = kind_named(API_VERSIONS[row.release_line], "Cluster")
        there = own_cluster(control, row.release_line, self.namespace, self.name, self.uid)
        answering = [plane for plane in self.planes if plane not in self.lost]
        for plane in answering:
            yield Step(on=plane, phase="preflight", check=PlaneFits(plane, uids[plane]))
        if there is not None and there["spec"].get("terminationPolicy") != self.policy:
            yield Step(on=control, phase="policy", change=self._with_policy(control), gate=True)
        remove = Remove(control, kind.api_version, kind.kind, self.name, self.namespace, self.uid)
        yield Step(on=control, phase="delete", change=remove, gate=True)
        gone = ClusterGone(
            control, kind.api_version, kind.kind, self.namespace, name=self.name, planes=list(self.planes)
        )
        yield Step(on=control, phase="gone", check=gone, deadline=GONE_SECONDS, repeats="delete")
        names = names_of(self.name, self.engine_(), known_definition(row), self.replicas)
        own_account = not names.shares_service_account
        left = traces(self.name, names.base, own_account=own_account)
        for plane in answering:
            yield from self._clean(plane, gone, left)
        for plane in self.lost:
            back = PlaneReturns(
                plane,
                uids[plane],
                self.namespace,
                self.name,
                names.base,
                own_account,
                self.serving.get(plane, []),
            )
            yield Step(
                on=plane, phase="clean", check=back, gate=True, deadline=RETURN_SECONDS, repeats="clean"
            )
            yield from self._clean(plane, gone, left)
        yield from self._unname(row, gone)

    def _unname(self, row: Placement, gone: Absent) -> Iterator[Step]:
        """Take the name out of DNS once there is no Cluster, whatever planes still hold.

        Last, and only its lane waits: a DNS server that is away holds nothing else up.
        """
        steps = list(name_steps(row))
        if steps:
            yield Step(on=CONSOLE, phase="gone", check=gone, gate=True, deadline=GONE_SECONDS)
        yield from steps

    def _with_policy(self, control: str) -> ApplyCluster:
        """Return what the console itself applied last, under the policy that was chosen now."""
        rows = RunStep.objects.filter(
            run__in=self.row().runs().filter(job=PlaceDatabase.slug),
            phase="cluster",
            status=StepStatus.SUCCEEDED,
            outcome__isnull=False,  # the phase may begin with a look
        )
        row = rows.order_by("-run_id").first()
        change = row.step().change if row else None
        if not isinstance(change, Apply):
            raise ConsoleError("placements.cluster_exists", namespace=self.namespace, name=self.name)
        spec = {**change.object["spec"], "terminationPolicy": self.policy}
        return ApplyCluster(control, {**change.object, "spec": spec}, uid=self.uid)

    def _clean(self, plane: str, gone: Absent, left: list[Trace]) -> Iterator[Step]:
        """Look that no Cluster has that name, remove what is left, prove it. All of it again, if any of it failed:

        between a failure and its Retry, somebody may have made a Cluster of that name, which owns what is there.
        """
        yield Step(on=plane, phase="clean", check=gone, gate=True, deadline=PROOF_SECONDS, repeats="clean")
        for trace in left:
            yield Step(on=plane, phase="clean", change=self._removal(plane, trace), repeats="clean")
        for trace in left:
            kind, labels = trace.kind, dict(trace.labels)
            absent = Absent(plane, kind.api_version, kind.kind, self.namespace, labels=labels)
            yield Step(on=plane, phase="proof", check=absent, deadline=PROOF_SECONDS, repeats="clean")
        # No operator removes these, and a plane may have some that no row tells of.
        yield from clean_steps(plane, self.namespace, self.name)

    def _removal(self, plane: str, trace: Trace) -> Change:
        kind, labels = trace.kind, dict(trace.labels)
        if trace.operators:
            return RemoveOrphans(plane, kind.api_version, kind.kind, self.namespace, labels)
        return RemoveMatching(
            plane, kind.api_version, kind.kind, self.namespace, labels, clear_finalizers=True
        )

    def facts(self) -> dict[str, Json]:
        return {"planes": self.uids(), "cluster": self.uid}

    def what(self) -> Sentence:
        wipes = self.policy == TerminationPolicy.WIPE_OUT
        code = "placements.what_wipe" if wipes else "placements.what_retire"
        return say(code, subject=self.subject().label)

    def marks(self) -> list[Mark]:
        return [Mark(say("placements.mark_lost", planes=list(self.lost)))] if self.lost else []

    def cautions(self) -> list[Sentence]:
        wipes = self.policy == TerminationPolicy.WIPE_OUT
        found = [say("placements.wipes" if wipes else "placements.deletes", name=self.name)]
        for plane, at in self.lost.items():
            when = f"{at[:16].replace('T', ' ')} UTC" if at else say("placements.never_answered")
            found.append(say("placements.retire_lost", plane=plane, at=when, name=self.name))
            if services := self.serving.get(plane):
                found.append(say("clients.retire_lost", plane=plane, services=list(services), name=self.name))
        if self.held:
            found.append(say("placements.retire_lost_operator", planes=list(self.held)))
        return found

    def on_start(self, run_id: int) -> None:
        self.set_status(Status.APPLYING)

    def on_end(self, ended: Ended) -> None:
        over = ended.status == RunStatus.SUCCEEDED
        if over:
            forget_clients(self.placement)
        self.set_status(Status.RETIRED if over else Status.ATTENTION)
