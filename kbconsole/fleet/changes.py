"""What steps do to planes: apply an object, remove one or many, make sure of a namespace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet.access import client
from kbconsole.jobs.definition import Change, Diff, ObjectDiff, Outcome, Touch, Touched, actions
from kbconsole.k8s.client import Applied, PlaneClient
from kbconsole.k8s.commands import kubectl_apply, kubectl_delete
from kbconsole.k8s.errors import Conflict, Rejected
from kbconsole.k8s.kinds import NAMESPACE, Object, Ref, kind_named, kind_of, ref_of, selector_of
from kbconsole.k8s.manifests import canonical, changed_fields

declare(
    {
        "fleet.apply": _("Apply %(kind)s %(name)s"),
        "fleet.take_over": _("Apply %(kind)s %(name)s, taking over fields of others"),
        "fleet.remove": _("Remove %(kind)s %(name)s"),
        "fleet.remove_matching": _("Remove each %(kind)s in %(namespace)s with %(labels)s"),
        "fleet.ensure_namespace": _("Make sure of namespace %(name)s"),
        "fleet.namespace_terminating": _(
            "The namespace %(name)s on %(plane)s is being deleted. Wait until it is gone, then try again."
        ),
    }
)

_RELEASED = "kubeblocks.io/"
"""What the finalizers have in common that an operator of KubeBlocks leaves behind."""


def named(ref: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of a sentence that names an object."""
    name = "/".join(part for part in (ref.get("namespace", ""), ref["name"]) if part)
    return {"kind": ref["kind"], "name": name}


def uid_of(obj: Mapping[str, Any] | None) -> str:
    return str((obj or {}).get("metadata", {}).get("uid", ""))


def dry_run(plane: PlaneClient, obj: Object) -> tuple[Applied, tuple[dict[str, str], ...]]:
    """Return what an apply would give, and whose fields it would have to take for that. Changes nothing."""
    try:
        return plane.apply(obj, dry_run=True), ()
    except Conflict as conflict:
        if not conflict.conflicts:
            raise
        return plane.apply(obj, dry_run=True, force=True), tuple(conflict.conflicts)


@actions.register
@dataclass(frozen=True)
class Apply(Change):
    """Server-side apply of one object. `force` takes fields over that a person has seen in the plan."""

    slug: ClassVar[str] = "apply"
    plane: str
    object: dict[str, Any]
    force: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "object", canonical(self.object))

    @property
    def ref(self) -> Ref:
        return ref_of(self.object)

    def label(self) -> Sentence:
        return say("fleet.take_over" if self.force else "fleet.apply", **named(self.ref))

    def commands(self) -> list[str]:
        return [kubectl_apply(self.object, self.plane, force=self.force)]

    def client(self) -> PlaneClient:
        """Return by whose rights it is applied."""
        return client(self.plane)

    def diff(self) -> Diff:
        plane = self.client()
        before = plane.get(kind_of(self.object), self.ref["name"], self.ref["namespace"])
        try:
            applied, conflicts = dry_run(plane, self.object)
        except Rejected as rejected:
            if self._namespace_is_missing(plane, rejected):
                return Diff((ObjectDiff(Touch.CREATED, self.ref, changes=self._all(), checked=False),))
            raise
        changes = self.changes(before, applied.object) if before else self._all()
        return Diff((ObjectDiff(Touch(applied.touch), self.ref, uid_of(before), changes, conflicts),))

    def changes(self, before: Object, after: Object) -> tuple[Mapping[str, Json], ...]:
        """Return the fields that differ between what is there and what would be."""
        return tuple(changed_fields(before, after))

    def _all(self) -> tuple[Mapping[str, Json], ...]:
        return tuple(changed_fields(None, self.object))

    def _namespace_is_missing(self, plane: PlaneClient, rejected: Rejected) -> bool:
        """Whether an earlier step has yet to make the namespace: the server cannot check the object."""
        namespace = self.ref["namespace"]
        return bool(namespace) and rejected.reason == "NotFound" and plane.get(NAMESPACE, namespace) is None

    def carry_out(self) -> Outcome:
        applied = self.client().apply(self.object, force=self.force)
        touch = Touched(Touch(applied.touch), self.ref, uid_of(applied.object), applied.warnings)
        return Outcome((touch,))

    def inverse(self, outcome: Outcome) -> Change | None:
        """Only an object that this change made goes again; what it changed stays."""
        made = [touched for touched in outcome.touched if touched.touch == Touch.CREATED]
        if not made:
            return None
        ref = self.ref
        return Remove(self.plane, ref["apiVersion"], ref["kind"], ref["name"], ref["namespace"], made[0].uid)


