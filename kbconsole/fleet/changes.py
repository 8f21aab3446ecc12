"""What steps do to planes: apply an object, remove one or many, make sure of a namespace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet.access import client, installer_client
from kbconsole.fleet.asking import unheard
from kbconsole.fleet.models import Plane
from kbconsole.jobs import lanes
from kbconsole.jobs.definition import (
    Action,
    Change,
    Check,
    Diff,
    Finding,
    ObjectDiff,
    Outcome,
    Touch,
    Touched,
    Verdict,
    actions,
)
from kbconsole.k8s.client import Applied, PlaneClient
from kbconsole.k8s.commands import kubectl_apply, kubectl_delete, kubectl_get
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
        "fleet.gone": _("See that %(kind)s %(name)s is gone"),
        "fleet.gone_yes": _("%(kind)s %(name)s is not on %(plane)s any more."),
        "fleet.gone_other": _(
            "%(kind)s %(name)s is gone from %(plane)s; somebody has made another one of that name, which stays."
        ),
        "fleet.gone_not": _("%(plane)s: %(kind)s %(name)s is still there."),
        "fleet.gone_held": _(
            "%(plane)s: %(kind)s %(name)s is being deleted and is still held by %(holders)s. Whoever set these lets it "
            "go; look there if it takes long."
        ),
        "fleet.stays_namespace": _(
            "%(plane)s: the namespace %(name)s stays, though the run made it. Deleting a namespace takes along what "
            "others have put there, and Kubernetes cannot be told to delete it only if it is empty. Remove it by hand "
            "once nothing is in it."
        ),
        "fleet.stays_definition": _(
            "%(plane)s: %(what)s stays, though the run made it. Deleting it would take along every object of that "
            "kind. Remove it by hand once there is none."
        ),
        "fleet.namespace_terminating": _(
            "The namespace %(name)s on %(plane)s is being deleted. Wait until it is gone, then try again."
        ),
    }
)

lanes.identified_by(lambda: dict(Plane.objects.values_list("name", "uid")))
lanes.asked_by(unheard)

_RELEASED = "kubeblocks.io/"
"""What the finalizers have in common that an operator of KubeBlocks leaves behind."""


_TAKES_ALONG = {
    "Namespace": "fleet.stays_namespace",
    "CustomResourceDefinition": "fleet.stays_definition",
}
"""Kinds whose deletion deletes objects that others made: these are never taken back."""


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
    proves_author: ClassVar[bool] = True
    """An apply by us adds its manager to an object of somebody else, so that one is never unchanged at first."""
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
        made, ref = outcome.created, self.ref
        if made is None or ref["kind"] in _TAKES_ALONG:
            return None
        where = (ref["apiVersion"], ref["kind"], ref["name"], ref["namespace"])
        return Remove(self.plane, *where, made.uid, tried=True)

    def stays(self, outcome: Outcome) -> Sentence | None:
        return _stays(self.plane, self.ref, outcome)


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

    def stays(self, outcome: Outcome) -> Sentence | None:
        """There is no inverse: what somebody has put there meanwhile would go with it."""
        return _stays(self.plane, ref_of(self.object), outcome)

    def _there(self) -> Object | None:
        there = client(self.plane).get(NAMESPACE, self.name)
        if there is not None and there["metadata"].get("deletionTimestamp"):
            raise ConsoleError("fleet.namespace_terminating", name=self.name, plane=self.plane)
        return there


@dataclass(frozen=True)
class _OneObject(Action):
    """An object by its name, and with `uid` that very one. `installer`: by that credential, where there is one."""

    plane: str
    api_version: str
    kind: str
    name: str
    namespace: str = ""
    uid: str = ""
    installer: bool = field(default=False, kw_only=True)

    @property
    def ref(self) -> Ref:
        return kind_named(self.api_version, self.kind).ref(self.name, self.namespace)

    def _client(self) -> PlaneClient:
        return installer_client(self.plane) if self.installer else client(self.plane)

    def _there(self) -> Object | None:
        there = found(self._client(), self.api_version, self.kind, self.name, self.namespace)
        return None if self.uid and uid_of(there) != self.uid else there


@actions.register
@dataclass(frozen=True)
class Remove(_OneObject, Change):
    """Delete one object; with `uid` only if it is still that one. That it is gone already is fine.

    `tried`: the dry run asks the server to delete it, so that a right that lacks is known before anybody decides.
    """

    slug: ClassVar[str] = "remove"
    tried: bool = field(default=False, kw_only=True)

    def label(self) -> Sentence:
        return say("fleet.remove", **named(self.ref))

    def commands(self) -> list[str]:
        kind = kind_named(self.api_version, self.kind)
        return [kubectl_delete(kind, self.name, self.namespace, context=self.plane)]

    def diff(self) -> Diff:
        there = self._there()
        if there is None:
            return Diff((ObjectDiff(Touch.ABSENT, self.ref),))
        if self.tried:
            kind = kind_named(self.api_version, self.kind)
            self._client().delete(kind, self.name, self.namespace, uid=uid_of(there), dry_run=True)
        return Diff((ObjectDiff(Touch.REMOVED, self.ref, uid_of(there)),))

    def carry_out(self) -> Outcome:
        kind = kind_named(self.api_version, self.kind)
        if self.tried and self._there() is None:  # another one of that name is no conflict: ours is gone
            return Outcome((Touched(Touch.ABSENT, self.ref, self.uid),))
        removed = self._client().delete(kind, self.name, self.namespace, uid=self.uid)
        return Outcome((Touched(Touch.REMOVED if removed else Touch.ABSENT, self.ref, self.uid),))

    def proof(self) -> Check:
        where = (self.api_version, self.kind, self.name, self.namespace)
        return Gone(self.plane, *where, self.uid, installer=self.installer)


@actions.register
@dataclass(frozen=True)
class Gone(_OneObject, Check):
    """One object is not there; with `uid` it may be another one of its name. Waits until it is so."""

    slug: ClassVar[str] = "gone"

    def label(self) -> Sentence:
        return say("fleet.gone", **named(self.ref))

    def commands(self) -> list[str]:
        kind = kind_named(self.api_version, self.kind)
        return [kubectl_get(kind, self.name, self.namespace, context=self.plane)]

    def look(self) -> Finding:
        there = found(self._client(), self.api_version, self.kind, self.name, self.namespace)
        words = {**named(self.ref), "plane": self.plane}
        if there is None:
            return Finding(Verdict.PASS, say("fleet.gone_yes", **words))
        if self.uid and uid_of(there) != self.uid:
            return Finding(Verdict.PASS, say("fleet.gone_other", **words))
        holders = there["metadata"].get("finalizers") or []
        if holders and there["metadata"].get("deletionTimestamp"):
            return Finding(Verdict.WAIT, say("fleet.gone_held", holders=holders, **words))
        return Finding(Verdict.WAIT, say("fleet.gone_not", **words))


def found(plane: PlaneClient, api_version: str, kind: str, name: str, namespace: str) -> Object | None:
    """Return an object, None also where the plane does not serve its kind any more. Raises KubeError."""
    try:
        return plane.get(kind_named(api_version, kind), name, namespace)
    except Rejected as rejected:
        if rejected.reason == "KindMissing":
            return None
        raise


def _stays(plane: str, ref: Ref, outcome: Outcome) -> Sentence | None:
    """Return why an object that was made is not taken back, None for one that is, or was not made."""
    if outcome.created is None or ref["kind"] not in _TAKES_ALONG:
        return None
    return say(_TAKES_ALONG[ref["kind"]], plane=plane, name=ref["name"], what=f"{ref['kind']} {ref['name']}")


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
