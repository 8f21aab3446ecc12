"""What a job is: steps as data. One list of steps is shown, hashed, approved, run, exported and undone.

This module knows no Kubernetes. `kbconsole.fleet` and the packages above it define the actions.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Self

from django.utils.translation import gettext_lazy as _

from kbconsole.common.policy import Policy
from kbconsole.common.registry import Registry
from kbconsole.common.roles import has_role, roles_of
from kbconsole.common.sentences import Json, Sentence, declare, say

CONSOLE = "console"
"""The lane of steps that belong to no plane."""


def canonical_text(value: Json) -> str:
    """Return the one text that stands for a JSON value: sorted keys, no blanks, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(text: str) -> str:
    """Return the sha256 of a canonical text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


class Level(StrEnum):
    """How much an event or a finding matters."""

    INFO = "info"
    PASS = "pass"  # noqa: S105
    WARN = "warn"
    FAIL = "fail"


class Verdict(StrEnum):
    """What a check found. WAIT: not yet, ask again later; PERSON: a person has to act first."""

    PASS = "pass"  # noqa: S105
    WARN = "warn"
    FAIL = "fail"
    WAIT = "wait"
    PERSON = "person"


@dataclass(frozen=True)
class Finding:
    """One answer of a check: what was seen, what to do next, and facts for the page.

    `facts` is JSON that the job's `on_end` and the pages may use; it never holds a secret.
    """

    verdict: Verdict
    sentence: Sentence
    fix: Sentence | None = None
    facts: Json = None


class Touch(StrEnum):
    """What a change did to its object."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    ABSENT = "absent"


@dataclass(frozen=True)
class Touched:
    """One object that a change touched: `ref` is `{apiVersion, kind, namespace, name}`."""

    touch: Touch
    ref: Mapping[str, str]
    uid: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a change did. `touched` is empty where there was nothing to do."""

    touched: tuple[Touched, ...] = ()

    @property
    def created(self) -> Touched | None:
        """The first object that was not there before: what an inverse takes back."""
        return next((one for one in self.touched if one.touch == Touch.CREATED), None)

    def to_json(self) -> Json:
        return [
            {"touch": str(t.touch), "ref": dict(t.ref), "uid": t.uid, "warnings": list(t.warnings)}
            for t in self.touched
        ]

    @classmethod
    def from_json(cls, stored: Json) -> Outcome:
        """Read what `to_json` gave."""
        return cls(
            tuple(
                Touched(Touch(one["touch"]), one["ref"], one.get("uid", ""), tuple(one.get("warnings", ())))
                for one in stored
            )
        )


@dataclass(frozen=True)
class ObjectDiff:
    """One object of a dry run.

    `touch`: what would happen. `changes`: one `{path, before, after}` per field that differs. `conflicts`: one
    `{manager, field}` per field of another owner. `checked`: False where the server could not yet check it,
    because an earlier step makes its namespace. `uid` is that of the object that is there, "" if none.
    """

    touch: Touch
    ref: Mapping[str, str]
    uid: str = ""
    changes: tuple[Mapping[str, Json], ...] = ()
    conflicts: tuple[Mapping[str, str], ...] = ()
    checked: bool = True

    def baseline(self) -> Json:
        """What was there, to be compared once before the first write: state and the fields that differ."""
        return {
            "ref": dict(self.ref),
            "touch": str(self.touch),
            "uid": self.uid,
            "fields": [c["path"] for c in self.changes],
        }


@dataclass(frozen=True)
class Diff:
    """The dry run of one change, object by object."""

    objects: tuple[ObjectDiff, ...] = ()

    def to_json(self) -> Json:
        return [
            {
                "touch": str(o.touch), "ref": dict(o.ref), "uid": o.uid, "changes": [dict(c) for c in o.changes],
                "conflicts": [dict(c) for c in o.conflicts], "checked": o.checked,
            }
            for o in self.objects
        ]  # fmt: skip

    def baseline(self) -> Json:
        return [o.baseline() for o in self.objects]


class Action(ABC):
    """A change or a check, as a frozen dataclass of JSON values: it is stored, hashed and loaded again."""

    slug: ClassVar[str]

    def canonical(self) -> dict[str, Json]:
        """Return `{"action": slug, field: value, …}`: what is hashed, shown and stored."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # type: ignore[arg-type]
        loaded: dict[str, Json] = json.loads(canonical_text({"action": self.slug, **values}))
        return loaded

    @classmethod
    def load(cls, stored: Mapping[str, Json]) -> Self:
        """Make the action that `canonical` described. Raises KeyError for an unknown action."""
        action = actions.get(stored["action"])
        made: Any = action(**{key: value for key, value in stored.items() if key != "action"})
        return made  # type: ignore[no-any-return]

    def commands(self) -> list[str]:
        """Return the same as commands that a person could type (kubectl, helm, cilium)."""
        return []

    @abstractmethod
    def label(self) -> Sentence:
        """Return what the action does, in a few words."""


