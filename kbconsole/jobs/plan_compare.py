"""What a plan intends otherwise than the one before it for the same subject."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kbconsole.common.sentences import Json
from kbconsole.jobs.definition import canonical_text, phase_label
from kbconsole.jobs.models import Plan
from kbconsole.jobs.pages import lane_label

MOST = 40


@dataclass(frozen=True)
class Differs:
    """One value that differs; `before` or `after` is None where there is none."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Comparison:
    """The plan before and what differs from it; `more` is how many differences are not listed."""

    older: Plan
    changes: list[Differs]
    more: int


def compare(plan: Plan, plans: Any) -> Comparison | None:
    """Compare a plan with the newest older one of the same job and subject among `plans`; None if there is none."""
    older = (
        plans.filter(
            job=plan.job,
            subject_kind=plan.subject_kind,
            subject_id=plan.subject_id,
            pk__lt=plan.pk,
            made_at__isnull=False,
        )
        .order_by("-pk")
        .first()
    )
    if older is None or not plan.content:
        return None
    before, after = _values(older), _values(plan)
    paths = [path for path in {**before, **after} if before.get(path) != after.get(path)]
    changes = [Differs(path, before.get(path), after.get(path)) for path in paths[:MOST]]
    return Comparison(older, changes, len(paths) - len(changes))


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
