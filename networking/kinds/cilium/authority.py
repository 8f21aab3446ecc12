"""Sharing the certificate authority of one plane's Cilium with others: `connect` refuses planes that differ in it.

The Secret holds the authority's private key. It becomes real only inside `carry_out`, is kept nowhere, and shows
everywhere else as the SubjectKeyId of its certificate, which is public.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.fleet.access import installer_client
from kbconsole.fleet.changes import Remove, uid_of
from kbconsole.jobs.definition import (
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
from kbconsole.k8s.kinds import SECRET, Object, Ref
from networking.kinds.cilium.reading import AUTHORITY, SYSTEM, key_id

declare(
    {
        "mesh.share": _("Give %(plane)s the certificate authority of %(source)s"),
        "mesh.share_replaces": _(
            "An authority of its own that %(planes)s may have is replaced and kept nowhere: it cannot be brought back. "
            "The certificates that it has signed are made anew when Cilium is next upgraded there."
        ),
        "mesh.share_key": _(
            "The private key of Cilium's authority goes from %(source)s to %(plane)s. Whoever reads Secrets in "
            "kube-system there can then issue certificates for the whole mesh."
        ),
        "mesh.no_authority": _(
            "%(plane)s has no Secret %(name)s in kube-system with a readable certificate. Install Cilium there first."
        ),
        "mesh.other_authority": _(
            "%(plane)s has another authority by now than the one that was approved. Nothing was copied; make the plan "
            "again."
        ),
        "mesh.compare": _("Compare the authority of %(plane)s with that of %(source)s"),
        "mesh.same_authority": _("%(plane)s has the authority of %(source)s (%(key)s)."),
        "mesh.differs": _(
            "%(plane)s does not have the authority of %(source)s. Share it, then choose Retry or Verify."
        ),
    }
)  # fmt: skip

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""An annotation in which kubectl keeps the whole object, the key included."""
REF: Ref = SECRET.ref(AUTHORITY, SYSTEM)


def read_authority(plane: str) -> Object:
    """Return the Secret, private key included. Raises ConsoleError where there is none. For `carry_out` alone."""
    secret = installer_client(plane).get(SECRET, AUTHORITY, SYSTEM)
    if secret is None or not key_id(secret):
        raise ConsoleError("mesh.no_authority", plane=plane, name=AUTHORITY)
    return secret


def key_of(plane: str) -> str:
    """Return the SubjectKeyId of a plane's authority, "" where it has none. The Secret is dropped at once."""
    return key_id(installer_client(plane).get(SECRET, AUTHORITY, SYSTEM))


def _kept(marks: Mapping[str, str] | None) -> dict[str, str]:
    """Return labels or annotations without kubectl's copy: Helm adopts an object by these, or refuses it."""
    return {key: text for key, text in (marks or {}).items() if key != _LAST_APPLIED}


@actions.register
@dataclass(frozen=True)
class ShareAuthority(Change):
    """Copy Secret `cilium-ca`. `key`: the SubjectKeyId that was approved; "" for one that an earlier step makes."""

    slug: ClassVar[str] = "mesh-share"
    source: str
    plane: str
    key: str = ""

    def label(self) -> Sentence:
        return say("mesh.share", plane=self.plane, source=self.source)

    def commands(self) -> list[str]:
        source, target = shlex.quote(self.source), shlex.quote(self.plane)
        set_by_server = ("uid", "resourceVersion", "creationTimestamp", "managedFields")
        clean = f"del({', '.join(f'.metadata.{key}' for key in set_by_server)})"
        return [
            f"kubectl --context {source} -n {SYSTEM} get secret {AUTHORITY} -o json | jq '{clean}' | "
            f"kubectl --context {target} apply --server-side --force-conflicts -f -"
        ]

    def cautions(self) -> list[Sentence]:
        return [say("mesh.share_key", source=self.source, plane=self.plane)]

    def diff(self) -> Diff:
        there = installer_client(self.plane).get(SECRET, AUTHORITY, SYSTEM)
        had, key = key_id(there), self.key
        change = {"path": "data[SubjectKeyId of ca.crt]", "before": had or None, "after": key or None}
        if there is None:
            return Diff((ObjectDiff(Touch.CREATED, REF, changes=(change,)),))
        if had == key:
            return Diff((ObjectDiff(Touch.UNCHANGED, REF, uid_of(there)),))
        return Diff((ObjectDiff(Touch.UPDATED, REF, uid_of(there), (change,), _owners(there)),))

    def carry_out(self) -> Outcome:
        secret = read_authority(self.source)
        if self.key and key_id(secret) != self.key:
            raise ConsoleError("mesh.other_authority", plane=self.source)
        if key_of(self.plane) == key_id(secret):
            return Outcome((Touched(Touch.UNCHANGED, REF),))
        applied = installer_client(self.plane).apply(
            _copy(secret), force=True
        )  # the plan has shown whose fields it takes
        return Outcome((Touched(Touch(applied.touch), REF, uid_of(applied.object), applied.warnings),))

    def inverse(self, outcome: Outcome) -> Change | None:
        """Only an authority that this change made goes again; the one that it replaced is nowhere."""
        if outcome.created is None:
            return None
        where = (REF["apiVersion"], REF["kind"], AUTHORITY, SYSTEM)
        return Remove(self.plane, *where, outcome.created.uid, tried=True, installer=True)


def _copy(secret: Object) -> Object:
    metadata = secret["metadata"]
    marks = {key: kept for key in ("labels", "annotations") if (kept := _kept(metadata.get(key)))}
    return {
        "apiVersion": "v1", "kind": "Secret", "type": secret.get("type", "Opaque"),
        "metadata": {"name": AUTHORITY, "namespace": SYSTEM, **marks}, "data": dict(secret.get("data") or {}),
    }  # fmt: skip


def _owners(secret: Object) -> tuple[dict[str, str], ...]:
    """Return who else owns the data: these are overruled. Told by the names of fields alone."""
    entries: list[dict[str, Any]] = secret["metadata"].get("managedFields") or []
    owners = {str(entry.get("manager")) for entry in entries if "f:data" in (entry.get("fieldsV1") or {})}
    return tuple({"manager": name, "field": ".data"} for name in sorted(owners - {"kbconsole"}))


@actions.register
@dataclass(frozen=True)
class SameAuthority(Check):
    """Two planes have the same authority, by what `connect` compares."""

    slug: ClassVar[str] = "mesh-same-authority"
    source: str
    plane: str

    def label(self) -> Sentence:
        return say("mesh.compare", plane=self.plane, source=self.source)

    def look(self) -> Finding:
        words, key = {"plane": self.plane, "source": self.source}, key_of(self.source)
        if key and key == key_of(self.plane):
            return Finding(Verdict.PASS, say("mesh.same_authority", key=key[:12], **words))
        return Finding(Verdict.FAIL, say("mesh.differs", **words))
