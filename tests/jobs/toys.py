"""A job whose actions are small programs kept in a dictionary, so that tests decide what a plane does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.jobs.definition import (
    Change,
    Check,
    Diff,
    Ended,
    Finding,
    Job,
    ObjectDiff,
    Outcome,
    Step,
    Subject,
    Touch,
    Touched,
    Verdict,
    actions,
    register,
)

declare({"toy.do": "do %(what)s", "toy.said": "%(what)s", "toy.refused": "refused"})
REF = {"apiVersion": "v1", "kind": "Toy", "namespace": "", "name": "toy"}


class World:
    """What the toy planes hold and answer; reset by the fixture `world`."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.holds: set[str] = set()
        self.answers: dict[str, list[Any]] = {}
        self.ended: list[Ended] = []
        self.plans: list[str] = []
        self.extra: list[Step] = []

    def answer(self, what: str) -> Any:
        queue = self.answers.get(what, [])
        return queue.pop(0) if len(queue) > 1 else (queue[0] if queue else None)


world = World()


class Trouble(ConsoleError):
    retryable = True


def _act(what: str) -> Any:
    world.calls.append(what)
    answer = world.answer(what)
    if isinstance(answer, Exception):
        raise answer
    return answer() if callable(answer) else answer


@actions.register
@dataclass(frozen=True)
class Put(Change):
    slug: ClassVar[str] = "toy-put"
    proves_author: ClassVar[bool] = True
    plane: str
    what: str

    def label(self) -> Sentence:
        return say("toy.do", what=self.what)

    def _key(self) -> str:
        return f"{self.plane}/{self.what}"

    def diff(self) -> Diff:
        touch = Touch.UNCHANGED if self._key() in world.holds else Touch.CREATED
        return Diff((ObjectDiff(touch, {**REF, "name": self.what}),))

    def carry_out(self) -> Outcome:
        _act(f"put {self._key()}")
        touch = Touch.UNCHANGED if self._key() in world.holds else Touch.CREATED
        world.holds.add(self._key())
        return Outcome((Touched(touch, {**REF, "name": self.what}, uid=f"u-{self._key()}"),))

    def inverse(self, outcome: Outcome) -> Change | None:
        made = any(touched.touch == Touch.CREATED for touched in outcome.touched)
        return Take(self.plane, self.what) if made else None


@actions.register
@dataclass(frozen=True)
class Take(Put):
    """What takes a `Put` back."""

    slug: ClassVar[str] = "toy-take"

    def diff(self) -> Diff:
        touch = Touch.REMOVED if self._key() in world.holds else Touch.ABSENT
        return Diff((ObjectDiff(touch, {**REF, "name": self.what}),))

    def carry_out(self) -> Outcome:
        _act(f"take {self._key()}")
        touch = Touch.REMOVED if self._key() in world.holds else Touch.ABSENT
        world.holds.discard(self._key())
        return Outcome((Touched(touch, {**REF, "name": self.what}, uid=f"u-{self._key()}"),))

    def inverse(self, outcome: Outcome) -> Change | None:
        return None

    def proof(self) -> Check:
        return Look(self.plane, f"no {self.what}")


@actions.register
@dataclass(frozen=True)
class Look(Check):
    slug: ClassVar[str] = "toy-look"
    plane: str
    what: str

    def label(self) -> Sentence:
        return say("toy.do", what=self.what)

    def look(self) -> Finding:
        verdict = _act(f"look {self.plane}/{self.what}") or Verdict.PASS
        return Finding(verdict, say("toy.said", what=str(verdict)), facts={"seen": self.what})


@register
@dataclass(frozen=True)
class ToyJob(Job):
    slug: ClassVar[str] = "toy"
    label: ClassVar[object] = "Toy"
    planes: list[str] = field(default_factory=lambda: ["k8s-1", "k8s-2", "k8s-3"])
    needed: int = 0

    def subject(self) -> Subject:
        return Subject("toy", "1", "toy one")

    def lanes(self) -> list[str]:
        return list(self.planes)

    def steps(self) -> Iterable[Step]:
        for plane in self.planes:
            yield Step(on=plane, phase="apply", change=Put(plane, "role"))
            yield Step(on=plane, phase="prove", check=Look(plane, "role"), repeats="apply")
        yield Step(on="console", phase="all", check=Look("console", "all"), gate=True)
        yield from world.extra

    def approvals_needed(self) -> int:
        return self.needed

    def on_end(self, ended: Ended) -> None:
        world.ended.append(ended)

    def on_plan(self, *, plan_id: int, status: str, by: str) -> None:
        world.plans.append(f"{status} by {by}")


@register
@dataclass(frozen=True)
class ToyCheck(ToyJob):
    """The same steps without a plan."""

    slug: ClassVar[str] = "toy-check"
    planned: ClassVar[bool] = False
