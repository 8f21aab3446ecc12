"""Retiring a database: nothing of it stays on any plane."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Json, Sentence, say
from kbconsole.fleet import access
from kbconsole.fleet.changes import Apply, Remove, RemoveMatching
from kbconsole.fleet.checks import Absent
from kbconsole.jobs.definition import Ended, Step, register
from kbconsole.jobs.models import RunStatus
from kbconsole.k8s.kinds import CONFIG_MAP, POD, PVC, ROLE_BINDING, SERVICE, SERVICE_ACCOUNT, kind_named
from placements.checks import (
    PlaneFits,
)
from placements.jobs.base import DatabaseJob, known_definition, selector
from placements.jobs.place import PlaceDatabase
from placements.models import Status
from placements.names import DatabaseNames, names_of
from placements.rendering import API_VERSIONS, TerminationPolicy


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
