"""Where each replica lands, and what is left when any one plane is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Json, Sentence, declare, say
from placements.engines.base import Engine

declare(
    {
        "verdict.kept": _(
            "Any one plane may be lost: at least %(left)s of %(replicas)s replicas stay, and %(quorum)s "
            "are needed."
        ),
        "verdict.not_kept": _(
            "Losing %(planes)s stops the database: then fewer than %(quorum)s of %(replicas)s replicas are "
            "left."
        ),
        "verdict.one_replica": _("One replica: while its plane %(plane)s is away, the database is away."),
        "verdict.one_plane": _(
            "All replicas are on one plane, so the database goes where the plane goes. Three planes "
            "survive a loss."
        ),
        "verdict.two_planes": _(
            "Two planes can never survive the loss of either: one of them always holds half of the "
            "replicas or more. Add a third plane."
        ),
        "verdict.worse_than_fewer": _(
            "%(replicas)s replicas on %(planes)s planes are worse than %(fewer)s: take %(better)s."
        ),
        "verdict.take": _("Take %(better)s replicas to survive the loss of any one plane."),
        "verdict.or": _("%(first)s or %(second)s"),
        "verdict.even": _(
            "%(replicas)s replicas bear the loss of no more replicas than %(fewer)s do; the last one adds "
            "cost, not safety."
        ),
        "verdict.unused": _("%(planes)s: no replica lands there. Take more replicas or fewer planes."),
        "verdict.loss_kept": _(
            "%(plane)s lost: %(left)s of %(replicas)s replicas stay, the database goes on."
        ),
        "verdict.loss_unused": _("%(plane)s lost: nothing changes, no replica runs there."),
        "verdict.loss_stops": _(
            "%(plane)s lost: %(left)s of %(replicas)s replicas stay, %(quorum)s are needed, the database "
            "stops."
        ),
    }
)

MOST = 1000
"""Nobody asks a verdict about more replicas; the bound keeps a hostile number from costing memory."""


@dataclass(frozen=True)
class Landing:
    """Where a replica runs."""

    ordinal: int
    plane: str


@dataclass(frozen=True)
class Loss:
    """What happens when one plane is lost."""

    plane: str
    ordinals: tuple[int, ...]
    left: int
    kept: bool
    sentence: Sentence


@dataclass(frozen=True)
class Survival:
    """The whole answer. `headline` says yes or no, `advice` what would be better, most important first."""

    replicas: int
    quorum: int
    landings: tuple[Landing, ...]
    losses: tuple[Loss, ...]
    kept: bool
    headline: Sentence
    advice: tuple[Sentence, ...]

    def to_json(self) -> dict[str, Json]:
        """Return JSON values; sentences as code and parameters."""
        losses = [
            {
                "plane": loss.plane,
                "ordinals": list(loss.ordinals),
                "left": loss.left,
                "kept": loss.kept,
                "sentence": loss.sentence.to_json(),
            }
            for loss in self.losses
        ]
        return {
            "replicas": self.replicas,
            "quorum": self.quorum,
            "kept": self.kept,
            "landings": [{"ordinal": landing.ordinal, "plane": landing.plane} for landing in self.landings],
            "losses": losses,
            "headline": self.headline.to_json(),
            "advice": [sentence.to_json() for sentence in self.advice],
        }


def plane_of(ordinal: int, planes: Sequence[str]) -> str:
    """Return the plane of a replica: KubeBlocks goes round the contexts in the order of the annotation."""
    return planes[ordinal % len(planes)]


def survives_any(replicas: int, planes: int, engine: Engine) -> bool:
    """Return whether quorum stays whichever plane is lost. The first plane always holds the most replicas."""
    return replicas - -(-replicas // planes) >= engine.quorum(replicas)


def survival(replicas: int, planes: Sequence[str], engine: Engine) -> Survival:
    """Return what the placement survives.

    Raises ValueError without planes or for an impossible number of replicas: callers first ask
    `Engine.replica_problem` and `names.plane_problems`, and show those sentences instead.
    """
    if not planes or not 1 <= replicas <= MOST:
        raise ValueError("no placement: no planes, or an impossible number of replicas")
    losses = tuple(_loss(replicas, planes, index, engine) for index in range(len(planes)))
    return Survival(
        replicas=replicas,
        quorum=engine.quorum(replicas),
        landings=tuple(Landing(ordinal, plane_of(ordinal, planes)) for ordinal in range(replicas)),
        losses=losses,
        kept=all(loss.kept for loss in losses),
        headline=_headline(replicas, losses, engine),
        advice=tuple(_advice(replicas, planes, engine)),
    )


def _loss(replicas: int, planes: Sequence[str], index: int, engine: Engine) -> Loss:
    ordinals = tuple(range(index, replicas, len(planes)))
    left, quorum = replicas - len(ordinals), engine.quorum(replicas)
    kept = left >= quorum
    figures: dict[str, Any] = {"plane": planes[index], "left": left, "replicas": replicas}
    if not ordinals:
        sentence = say("verdict.loss_unused", plane=planes[index])
    elif kept:
        sentence = say("verdict.loss_kept", **figures)
    else:
        sentence = say("verdict.loss_stops", quorum=quorum, **figures)
    return Loss(planes[index], ordinals, left, kept, sentence)


def _headline(replicas: int, losses: Sequence[Loss], engine: Engine) -> Sentence:
    fatal = [loss.plane for loss in losses if not loss.kept]
    if replicas == 1:
        return say("verdict.one_replica", plane=losses[0].plane)
    if fatal:
        return say("verdict.not_kept", planes=fatal, quorum=engine.quorum(replicas), replicas=replicas)
    left = min(loss.left for loss in losses)
    return say("verdict.kept", left=left, replicas=replicas, quorum=engine.quorum(replicas))


def _better(replicas: int, planes: int, engine: Engine) -> Sentence | int | None:
    """Return the nearest choices, below and above, that survive the loss of any one plane."""
    good = [choice for choice in engine.replica_choices if survives_any(choice, planes, engine)]
    near = [
        max((c for c in good if c < replicas), default=None),
        min((c for c in good if c > replicas), default=None),
    ]
    found = [choice for choice in near if choice is not None]
    if len(found) == 2:
        return say("verdict.or", first=found[0], second=found[1])
    return found[0] if found else None


def _advice(replicas: int, planes: Sequence[str], engine: Engine) -> list[Sentence]:
    advice: list[Sentence] = []
    count, kept = len(planes), survives_any(replicas, len(planes), engine)
    better = None if kept else _better(replicas, count, engine)
    if count == 1:
        advice.append(say("verdict.one_plane"))
    elif count == 2:
        advice.append(say("verdict.two_planes"))
    elif better is not None and survives_any(replicas - 1, count, engine):
        advice.append(
            say(
                "verdict.worse_than_fewer", replicas=replicas, planes=count, fewer=replicas - 1, better=better
            )
        )
    elif better is not None:
        advice.append(say("verdict.take", better=better))
    if replicas % 2 == 0:
        advice.append(say("verdict.even", replicas=replicas, fewer=replicas - 1))
    if replicas < count:
        advice.append(say("verdict.unused", planes=list(planes[replicas:])))
    return advice
