"""The table of all acts, as the policies that they are decided by say it themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kbconsole.common.policy import ALONE_UP_TO, Policy, Rule, acts
from kbconsole.common.roles import Role
from kbconsole.jobs.definition import jobs
from kbconsole.jobs.pages import listed


@dataclass(frozen=True)
class Case:
    """How many must agree in one case; `when` is empty for what always holds."""

    when: str
    who: str
    alone: str


@dataclass(frozen=True)
class PolicyRow:
    slug: str
    label: Any
    asks: str
    cases: list[Case]
    note: str


def deciding_roles() -> frozenset[Role]:
    """Return the roles of which a job needs somebody to agree."""
    return frozenset(job.approval.approves for job in jobs)


def planned() -> list[PolicyRow]:
    """Return the runs that are planned first."""
    return [_row(job.slug, job.label, job.approval) for job in jobs if job.planned]


def others() -> list[PolicyRow]:
    """Return what needs no plan: acts without a run, and runs that only look."""
    looks = [_row(job.slug, job.label, job.approval) for job in jobs if not job.planned]
    return [*(_row(act.slug, act.label, act.policy) for act in acts()), *looks]


def _row(slug: str, label: Any, policy: Policy) -> PolicyRow:
    return PolicyRow(slug, label, _asks(policy), list(_cases(policy)), str(policy.note))


def _asks(policy: Policy) -> str:
    words = {Role.ADMIN: _("Administrators"), Role.AUDITOR: _("Auditors")}
    words[Role.DBA] = _("DBAs, for what is theirs or their team's") if policy.owned else _("DBAs")
    return listed(words[role] for role in policy.asks) or _("Whoever may run commands on the server")


def _cases(policy: Policy) -> Iterator[Case]:
    if policy.like is not None:
        yield Case("", _("As many as for the act that it is about"), _("As for that act"))
        return
    for rule in policy.rules or (Rule(0),):
        alone = str(rule.alone) or _alone(rule.needed, dbas=Role.DBA in policy.asks)
        yield Case(str(rule.when), _who(rule.needed), alone)


def _who(needed: int) -> str:
    if not needed:
        return _("Nobody else")
    several = ngettext("%(n)s other administrator", "%(n)s other administrators", needed)
    return several % {"n": needed}


def _alone(needed: int, *, dbas: bool) -> str:
    """Return what happens where there is only one administrator."""
    if not needed:
        return _("The same")
    if needed <= ALONE_UP_TO:
        own = _(
            "What they ask for themselves they may decide alone; it is marked, and the audit log says so."
        )
        return _("They approve what DBAs ask for. %(own)s") % {"own": own} if dbas else own
    return _("It waits until there are enough. Nobody decides it alone.")
