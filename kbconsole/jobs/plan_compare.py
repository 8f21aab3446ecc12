"""What a plan intends otherwise than the version that its reader, or anybody, decided about before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from kbconsole.common.sentences import Json
from kbconsole.jobs.definition import canonical_text, phase_label
from kbconsole.jobs.models import Decision, Plan
from kbconsole.jobs.pages import lane_label, listed

MOST = 40


@dataclass(frozen=True)
class Differs:
    """One value that differs; `before` or `after` is None where there is none."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Comparison:
    """The version before and what differs from it; `more` is how many differences of the steps are not listed.

    `asked`: what was asked for otherwise, by the words of the form. `decision`: the reader's own about the older
    version, or the last one.
    """

    older: Plan
    decision: Decision | None
    asked: list[Differs]
    changes: list[Differs]
    more: int

    @property
    def steps(self) -> int:
        return len(self.changes) + self.more


def compare(plan: Plan, plans: Any, reader: Any = None) -> Comparison | None:
    """Compare a plan with an older one of the same job and subject among `plans`; None if there is none.

    It is the newest that the reader decided about; else the newest that anybody did; else the newest.
    """
    if not plan.content:
        return None
    about = {"job": plan.job, "subject_kind": plan.subject_kind, "subject_id": plan.subject_id}
    older = plans.filter(**about, pk__lt=plan.pk, made_at__isnull=False).exclude(content="").order_by("-pk")
    decisions = Decision.objects.filter(plan__in=older).select_related("by").defer("content")
    told = decisions.order_by("-plan_id", "-id")
    decision = told.filter(by=reader).first() if reader is not None else None
    decision = decision or told.first()
    seen = older.filter(pk=decision.plan_id).first() if decision else older.first()
    if seen is None:
        return None
    before, after = _values(seen), _values(plan)
    changes = _differing(before, after)
    return Comparison(seen, decision, _asked(seen, plan), changes[:MOST], len(changes[MOST:]))


def _differing(before: Mapping[str, str], after: Mapping[str, str]) -> list[Differs]:
    paths = [path for path in {**before, **after} if before.get(path) != after.get(path)]
    return [Differs(path, before.get(path), after.get(path)) for path in paths]


def _asked(older: Plan, plan: Plan) -> list[Differs]:
    """Return what was asked for otherwise: the reason, and the parameters that the job has words for."""
    job = plan.known_definition()
    words = {name: str(word) for name, word in job.words.items()} if job else {}
    before, after = (
        {words[n]: _said(v) for n, v in one.params.items() if n in words} for one in (older, plan)
    )
    return _differing({gettext("Why"): older.reason, **before}, {gettext("Why"): plan.reason, **after})


def _said(value: Json) -> str:
    if isinstance(value, list):
        return listed(_said(item) for item in value)
    return value if isinstance(value, str) else canonical_text(value)


def _values(plan: Plan) -> dict[str, str]:
    """Return every value of what a plan intends, by a path that a reader can follow."""
    found: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for step in plan.body()["steps"]:
        where = f"{lane_label(step['on'])}, {phase_label(step['phase'])}"
        seen[where] += 1
        number = f" {seen[where]}" if seen[where] > 1 else ""
        action = step["change"] or step["check"]
        found.update((f"{where}{number}: {path}", value) for path, value in _leaves(action, ""))
    return found


def _leaves(value: Json, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    else:
        yield path, value if isinstance(value, str) else canonical_text(value)
