"""The order of steps: within a lane one after the other, a gate after all lanes; also with thousands of steps."""

from __future__ import annotations

import random
from collections.abc import Sequence
from time import process_time

from django.utils import timezone

from kbconsole.jobs.models import RunStep, StepStatus
from kbconsole.jobs.order import ready, unreachable

DEAD = (StepStatus.FAILED, StepStatus.ERRORED, StepStatus.SKIPPED, StepStatus.CANCELLED)


def row(position: int, lane: str, phase: int, *, status: str = "pending", gate: bool = False, blocks: bool = True
        ) -> RunStep:  # fmt: skip
    content = {"gate": gate, "blocks": blocks}
    return RunStep(position=position, lane=lane, phase_order=phase, status=status, content=content)


def fleet(planes: int, phases: int, **of_first: str) -> list[RunStep]:
    """Return the steps of a run: the third phase is a gate, the first has the status that is given by plane."""
    cells = [(f"k8s-{n}", phase) for n in range(planes) for phase in range(phases)]
    return [
        row(
            at,
            lane,
            phase,
            gate=phase == 2,
            status=of_first.get(lane, "pending") if phase == 0 else "pending",
        )
        for at, (lane, phase) in enumerate(cells)
    ]


def awaited(step: RunStep, rows: Sequence[RunStep]) -> list[RunStep]:
    """Return the steps that this one waits for, as DESIGN 4 says it, one by one."""
    return [
        other
        for other in rows
        if (other.lane == step.lane and other.position < step.position)
        or (step.content["gate"] and other.lane != step.lane and other.phase_order < step.phase_order)
    ]


def passed(step: RunStep) -> bool:
    return step.status == StepStatus.SUCCEEDED or (step.status in DEAD and not step.content["blocks"])


def test_it_is_what_the_rule_says_for_any_mixture_of_rows() -> None:
    dice = random.Random(7)
    statuses = [status for status, _ in StepStatus.choices if status not in ("waiting", "needs_person")]
    for _ in range(300):
        rows = [
            row(at, f"k8s-{dice.randrange(4)}", dice.randrange(5), status=dice.choice([*statuses, "succeeded"]),
                gate=dice.random() < 0.4, blocks=dice.random() < 0.8)
            for at in range(dice.randrange(1, 14))
        ]  # fmt: skip
        pending = [one for one in rows if one.status == "pending"]
        expected = [one for one in pending if all(map(passed, awaited(one, rows)))]
        assert ready(rows, timezone.now()) == expected
        lost = [one for one in pending
                if any(e.status in DEAD and e.content["blocks"] for e in awaited(one, rows))]  # fmt: skip
        assert unreachable(rows) == lost


def test_one_dead_plane_closes_the_gate_for_all_and_nothing_else() -> None:
    rows = fleet(3, 3, **{"k8s-0": "succeeded", "k8s-1": "failed", "k8s-2": "succeeded"})
    assert [(one.lane, one.phase_order) for one in ready(rows, timezone.now())] == [
        ("k8s-0", 1),
        ("k8s-2", 1),
    ]
    lost = [(one.lane, one.phase_order) for one in unreachable(rows)]
    assert lost == [("k8s-0", 2), ("k8s-1", 1), ("k8s-1", 2), ("k8s-2", 2)]


def test_three_hundred_planes_with_twelve_steps_are_ordered_in_a_moment() -> None:
    rows = fleet(300, 12, **{f"k8s-{n}": "succeeded" for n in range(299)})
    began = process_time()
    assert len(ready(rows, timezone.now())) == 300
    assert unreachable(rows) == []
    assert process_time() - began < 0.5, "13 million pairs of steps take seconds"
