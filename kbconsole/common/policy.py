"""Who may ask for an act, and who has to agree: acts take their answer from here, and a page shows the same table.

Jobs declare theirs as `Job.approval`; acts that need no run are declared with `act`, next to the service that asks it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kbconsole.common.roles import Role, require

ALONE_UP_TO = 1
"""What needs as many others at most, an administrator who is the only one may decide alone; more never."""


def _always(_act: Any) -> bool:
    return True


@dataclass(frozen=True)
class Rule:
    """So many other people must agree to an act for which `holds` is true.

    `when` completes "because …", lazily translated; "" for a rule that always holds. `alone` says what holds where
    there is only one administrator, where that is not what holds for all acts.
    """

    approvals: int | Callable[[], int]
    when: Any = ""
    holds: Callable[[Any], bool] = _always
    alone: Any = ""

    @property
    def needed(self) -> int:
        return self.approvals() if callable(self.approvals) else self.approvals


@dataclass(frozen=True)
class Policy:
    """Who asks, who agrees, and how many of them. Without a rule nobody else has to agree.

    Where no role `asks`, it is done on the server, by whoever may run commands there.
    `owned`: a DBA acts only on what is their own. `note` says what else a reader has to know. `like` returns the act
    whose policy decides, for an act that is about another one; it has no rules of its own then.
    """

    asks: tuple[Role, ...] = (Role.DBA, Role.ADMIN)
    approves: Role = Role.ADMIN
    rules: tuple[Rule, ...] = ()
    owned: bool = False
    note: Any = ""
    like: Callable[[Any], Any] | None = None

    def binding(self, act: Any) -> list[Rule]:
        """Return the rules that count: of those that hold, the ones that ask for most people."""
        holding = [rule for rule in self.rules if rule.holds(act)]
        most = max((rule.needed for rule in holding), default=0)
        return [rule for rule in holding if rule.needed == most] if most else []

    def needed(self, act: Any) -> int:
        """Return how many other people must agree."""
        if self.like is not None:
            return self._of_other(act).needed(self.like(act))
        return max((rule.needed for rule in self.binding(act)), default=0)

    def why(self, act: Any) -> list[str]:
        """Return why so many must agree, as clauses; empty where it is always so."""
        if self.like is not None:
            return self._of_other(act).why(self.like(act))
        return [str(rule.when) for rule in self.binding(act) if rule.when]

    def _of_other(self, act: Any) -> Policy:
        assert self.like is not None  # noqa: S101
        policy: Policy = self.like(act).approval
        return policy

    def require(self, user: Any) -> None:
        """Raise Refused unless the person has a role that may ask for this."""
        require(user, *self.asks)


@dataclass(frozen=True)
class Act:
    """Something that people do without a run."""

    slug: str
    label: Any
    policy: Policy


_ACTS: dict[str, Act] = {}


def act(slug: str, label: Any, policy: Policy) -> Policy:
    """Declare the policy of an act without a run, and return it. Raises ValueError for a slug that is taken."""
    if slug in _ACTS:
        raise ValueError(f"the policy of the act {slug!r} is declared twice")
    _ACTS[slug] = Act(slug, label, policy)
    return policy


def acts() -> list[Act]:
    """Return the acts without a run, by slug."""
    return [_ACTS[slug] for slug in sorted(_ACTS)]
