"""What an approver has to know and tick, worst first: what the job says, what goes, whose fields, what is unchecked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.jobs.definition import Change, Touch, canonical_text, digest
from kbconsole.jobs.models import Plan, PlanDiff, PlanStatus

declare(
    {
        "plan.warn_removes": _("%(plane)s loses %(what)s."),
        "plan.warn_conflict": _(
            "%(plane)s: %(what)s has fields of %(managers)s (%(fields)s). This plan does not take them over, so "
            "the step will fail there until their owner gives them up."
        ),
        "plan.warn_takes": _(
            "%(plane)s: this plan takes fields of %(what)s away from %(managers)s (%(fields)s). Whoever manages "
            "them may write them back."
        ),
        "plan.warn_unchecked": _(
            "%(plane)s could not check this yet, because an earlier step makes what it needs: %(what)s. "
            "It is checked again right before it is made."
        ),
    }
)
MOST_NAMED = 6


@dataclass(frozen=True)
class Caution:
    """What an approver has to tick. The key is bound to the words, so that a tick means what was read."""

    sentence: Sentence
    severe: bool = True

    @property
    def key(self) -> str:
        return digest(canonical_text(self.sentence.to_json()))[:16]


def cautions_of(plan: Plan) -> list[Caution]:
    """Return what has to be ticked before the plan may be approved. Empty while it is being made."""
    if not plan.content or plan.status == PlanStatus.MAKING:
        return []
    diffs = list(plan.diffs.all())
    lanes = list(dict.fromkeys(row.lane for row in diffs))
    taking = {n for n, step in enumerate(plan.body()["steps"]) if (step["change"] or {}).get("force")}
    changed = {row.position for row in diffs if any(one["touch"] != Touch.UNCHANGED for one in row.diff)}
    found = [Caution(said) for said in plan.told(lambda job: job.cautions(), [say("jobs.code_gone")])]
    found += [Caution(said) for said in _of_changes(plan, changed)]
    parts: tuple[list[Caution], list[Caution], list[Caution]] = ([], [], [])
    for lane in lanes:
        rows = [row for row in diffs if row.lane == lane]
        parts[0].extend(_removals(lane, rows))
        parts[1].extend(_conflicts(lane, rows, taking))
        parts[2].extend(_unchecked(lane, rows))
    return found + [caution for part in parts for caution in part]


def _of_changes(plan: Plan, changed: set[int]) -> list[Sentence]:
    """Return what the changes themselves say, each sentence once; not of those that would change nothing."""
    found: dict[str, Sentence] = {}
    for position, stored in enumerate(plan.body()["steps"]):
        if position not in changed or not stored["change"]:
            continue
        try:
            said = Change.load(stored["change"]).cautions()
        except (
            KeyError,
            TypeError,
        ):  # an action of an older version: what was accepted is kept with the decision
            continue
        found.update({canonical_text(sentence.to_json()): sentence for sentence in said})
    return list(found.values())


def object_name(ref: Mapping[str, Json]) -> str:
    """Return "Kind namespace/name"."""
    name = "/".join(part for part in (ref.get("namespace"), ref.get("name")) if part)
    return f"{ref.get('kind', '?')} {name}"


def _named(objects: Sequence[Json]) -> list[str]:
    names = [object_name(planned["ref"]) for planned in objects]
    return [*names[:MOST_NAMED], "…"] if len(names) > MOST_NAMED else names


def _removals(lane: str, rows: Iterable[PlanDiff]) -> list[Caution]:
    gone = [planned for row in rows for planned in row.diff if planned["touch"] == Touch.REMOVED]
    return [Caution(say("plan.warn_removes", plane=lane, what=_named(gone)))] if gone else []


def _conflicts(lane: str, rows: Iterable[PlanDiff], taking: set[int]) -> list[Caution]:
    return [
        Caution(
            say(
                "plan.warn_takes" if row.position in taking else "plan.warn_conflict",
                plane=lane,
                what=object_name(planned["ref"]),
                managers=sorted({conflict["manager"] for conflict in planned["conflicts"]}),
                fields=[conflict["field"] for conflict in planned["conflicts"]][:MOST_NAMED],
            )
        )
        for row in rows
        for planned in row.diff
        if planned["conflicts"]
    ]


def _unchecked(lane: str, rows: Iterable[PlanDiff]) -> list[Caution]:
    later = [planned for row in rows for planned in row.diff if not planned["checked"]]
    said = say("plan.warn_unchecked", plane=lane, what=_named(later))
    return [Caution(said, severe=False)] if later else []
