"""Making somebody administrator as a run, where another administrator has to agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _

from kbconsole.common.policy import Policy, Rule
from kbconsole.common.roles import Role
from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.jobs.definition import (
    CONSOLE,
    Change,
    Diff,
    Job,
    Mark,
    ObjectDiff,
    Outcome,
    Step,
    Subject,
    Touch,
    Touched,
    actions,
    declare_phases,
    register,
)
from kbconsole.jobs.services import make_plan
from kbconsole.people import promoting
from kbconsole.people.services import promote

declare_phases({"give-role": _("Give the role")})
declare(
    {
        "promoting.give": _("Give %(name)s the role of administrator"),
        "promoting.what": _("Make %(name)s an administrator"),
        "promoting.new": _("one more administrator"),
    }
)


@actions.register
@dataclass(frozen=True)
class GiveAdmin(Change):
    """Put a person into the group of administrators, as `asked_by`, a person's number, asked."""

    slug: ClassVar[str] = "give-admin-role"
    person: int
    name: str
    asked_by: int

    @property
    def ref(self) -> dict[str, str]:
        return {"apiVersion": "kbconsole", "kind": "Person", "namespace": "", "name": self.name}

    def label(self) -> Sentence:
        return say("promoting.give", name=self.name)

    def diff(self) -> Diff:
        groups = User.objects.get(pk=self.person).groups.order_by("name").values_list("name", flat=True)
        before = [name for name in groups if name in set(Role)]
        after = sorted({*before, Role.ADMIN.value})
        changes = ({"path": "roles", "before": ", ".join(before) or None, "after": ", ".join(after)},)
        same = before == after
        touch = Touch.UNCHANGED if same else Touch.UPDATED
        return Diff((ObjectDiff(touch, self.ref, str(self.person), () if same else changes),))

    def carry_out(self) -> Outcome:
        done = promote(self.person, asked_by=self.asked_by)
        touch = Touch.UPDATED if done else Touch.UNCHANGED
        return Outcome((Touched(touch, self.ref, str(self.person)),))


@register
@dataclass(frozen=True)
class MakeAdministrator(Job):
    """Give somebody the role by which they decide about what others ask for."""

    slug: ClassVar[str] = "make-administrator"
    label: ClassVar[Any] = _("Give the role of administrator")
    approval: ClassVar[Policy] = Policy(
        asks=(Role.ADMIN,), rules=(Rule(1, alone=_("It is given at once; the audit log says so.")),)
    )
    person: int
    name: str
    asked_by: int

    def subject(self) -> Subject:
        return Subject("user", str(self.person), self.name)

    def lanes(self) -> list[str]:
        return [CONSOLE]

    def steps(self) -> Iterator[Step]:
        yield Step(on=CONSOLE, phase="give-role", change=GiveAdmin(self.person, self.name, self.asked_by))

    def what(self) -> Sentence:
        return say("promoting.what", name=self.name)

    def marks(self) -> list[Mark]:
        return [Mark(say("promoting.new"), "warn")]


def _ask(person: User, by: Any) -> int:
    return make_plan(MakeAdministrator(person.pk, person.get_username(), by.pk), by=by).pk


promoting.asked_by(_ask)