class Change(Action):
    """Something that a step does to a plane. Safe to repeat."""

    lasts: ClassVar[bool] = False
    """Whether `carry_out` only begins it, and the step's check tells when it has ended."""
    proves_author: ClassVar[bool] = False
    """Whether an object that it leaves unchanged was made by this very change before: then an undo may remove it."""

    @abstractmethod
    def diff(self) -> Diff:
        """Ask the plane what would happen; change nothing. Raises ConsoleError."""

    @abstractmethod
    def carry_out(self) -> Outcome:
        """Do it. Raises ConsoleError."""

    def cautions(self) -> list[Sentence]:
        """Return what an approver has to know and accept about this very change. Never talks to a plane."""
        return []

    def inverse(self, outcome: Outcome) -> Change | None:
        """Return what takes it back, for objects that `carry_out` made, or None."""
        return None

    def stays(self, outcome: Outcome) -> Sentence | None:
        """Return why what it did stays, for a change without an inverse, where its outcome does not say it all."""
        return None

    def proof(self) -> Check | None:
        """Return how to tell that it has happened, where that follows from the change alone."""
        return None

    def as_step(self, *, on: str, phase: str, gate: bool = False) -> Step:
        """Return the step that does it and proves it: what the undo of a run is made of."""
        return Step(on=on, phase=phase, change=self, check=self.proof(), gate=gate)


class Check(Action):
    """How to tell that something holds: one look, in seconds, that changes nothing."""

    @abstractmethod
    def look(self) -> Finding:
        """Look once. Raises ConsoleError when the plane gives no usable answer."""


actions: Registry[Action] = Registry("actions")


@dataclass(frozen=True)
class Step:
    """One row of a run: where, what, and how to tell that it holds.

    `on`: the lane, a plane's name or `CONSOLE`. `phase`: a code declared by `declare_phases`; the columns of the
    run page. `gate`: wait until the steps of all earlier phases, in every lane, have succeeded. `blocks`: when it
    fails, the later steps of its lane are skipped. `deadline`: how long a check may answer WAIT, in seconds
    (None: for ever). `repeats`: the phase of the same lane that a retry of this step repeats too.
    """

    on: str
    phase: str
    change: Change | None = None
    check: Check | None = None
    gate: bool = False
    blocks: bool = True
    deadline: int | None = 300
    repeats: str = ""

    def canonical(self) -> dict[str, Json]:
        return {
            "on": self.on, "phase": self.phase,
            "change": self.change.canonical() if self.change else None,
            "check": self.check.canonical() if self.check else None,
            "gate": self.gate, "blocks": self.blocks, "deadline": self.deadline, "repeats": self.repeats,
        }  # fmt: skip

    @classmethod
    def load(cls, stored: Mapping[str, Json]) -> Step:
        """Make the step that `canonical` described."""
        change, check = stored["change"], stored["check"]
        return cls(
            **{
                **stored,
                "change": Change.load(change) if change else None,
                "check": Check.load(check) if check else None,
            }
        )

    def label(self) -> Sentence:
        action = self.change or self.check
        assert action is not None, "a step has a change, a check, or both"  # noqa: S101
        return action.label()

    def commands(self) -> list[str]:
        return [line for action in (self.change, self.check) if action for line in action.commands()]


@dataclass(frozen=True)
class Subject:
    """What a run is about. One active run per subject. `label` is copied text that outlives the object."""

    kind: str
    id: str
    label: str


@dataclass(frozen=True)
class Ended:
    """How a run ended, for `Job.on_end`: `status` is the run's, `facts` those of its checks, by step."""

    run_id: int
    status: str
    by: str
    facts: tuple[tuple[str, str, Json], ...] = ()  # (lane, phase, facts of the check), in order
    outcomes: tuple[tuple[str, str, Json], ...] = ()  # (lane, phase, Outcome.to_json()), in order


@dataclass(frozen=True)
class Mark:
    """What sets a plan apart in a list; `tone` is a colour of app.css."""

    sentence: Sentence
    tone: str = "bad"


declare({"jobs.what": _("%(job)s: %(subject)s")})


