"""The second dry run of what the first could not check, because an earlier step of the run makes its namespace.

Which changes these are is kept with the plan (`ObjectDiff.checked`), as part of what the approver saw; dry-run output
is not hashed. The looks follow from that and from the steps by one rule, so page and run cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.jobs.cautions import object_name
from kbconsole.jobs.definition import Change, Check, Finding, ObjectDiff, Step, Touch, Verdict, actions
from kbconsole.jobs.models import Plan

declare(
    {
        "plan.again": _("Dry run again, now that the namespace is there"),
        "plan.again_passed": _("The server takes what was approved, also checked in full: %(what)s."),
        "plan.again_refused": _(
            "Nothing was written in this phase: asked again, now that the namespace is there, the server answered: "
            "%(why)s"
        ),
        "plan.again_no_namespace": _(
            "Nothing was written in this phase: the namespace of %(what)s is gone again on %(plane)s. Find out who "
            "removes it, then choose Retry."
        ),
        "plan.again_owned": _(
            "Nothing was written in this phase: %(what)s is on %(plane)s meanwhile, and others own fields of it "
            "(%(fields)s). Settle with their owner who keeps them, then choose Retry, or make the plan again."
        ),
        "plan.again_there": _(
            "Nothing was written in this phase: %(what)s is on %(plane)s meanwhile, other than approved (%(fields)s). "
            "Look at who made it; if it may be changed, make the plan again and have it approved."
        ),
        "plan.again_owner": _("%(field)s by %(manager)s"),
    }
)


@actions.register
@dataclass(frozen=True)
class DryRunAgain(Check):
    """Dry-run the approved changes at these positions of a plan; what the server would refuse fails before a write.

    An object that the console has applied already, before a Retry, changes nothing and passes.
    """

    slug: ClassVar[str] = "plan-dry-run-again"
    plan: int
    plane: str
    positions: list[int]

    def label(self) -> Sentence:
        return say("plan.again")

    def look(self) -> Finding:
        steps = Plan.objects.get(pk=self.plan).steps()
        names: list[Json] = []
        for position in self.positions:
            change = steps[position].change
            assert change is not None, "only changes are dry-run"  # noqa: S101
            try:
                planned = change.diff().objects
            except ConsoleError as error:
                if error.retryable:
                    raise
                return Finding(Verdict.FAIL, say("plan.again_refused", why=error.sentence))
            refusal = next((said for one in planned if (said := self._refusal(change, one))), None)
            if refusal is not None:
                return Finding(Verdict.FAIL, refusal)
            names += [object_name(one.ref) for one in planned]
        return Finding(Verdict.PASS, say("plan.again_passed", what=names))

    def _refusal(self, change: Change, planned: ObjectDiff) -> Sentence | None:
        words = {"what": object_name(planned.ref), "plane": self.plane}
        if not planned.checked:
            return say("plan.again_no_namespace", **words)
        if planned.conflicts and not change.canonical().get("force"):
            fields = [say("plan.again_owner", **conflict) for conflict in planned.conflicts]
            return say("plan.again_owned", fields=fields, **words)
        if planned.touch == Touch.UPDATED and not planned.conflicts:
            return say("plan.again_there", fields=[one["path"] for one in planned.changes][:10], **words)
        return None


def looks_before(plan: Plan) -> dict[int, Step]:
    """Return the looks to insert, each by the position of the change in the plan that it goes before.

    One per plane and phase, before the first change there that the server could not check.
    """
    stored = plan.body()["steps"]
    waiting: dict[tuple[str, str], list[int]] = {}
    for row in sorted(plan.diffs.all(), key=lambda row: row.position):
        if any(not planned.get("checked", True) for planned in row.diff):
            step = stored[row.position]
            waiting.setdefault((step["on"], step["phase"]), []).append(row.position)
    return {positions[0]: _look(plan, stored[positions[0]], positions) for positions in waiting.values()}


def _look(plan: Plan, before: Mapping[str, Json], positions: list[int]) -> Step:
    check = DryRunAgain(plan.pk, before["on"], positions)
    return Step(on=before["on"], phase=before["phase"], check=check, gate=before["gate"])


def with_looks(plan: Plan) -> Iterator[Step]:
    """Yield the plan's steps with these looks among them; a Retry repeats a look together with its changes."""
    looks = looks_before(plan)
    positions = {
        n for look in looks.values() if isinstance(look.check, DryRunAgain) for n in look.check.positions
    }
    for position, step in enumerate(plan.steps()):
        if position in looks:
            yield looks[position]
        again = position in positions and not step.repeats
        yield replace(step, repeats=step.phase) if again else step
