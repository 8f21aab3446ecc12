"""Acts that the advice of a failed step leads to. Packages above this one register theirs by the advice's code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from kbconsole.jobs.models import RunStep, StepStatus


@dataclass(frozen=True)
class Cure:
    """`route` takes a POST; its only argument is the id of the run's subject."""

    route: str
    label: Any

    def url(self, subject_id: str) -> str:
        return reverse(self.route, args=[subject_id])


_CURES: dict[str, Cure] = {}


def register(route: str, label: Any, *codes: str) -> None:
    """Offer the act wherever a step failed with one of these sentences as what to do."""
    _CURES.update(dict.fromkeys(codes, Cure(route, label)))


def cures_of(steps: Iterable[RunStep]) -> list[Cure]:
    """Return the acts that the advice of the failed steps leads to, each once."""
    failed = (step.finding for step in steps if step.status == StepStatus.FAILED)
    codes = [finding["fix"]["code"] for finding in failed if finding and finding.get("fix")]
    return list(dict.fromkeys(_CURES[code] for code in codes if code in _CURES))
