"""A toy job with the things that make a plan page interesting: objects, differences, conflicts, warnings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.contrib.auth.models import User

from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.jobs import services
from kbconsole.jobs.definition import (
    Change,
    Check,
    Diff,
    Finding,
    Job,
    Mark,
    ObjectDiff,
    Outcome,
    Step,
    Subject,
    Touch,
    Touched,
    Verdict,
    actions,
    declare_phases,
    register,
)
from kbconsole.jobs.models import Plan
from tests.driving import drive
from tests.jobs.toys import _act

declare_phases({"toy-apply": "Apply role", "toy-prove": "Read back", "toy-wait": "Address"})
declare(
    {
        "rich.apply": "Apply %(what)s",
        "rich.prove": "Read %(what)s back",
        "rich.seen": "%(plane)s: %(what)s",
        "rich.public": "The replicas of %(what)s get public addresses.",
        "rich.fix": "Free an address in the pool of %(plane)s, then check again.",
        "rich.mark": "public",
    }
)


@actions.register
@dataclass(frozen=True)
class RichApply(Change):
    """Apply an object; `how` is the touch that the dry run tells, or conflict, or unchecked."""

    slug: ClassVar[str] = "rich-apply"
    plane: str
    object: dict[str, Any]
    how: str = "created"
    force: bool = False

    @property
    def ref(self) -> dict[str, str]:
        meta = self.object["metadata"]
        return {
            "apiVersion": self.object["apiVersion"], "kind": self.object["kind"],
            "namespace": meta.get("namespace", ""), "name": meta["name"],
        }  # fmt: skip

    def label(self) -> Sentence:
        return say("rich.apply", what=f"{self.ref['kind']} {self.ref['name']}")

    def commands(self) -> list[str]:
        return [f"kubectl --context {self.plane} apply --server-side -f {self.ref['name']}.yaml"]

    def diff(self) -> Diff:
        touch = (
            Touch.UPDATED
            if self.how == "conflict"
            else Touch("created" if self.how == "unchecked" else self.how)
        )
        changes: tuple[dict[str, Any], ...] = (
            {"path": "rules[0].verbs", "before": ["get"], "after": ["get", "list"]},
        )
        conflicts = ({"manager": "helm", "field": ".rules"},) if self.how == "conflict" else ()
        if touch in (Touch.UNCHANGED, Touch.REMOVED):
            changes = ()
        return Diff((ObjectDiff(touch, self.ref, "", changes, conflicts, checked=self.how != "unchecked"),))

    def carry_out(self) -> Outcome:
        _act(f"apply {self.plane}")
        return Outcome((Touched(Touch.CREATED, self.ref, uid="u"),))


@actions.register
@dataclass(frozen=True)
class RichLook(Check):
    slug: ClassVar[str] = "rich-look"
    plane: str
    what: str

    def label(self) -> Sentence:
        return say("rich.prove", what=self.what)

    def commands(self) -> list[str]:
        return [f"kubectl --context {self.plane} get {self.what}"]

    def look(self) -> Finding:
        verdict = _act(f"look {self.plane}/{self.what}") or Verdict.PASS
        fix = say("rich.fix", plane=self.plane) if verdict in (Verdict.FAIL, Verdict.PERSON) else None
        return Finding(verdict, say("rich.seen", plane=self.plane, what=f"{self.what} {verdict}"), fix)


def role(name: str = "kubeblocks-cluster-pod-role") -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}],
    }  # fmt: skip


@register
@dataclass(frozen=True)
class RichJob(Job):
    """`how`: plane → what the dry run says there. `hidden`: from everybody but administrators."""

    slug: ClassVar[str] = "rich"
    label: ClassVar[object] = "Copy RBAC"
    number: int = 1
    needed: int = 1
    how: dict[str, str] = field(default_factory=dict)
    cautious: bool = False
    hidden: bool = False
    width: int = 1

    def subject(self) -> Subject:
        return Subject("rich", str(self.number), f"demo/etcd-{self.number}")

    def lanes(self) -> list[str]:
        return ["k8s-1", "k8s-2", "k8s-3"]

    def steps(self) -> Iterable[Step]:
        for plane in self.lanes():
            yield Step(
                on=plane, phase="toy-apply", change=RichApply(plane, role(), self.how.get(plane, "created"))
            )
            for n in range(self.width):
                yield Step(
                    on=plane, phase="toy-apply", change=RichApply(plane, role(f"other-{n}"), "unchanged")
                )
            yield Step(on=plane, phase="toy-prove", check=RichLook(plane, "role"), repeats="toy-apply")
            yield Step(on=plane, phase="toy-wait", check=RichLook(plane, "address"))
        yield Step(on="console", phase="toy-prove", check=RichLook("console", "all"), gate=True)

    def approvals_needed(self) -> int:
        return self.needed

    def cautions(self) -> list[Sentence]:
        return [say("rich.public", what=f"etcd-{self.number}")] if self.cautious else []

    def marks(self) -> list[Mark]:
        return [Mark(say("rich.mark"))] if self.cautious else []

    def allows(self, user: Any, act: str) -> bool:
        return not self.hidden or user.username == "adam"


@register
@dataclass(frozen=True)
class RichCheck(RichJob):
    """The same steps without a plan."""

    slug: ClassVar[str] = "rich-check"
    planned: ClassVar[bool] = False


def made(by: User, reason: str = "for the payments team", **params: Any) -> Plan:
    """Return a plan that a worker has made."""
    plan = services.make_plan(RichJob(**params), by=by, reason=reason)
    drive(plan.runs.get())
    plan.refresh_from_db()
    return plan