@actions.register
@dataclass(frozen=True)
class EnsureNamespace(Change):
    """Make a namespace if it is not there. One that is there stays as it is, whoever made it."""

    slug: ClassVar[str] = "ensure-namespace"
    plane: str
    name: str

    @property
    def object(self) -> Object:
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name}}

    def label(self) -> Sentence:
        return say("fleet.ensure_namespace", name=self.name)

    def commands(self) -> list[str]:
        return [kubectl_apply(self.object, self.plane)]

    def diff(self) -> Diff:
        there = self._there()
        if there is not None:
            return Diff((ObjectDiff(Touch.UNCHANGED, ref_of(self.object), uid_of(there)),))
        client(self.plane).apply(self.object, dry_run=True)
        changes = tuple(changed_fields(None, self.object))
        return Diff((ObjectDiff(Touch.CREATED, ref_of(self.object), changes=changes),))

    def carry_out(self) -> Outcome:
        there = self._there()
        if there is not None:
            return Outcome((Touched(Touch.UNCHANGED, ref_of(self.object), uid_of(there)),))
        applied = client(self.plane).apply(self.object)
        return Outcome((Touched(Touch(applied.touch), ref_of(self.object), uid_of(applied.object)),))

    def _there(self) -> Object | None:
        there = client(self.plane).get(NAMESPACE, self.name)
        if there is not None and there["metadata"].get("deletionTimestamp"):
            raise ConsoleError("fleet.namespace_terminating", name=self.name, plane=self.plane)
        return there


@actions.register
@dataclass(frozen=True)
class Remove(Change):
    """Delete one object; with `uid` only if it is still that one. That it is gone already is fine."""

    slug: ClassVar[str] = "remove"
    plane: str
    api_version: str
    kind: str
    name: str
    namespace: str = ""
    uid: str = ""

    @property
    def ref(self) -> Ref:
        return kind_named(self.api_version, self.kind).ref(self.name, self.namespace)

    def label(self) -> Sentence:
        return say("fleet.remove", **named(self.ref))

    def commands(self) -> list[str]:
        kind = kind_named(self.api_version, self.kind)
        return [kubectl_delete(kind, self.name, self.namespace, context=self.plane)]

    def diff(self) -> Diff:
        kind = kind_named(self.api_version, self.kind)
        there = client(self.plane).get(kind, self.name, self.namespace)
        if there is None or (self.uid and uid_of(there) != self.uid):
            return Diff((ObjectDiff(Touch.ABSENT, self.ref),))
        return Diff((ObjectDiff(Touch.REMOVED, self.ref, uid_of(there)),))

    def carry_out(self) -> Outcome:
        kind = kind_named(self.api_version, self.kind)
        removed = client(self.plane).delete(kind, self.name, self.namespace, uid=self.uid)
        return Outcome((Touched(Touch.REMOVED if removed else Touch.ABSENT, self.ref, self.uid),))


@actions.register
@dataclass(frozen=True)
class RemoveMatching(Change):
    """Delete every object of a kind in a namespace that has the labels.

    `clear_finalizers`: first take away the finalizers of KubeBlocks, for what its operator leaves behind and nobody
    else will ever release. Others stay: a load balancer's is what makes its controller give the address back. Each
    object goes by its UID: one that was made meanwhile is not touched.
    """

    slug: ClassVar[str] = "remove-matching"
    plane: str
    api_version: str
    kind: str
    namespace: str
    labels: dict[str, str] = field(default_factory=dict)
    clear_finalizers: bool = False

    @property
    def selector(self) -> str:
        return selector_of(self.labels)

    def label(self) -> Sentence:
        return say("fleet.remove_matching", kind=self.kind, namespace=self.namespace, labels=self.selector)

    def commands(self) -> list[str]:
        kind = kind_named(self.api_version, self.kind)
        where = f"kubectl --context {self.plane} -n {self.namespace}"
        others = f'map(select(contains("{_RELEASED}") | not))'
        clear = (
            f"{where} get {kind.resource} -l {self.selector} -o json | "
            f"jq '.items[].metadata.finalizers |= ((. // []) | {others})' | {where} replace -f -"
        )
        delete = f"{where} delete {kind.resource} -l {self.selector}"
        return [clear, delete] if self.clear_finalizers else [delete]

    def _found(self) -> list[Object]:
        kind = kind_named(self.api_version, self.kind)
        found = client(self.plane).list(kind, self.namespace, labels=self.selector)
        return sorted(found, key=lambda obj: str(obj["metadata"]["name"]))

    def diff(self) -> Diff:
        return Diff(tuple(ObjectDiff(Touch.REMOVED, ref_of(obj), uid_of(obj)) for obj in self._found()))

    def carry_out(self) -> Outcome:
        return Outcome(tuple(self._remove(obj) for obj in self._found()))

    def _remove(self, obj: Object) -> Touched:
        plane, kind, uid = client(self.plane), kind_of(obj), uid_of(obj)
        name = obj["metadata"]["name"]
        held = obj["metadata"].get("finalizers") or []
        kept = [finalizer for finalizer in held if _RELEASED not in finalizer]
        if self.clear_finalizers and kept != held:
            plane.patch(kind, name, self.namespace, {"metadata": {"uid": uid, "finalizers": kept}})
        plane.delete(kind, name, self.namespace, uid=uid)
        return Touched(Touch.REMOVED, ref_of(obj), uid)
