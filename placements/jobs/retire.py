"""Retiring a database: nothing of it stays on any plane."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Json, Sentence, say
from kbconsole.fleet import access
from kbconsole.fleet.changes import Apply, Remove, RemoveMatching
from kbconsole.fleet.checks import Absent
from kbconsole.jobs.definition import Change, Ended, Step, register
from kbconsole.jobs.models import RunStatus, RunStep, StepStatus
from kbconsole.k8s.kinds import Kind, Object, kind_named
from placements.checks import PlaneFits
from placements.facts import Trace, traces
from placements.jobs.base import DatabaseJob, known_definition
from placements.jobs.changes import ApplyCluster, RemoveOrphans
from placements.jobs.place import PlaceDatabase
from placements.models import Status
from placements.names import names_of
from placements.rendering import API_VERSIONS, TerminationPolicy

GONE_SECONDS, PROOF_SECONDS = 600, 300


@register
@dataclass(frozen=True)
class RetireDatabase(DatabaseJob):
    """Delete the Cluster under the chosen policy, and remove what the operator leaves on every plane."""

    slug: ClassVar[str] = "retire-database"
    label: ClassVar[object] = _("Retire database")
    policy: str
    """`Delete` or `WipeOut`: what becomes of the data was chosen in words, not left to a default."""
    uid: str

    def steps(self) -> Iterable[Step]:
        control, uids, row = access.control_plane().name, self.uids(), self.row()
        kind = kind_named(API_VERSIONS[row.release_line], "Cluster")
        there = self._ours(control, kind)
        for plane in self.planes:
            yield Step(on=plane, phase="preflight", check=PlaneFits(plane, uids[plane]))
        if there is not None and there["spec"].get("terminationPolicy") != self.policy:
            yield Step(on=control, phase="policy", change=self._with_policy(control), gate=True)
        remove = Remove(control, kind.api_version, kind.kind, self.name, self.namespace, self.uid)
        yield Step(on=control, phase="delete", change=remove, gate=True)
        gone = Absent(control, kind.api_version, kind.kind, self.namespace, name=self.name)
        yield Step(on=control, phase="gone", check=gone, deadline=GONE_SECONDS, repeats="delete")
        names = names_of(self.name, self.engine_(), known_definition(row), self.replicas)
        left = traces(self.name, names.base, own_account=not names.shares_service_account)
        for plane in self.planes:
            yield from self._clean(plane, gone, left)

    def _ours(self, control: str, kind: Kind) -> Object | None:
        """Return the Cluster if it is still there. Raises ConsoleError for another one of the same name."""
        there = access.client(control).get(kind, self.name, self.namespace)
        if there is not None and there["metadata"]["uid"] != self.uid:
            raise ConsoleError("placements.cluster_replaced", namespace=self.namespace, name=self.name)
        return there

    def _with_policy(self, control: str) -> ApplyCluster:
        """Return what the console itself applied last, under the policy that was chosen now."""
        rows = RunStep.objects.filter(
            run__in=self.row().runs().filter(job=PlaceDatabase.slug),
            phase="cluster",
            status=StepStatus.SUCCEEDED,
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

    def _removal(self, plane: str, trace: Trace) -> Change:
        kind, labels = trace.kind, dict(trace.labels)
        if trace.operators:
            return RemoveOrphans(plane, kind.api_version, kind.kind, self.namespace, labels)
        return RemoveMatching(
            plane, kind.api_version, kind.kind, self.namespace, labels, clear_finalizers=True
        )

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
