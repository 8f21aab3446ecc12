"""What the jobs on a database do to planes, beyond applying and removing: never to what others made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.fleet import access
from kbconsole.fleet.changes import Apply, RemoveMatching, named, uid_of
from kbconsole.jobs.definition import Change, Diff, ObjectDiff, Outcome, Touch, Touched, actions
from kbconsole.k8s.commands import kubectl_create
from kbconsole.k8s.errors import Rejected
from kbconsole.k8s.kinds import Object, kind_named, kind_of
from placements.rendering import API_VERSIONS, PLACEMENT

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
        "placements.cluster_stays": _(
            "The Cluster %(name)s stays, and its data. Retire the database to remove it."
        ),
        "placements.copy": _("Copy %(kind)s %(name)s from %(source)s"),
        "placements.copy_taken": _(
            "%(plane)s has a %(kind)s %(name)s that does not belong to this database, so it is not touched. Have it "
            "renamed or removed there by its owner, then make the plan again."
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

    def inverse(self, outcome: Outcome) -> Change | None:
        """Deleting a Cluster deletes data and leaves much behind: it is retired, never merely taken back."""
        return None

    def stays(self, outcome: Outcome) -> Sentence | None:
        return say("placements.cluster_stays", **named(self.ref)) if outcome.created else None

    def _refuse_others(self) -> None:
        ref = self.ref
        there = access.client(self.plane).get(kind_of(self.object), ref["name"], ref["namespace"])
        words = {"namespace": ref["namespace"], "name": ref["name"]}
        if self.uid and there is None:
            raise ConsoleError("placements.cluster_gone", **words)
        if self.uid and uid_of(there) != self.uid:
            raise ConsoleError("placements.cluster_replaced", **words)
        if there is not None and not applied_by_console(there):
            raise ConsoleError("placements.cluster_exists", **words)


def own_cluster(
    control: str,
    line: str,
    namespace: str,
    name: str,
    uid: str,
    *,
    other: str = "placements.cluster_replaced",
) -> Object | None:
    """Return the placement's Cluster, None where there is none. Raises ConsoleError `other` for somebody else's."""
    there = access.client(control).get(kind_named(API_VERSIONS[line], "Cluster"), name, namespace)
    if there is not None and uid_of(there) != uid:
        raise ConsoleError(other, namespace=namespace, name=name)
    return there


def applied_by_console(there: Object) -> bool:
    """Whether the console's own server-side apply is among those that wrote the object."""
    entries = there["metadata"].get("managedFields") or []
    return any(entry.get("manager") == MANAGER and entry.get("operation") == "Apply" for entry in entries)


@actions.register
@dataclass(frozen=True)
class CopyMissing(Apply):
    """Create what the plane lacks, as `source` has it. An object that is there is never written to.

    One that is there already and belongs to the same database on this plane is what was wanted, whoever made it.
    """

    slug: ClassVar[str] = "copy-missing"
    proves_author: ClassVar[bool] = False  # what the operator made meanwhile is "unchanged", too
    source: str = ""

    def label(self) -> Sentence:
        return say("placements.copy", source=self.source, **named(self.ref))

    def commands(self) -> list[str]:
        return [kubectl_create(self.object, self.plane)]

    def diff(self) -> Diff:
        there = self._there()
        if there is not None:
            return Diff((ObjectDiff(Touch.UNCHANGED, self.ref, uid_of(there)),))
        plane, checked = access.client(self.plane), True
        try:
            plane.create(self.object, dry_run=True)
        except Rejected as rejected:
            if not self._namespace_is_missing(plane, rejected):
                raise
            checked = False
        return Diff((ObjectDiff(Touch.CREATED, self.ref, changes=self._all(), checked=checked),))

    def carry_out(self) -> Outcome:
        there = self._there()
        if there is not None:
            touch = Touch.CREATED if _made_by_console(there) else Touch.UNCHANGED
            return Outcome((Touched(touch, self.ref, uid_of(there)),))
        made = access.client(self.plane).create(self.object)
        return Outcome((Touched(Touch.CREATED, self.ref, uid_of(made)),))

    def _there(self) -> Object | None:
        """Return the object if the plane has it by now. Raises ConsoleError for one of somebody else."""
        ref = self.ref
        there = access.client(self.plane).get(kind_of(self.object), ref["name"], ref["namespace"])
        if there is not None and not same_owner(there, self.object):
            raise ConsoleError("placements.copy_taken", plane=self.plane, **named(ref))
        return there


def same_owner(there: Object, wanted: Object) -> bool:
    """Whether an object belongs to the database that `wanted` is of, by its labels and the mark of its plane."""
    labels = there["metadata"].get("labels") or {}
    mark = (there["metadata"].get("annotations") or {}).get(PLACEMENT)
    return (
        mark == wanted["metadata"]["annotations"][PLACEMENT]
        and (wanted["metadata"].get("labels") or {}).items() <= labels.items()
    )


def _made_by_console(there: Object) -> bool:
    """Whether nobody but the console wrote it: then the answer to our own creation was lost."""
    return {entry.get("manager") for entry in there["metadata"].get("managedFields") or []} == {MANAGER}


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
