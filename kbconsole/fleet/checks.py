"""How steps tell that something holds on a plane."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.fleet.access import client
from kbconsole.fleet.changes import dry_run, named
from kbconsole.jobs.definition import Check, Finding, Verdict, actions
from kbconsole.k8s.commands import kubectl_get
from kbconsole.k8s.kinds import CLUSTER_ROLE, Object, Ref, kind_named, kind_of, ref_of, selector_of
from kbconsole.k8s.manifests import canonical, changed_fields
from kbconsole.k8s.rules import Right, diff_rules, show_right

declare(
    {
        "fleet.holds": _("Compare %(kind)s %(name)s with what was applied"),
        "fleet.holds_yes": _("%(kind)s %(name)s on %(plane)s is as applied."),
        "fleet.holds_gone": _("%(kind)s %(name)s is not on %(plane)s any more. Retry applies it again."),
        "fleet.holds_not": _(
            "%(kind)s %(name)s on %(plane)s is not as applied any more (%(fields)s). "
            "Look at who changed it, then choose Retry."
        ),
        "fleet.holds_owned": _(
            "Others took over fields of %(kind)s %(name)s on %(plane)s (%(fields)s). "
            "Settle with their owner who keeps them, then choose Retry."
        ),
        "fleet.owner_of": _("%(field)s by %(manager)s"),
        "fleet.absent": _("See that no %(kind)s is left in %(namespace)s"),
        "fleet.absent_yes": _("No %(kind)s is left in %(namespace)s on %(plane)s."),
        "fleet.absent_not": _("%(plane)s: still there: %(kind)s %(names)s."),
        "fleet.same_rules": _("Read %(name)s back and compare its rules"),
        "fleet.same_rules_yes": _("%(name)s on %(plane)s grants exactly what the control plane's does."),
        "fleet.same_rules_soon": _("%(plane)s took the role just now; it is read back in a moment."),
        "fleet.same_rules_gone": _("%(name)s is not on %(plane)s any more. Retry applies it again."),
        "fleet.same_rules_not": _(
            "%(name)s on %(plane)s differs from the control plane's. Missing: %(missing)s. Too much: "
            "%(extra)s. "
            "Something there rewrites it; look at its managers, then choose Retry."
        ),
        "fleet.nothing": _("nothing"),
        "fleet.aggregated": _(
            "%(name)s on %(plane)s is an aggregated role: a controller there fills its rules and would "
            "overwrite "
            "a copy. Remove the KubeBlocks installation or the old copy from that plane, then make the plan "
            "again."
        ),
    }
)

SETTLE_POLLS = 3


@actions.register
@dataclass(frozen=True)
class Holds(Check):
    """The plane holds what was applied: a dry run of the same apply changes nothing and meets no conflict."""

    slug: ClassVar[str] = "holds"
    plane: str
    object: dict[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "object", canonical(self.object))

    @property
    def ref(self) -> Ref:
        return ref_of(self.object)

    def label(self) -> Sentence:
        return say("fleet.holds", **named(self.ref))

    def commands(self) -> list[str]:
        return [
            kubectl_get(kind_of(self.object), self.ref["name"], self.ref["namespace"], context=self.plane)
        ]

    def look(self) -> Finding:
        words = {**named(self.ref), "plane": self.plane}
        plane = client(self.plane)
        there = plane.get(kind_of(self.object), self.ref["name"], self.ref["namespace"])
        if there is None:
            return Finding(Verdict.FAIL, say("fleet.holds_gone", **words))
        applied, conflicts = dry_run(plane, self.object)
        if conflicts:
            fields = [say("fleet.owner_of", **conflict) for conflict in conflicts]
            return Finding(Verdict.FAIL, say("fleet.holds_owned", fields=fields, **words))
        differing = [change["path"] for change in changed_fields(there, applied.object)]
        if differing:
            return Finding(Verdict.FAIL, say("fleet.holds_not", fields=differing, **words))
        return Finding(Verdict.PASS, say("fleet.holds_yes", **words))


@actions.register
@dataclass(frozen=True)
class Absent(Check):
    """Nothing of a kind with these labels, or of that name, is in the namespace; waits until it is so."""

    slug: ClassVar[str] = "absent"
    plane: str
    api_version: str
    kind: str
    namespace: str
    labels: dict[str, str] = field(default_factory=dict)
    name: str = ""

    @property
    def selector(self) -> str:
        return selector_of(self.labels)

    def label(self) -> Sentence:
        return say("fleet.absent", kind=self.kind, namespace=self.namespace)

    def commands(self) -> list[str]:
        kind = kind_named(self.api_version, self.kind)
        return [kubectl_get(kind, self.name, self.namespace, context=self.plane, labels=self.selector)]

    def look(self) -> Finding:
        words = {"kind": self.kind, "namespace": self.namespace, "plane": self.plane}
        kind = kind_named(self.api_version, self.kind)
        found = client(self.plane).list(kind, self.namespace, labels=self.selector)
        names = sorted(str(obj["metadata"]["name"]) for obj in found)
        left = [name for name in names if not self.name or name == self.name]
        if left:
            return Finding(Verdict.WAIT, say("fleet.absent_not", names=left[:10], **words))
        return Finding(Verdict.PASS, say("fleet.absent_yes", **words))


@actions.register
@dataclass(frozen=True)
class SameRules(Check):
    """A cluster role grants exactly these rules, compared as a set, some polls after our last write to it.

    The delay gives a controller that aggregates roles, or another tool, the time to overwrite it.
    """

    slug: ClassVar[str] = "same-rules"
    plane: str
    name: str
    rules: list[dict[str, Any]]

    def label(self) -> Sentence:
        return say("fleet.same_rules", name=self.name)

    def commands(self) -> list[str]:
        return [kubectl_get(CLUSTER_ROLE, self.name, context=self.plane)]

    def look(self) -> Finding:
        words = {"name": self.name, "plane": self.plane}
        role = client(self.plane).get(CLUSTER_ROLE, self.name)
        if role is None:
            return Finding(Verdict.FAIL, say("fleet.same_rules_gone", **words))
        if role.get("aggregationRule"):
            return Finding(Verdict.FAIL, say("fleet.aggregated", **words))
        if _written_just_now(role):
            return Finding(Verdict.WAIT, say("fleet.same_rules_soon", plane=self.plane))
        diff = diff_rules(self.rules, role.get("rules") or [])
        if not diff.missing and not diff.extra:
            return Finding(Verdict.PASS, say("fleet.same_rules_yes", **words))
        missing, extra = rights_in_words(diff.missing), rights_in_words(diff.extra)
        return Finding(Verdict.FAIL, say("fleet.same_rules_not", missing=missing, extra=extra, **words))


def rights_in_words(rights: Iterable[Right]) -> list[str | Sentence]:
    """Return single rights one by one, or the word for none."""
    return [show_right(one) for one in sorted(rights)] or [say("fleet.nothing")]


def _written_just_now(obj: Object) -> bool:
    """Whether our last write is younger than a few polls. A clock ahead of ours does not hold us up."""
    delay = timedelta(seconds=SETTLE_POLLS * settings.KBCONSOLE_POLL_SECONDS)
    ages = [timezone.now() - moment for moment in _our_writes(obj)]
    return any(-delay < age < delay for age in ages)


def _our_writes(obj: Object) -> Iterator[datetime]:
    for entry in obj["metadata"].get("managedFields") or []:
        if entry.get("manager") == "kbconsole" and entry.get("time"):
            yield datetime.fromisoformat(entry["time"].replace("Z", "+00:00")).astimezone(UTC)