@dataclass(frozen=True)
class Job(ABC):
    """Code that a run executes. Its fields are the stored parameters: JSON values, none of them a secret."""

    slug: ClassVar[str]
    label: ClassVar[Any]
    approval: ClassVar[Policy] = Policy()
    """Who may ask for it and who has to agree; nothing else decides that."""
    words: ClassVar[Mapping[str, Any]] = {}
    """The (lazily translated) names of the parameters by which a reader compares two plans."""
    planned: ClassVar[bool] = True
    """Whether it changes planes, and therefore is rendered to a plan first. False: its steps are checks that
    are known without asking anybody."""

    def params(self) -> dict[str, Json]:
        loaded: dict[str, Json] = json.loads(canonical_text(dataclasses.asdict(self)))
        return loaded

    @abstractmethod
    def subject(self) -> Subject:
        """Return what the run is about."""

    @abstractmethod
    def lanes(self) -> list[str]:
        """Return the lanes, in the order of the page, without asking a plane."""

    @abstractmethod
    def steps(self) -> Iterable[Step]:
        """Yield the steps. Of a planned job this runs in a worker and may read planes. Raises ConsoleError."""

    def facts(self) -> dict[str, Json]:
        """Return what else the plan hash covers: identities of planes, release line, profile version."""
        return {}

    def informed(self) -> Self:
        """Return the job with what only a worker can find out before it renders, as fields of the job.

        It is asked once, when the plan is made; the plan keeps the fields, so that its hash covers them and
        rendering again gives the same bytes. May read planes.
        """
        return self

    def unheard(self) -> Mapping[str, str]:
        """Return the lanes that the plan is made without, since they give no answer, with the time of the last one.

        Without a dry run of every plane nothing may be approved. The exception is a job that only takes away what
        may be left on a plane that is lost: it names the lane here and in its cautions, asks it for nothing before
        it answers, and does not succeed before it has proven what it promises there. ISO time, "" for never.
        """
        return {}

    def approvals_needed(self) -> int:
        """Return how many other people must agree before it runs, by the policy."""
        return self.approval.needed(self)

    def what(self) -> Sentence:
        """Return what would be done, in a sentence for a list. Asks neither planes nor the database."""
        return say("jobs.what", job=job_sentence(self.slug), subject=self.subject().label)

    def marks(self) -> list[Mark]:
        """Return what sets the plan apart in a list of approvals. Asks neither planes nor the database."""
        return []

    def promise(self) -> Sentence | None:
        """Return what the result is worth, for the head of the plan. Never talks to a plane."""
        return None

    def cautions(self) -> list[Sentence]:
        """Return what an approver has to know and accept, worst first. Never talks to a plane."""
        return []

    def differs(self) -> list[str]:
        """Return where the job departs from the guide, and why, in the reader's language. Never talks to a plane."""
        return []

    def undone_by(self, run_id: int) -> Job | Sentence | None:
        """Return what undoes a run of it better than the inverses of its changes: a job, or None.

        Or why it is not undone, and what to do instead, as a sentence. Asks the database, no plane.
        """
        return None

    def undo_looks(self, changes: Sequence[Change]) -> Iterable[Step]:
        """Yield the checks that stand before the inverses of its changes: what has to hold before they go."""
        return ()

    def on_undo_start(self, run_id: int) -> None:  # noqa: B027  a hook
        """Take note that an undo of the job was queued as this run, in the same transaction."""

    def on_undo_end(self, ended: Ended) -> None:  # noqa: B027  a hook
        """Take note of the end of an undo, in the transaction that ends it."""

    def on_start(self, run_id: int) -> None:  # noqa: B027  a hook
        """Take note that a run of the job was queued, also by a retry, in the same transaction."""

    def on_end(self, ended: Ended) -> None:  # noqa: B027  a hook
        """Take note of the end of a run, in the transaction that ends it. Never talks to a plane."""

    def on_plan(self, *, plan_id: int, status: str, by: str) -> None:  # noqa: B027  a hook
        """Take note of a new status of the job's plan, in the transaction that sets it."""

    def allows(self, user: Any, act: str) -> bool:
        """Return whether a person may `see`, `run`, `decide`, `cancel` or `retry`, by the policy."""
        if act == "see":
            return bool(roles_of(user))
        return (
            has_role(user, self.approval.approves) if act == "decide" else has_role(user, *self.approval.asks)
        )

    def shares(self, user: Any) -> bool:
        """Return whether a person may take back what somebody else asked for, as its subject is theirs as well."""
        return False


jobs: Registry[Job] = Registry("jobs")


def register(cls: type[Job]) -> type[Job]:
    """Class decorator: make a job known, and its name sayable as the sentence `job.SLUG`."""
    declare({f"job.{cls.slug}": cls.label})
    return jobs.register(cls)


def job_sentence(slug: str) -> Sentence:
    """Return the job's name as a sentence that is stored."""
    return Sentence(f"job.{slug}")


_PHASES: dict[str, Any] = {CONSOLE: CONSOLE}


def declare_phases(labels: Mapping[str, Any]) -> None:
    """Give phases their (lazily translated) column titles."""
    _PHASES.update(labels)


def phase_label(phase: str) -> str:
    return str(_PHASES.get(phase, phase))


def load_job(slug: str, params: Mapping[str, Json]) -> Job:
    """Make a job of its stored parameters. Raises KeyError for an unknown job."""
    job: Any = jobs.get(slug)
    made: Job = job(**params)
    return made
