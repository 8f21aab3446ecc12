"""What the jobs on a database do to planes, beyond applying and removing: never to what others made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.fleet import access
from kbconsole.fleet.changes import Apply, RemoveMatching, uid_of
from kbconsole.jobs.definition import Diff, Outcome, actions
from kbconsole.k8s.kinds import Object, kind_of

MANAGER = "kbconsole"

declare(
    {
        "placements.cluster_exists": _(
            "The control plane has a Cluster %(namespace)s/%(name)s already, which this placement did not make. "
            "Take another name."
        ),
        "placements.cluster_replaced": _(
            "The control plane has a Cluster %(namespace)s/%(name)s, but it is not the one that this placement made: "
            "somebody deleted that one and made another. Nothing of it is touched. Ask who made it; when it is "
            "gone, ask again."
        ),
        "placements.cluster_gone": _(
            "The Cluster %(namespace)s/%(name)s is not there any more. Make the plan again."
        ),
        "placements.remove_orphans": _("Remove each %(kind)s that the operator left in %(namespace)s"),
    }
)


@actions.register
@dataclass(frozen=True)
class ApplyCluster(Apply):
    """Apply a Cluster, unless the one that is there is somebody else's.

    Without `uid` the first apply of a new one: what is there must have been applied by the console, as a repeated
    step finds it. With `uid` a change of exactly that one.
    """

    slug: ClassVar[str] = "apply-cluster"
    uid: str = ""

    def carry_out(self) -> Outcome:
        self._refuse_others()
        return super().carry_out()

    def _refuse_others(self) -> None:
        ref = self.ref
        there = access.client(self.plane).get(kind_of(self.object), ref["name"], ref["namespace"])
        words = {"namespace": ref["namespace"], "name": ref["name"]}
        if self.uid and there is None:
            raise ConsoleError("placements.cluster_gone", **words)
        if self.uid and uid_of(there) != self.uid:
            raise ConsoleError("placements.cluster_replaced", **words)
        if there is not None and not _applied_by_console(there):
            raise ConsoleError("placements.cluster_exists", **words)


def _applied_by_console(there: Object) -> bool:
    entries = there["metadata"].get("managedFields") or []
    return any(entry.get("manager") == MANAGER and entry.get("operation") == "Apply" for entry in entries)


@actions.register
@dataclass(frozen=True)
class RemoveOrphans(RemoveMatching):
    """Delete what the operator should have deleted with its Cluster, and did not on a plane that it had disabled.

    The plan shows none of it: while the Cluster lives, these objects are the operator's to remove.
    """

    slug: ClassVar[str] = "remove-orphans"

    def label(self) -> Sentence:
        return say("placements.remove_orphans", kind=self.kind, namespace=self.namespace)

    def diff(self) -> Diff:
        return Diff()
