"""The mesh on the network page: the matrix of planes, what speaks against it, and what can be done."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from kbconsole.common.roles import Role, has_role
from kbconsole.common.sentences import Sentence
from kbconsole.jobs import lanes
from networking.kinds.cilium import commands, rights, rules
from networking.kinds.cilium.acts import MESH_ACTS
from networking.kinds.cilium.facts import KIND, MeshFacts
from networking.kinds.cilium.known import known, oldest
from networking.kinds.cilium.looks import Look, looks
from networking.kinds.cilium.matrix import Cell, cut, matrix
from networking.kinds.keeping import Hold, Reading, keeper, namespaces_of
from networking.sections import SECTIONS, Section

MOST_PLANES, MOST_BROKEN, MOST_PROBLEMS = 24, 12, 40
"""What a page shows; a larger mesh has no picture, only what is broken in it."""
TONES = {rules.Severity.ERROR: "bad", rules.Severity.WARN: "warn", rules.Severity.UNPROVEN: "quiet"}


@dataclass(frozen=True)
class Row:
    """One plane: its facts, its way to every other one, and what to type there."""

    facts: MeshFacts
    reading: Reading
    look: Look
    cells: list[Cell]
    tunnels: str
    """The command that lists them."""
    hold: Hold | None
    grant: str
    """What makes up for what the console may not read."""


@dataclass(frozen=True)
class Shown:
    """A problem with its colour."""

    rule: str
    tone: str
    sentence: Sentence


@SECTIONS.register
class MeshSection(Section):
    slug, title, template, place, live = "mesh", _("Mesh"), "networking/_mesh.html", 20, True

    def context(self, user: Any) -> dict[str, Any] | None:
        """In a fixed number of queries. None while no plane was found to have Cilium, and none hides whether it has."""
        every = known()
        if not any(facts.found for _row, facts in every):
            return None
        shown = [(row, facts) for row, facts in every if facts.found or row.facts is None]
        last, tested = looks(lanes.silent())
        statuses = {plane: look.status for plane, look in last.items() if look.status is not None}
        asked = [look.looked_at for look in last.values() if look.status is not None and look.looked_at]
        cells = matrix([facts for _row, facts in shown], statuses)
        holds = keeper().holds()
        rows = [
            Row(
                facts, row, last.get(facts.plane, Look()), line,
                commands.tunnel_list(facts.plane, facts.version).commands()[0] if facts.tunnelled else "",
                holds.get(facts.plane), rights.grant(facts),
            )
            for (row, facts), line in zip(shown, cells, strict=True)
        ]  # fmt: skip
        admin = has_role(user, Role.ADMIN)
        return {
            "small": len(rows) <= MOST_PLANES, "broken": _broken(cells),
            "rows": rows, "problems": _problems(rows, tested, cut(cells)),
            "read_at": oldest([row for row, _f in shown]),
            "asked_at": min(asked, default=None),
            "well": sum(cell.state == "ok" for line in cells for cell in line),
            "red": sum(cell.state == "red" for line in cells for cell in line),
            "ways": sum(cell.state != "self" for line in cells for cell in line),
            "without": [row.plane for row, facts in every if row.facts and not facts.found],
            "acts": [(act(), reverse("networking:act", args=[act.slug])) for act in MESH_ACTS] if admin else [],
        }  # fmt: skip


def _broken(cells: list[list[Cell]]) -> list[Cell]:
    """Return the ways that are red, the first of them."""
    return [cell for line in cells for cell in line if cell.state == "red"][:MOST_BROKEN]


def _problems(rows: list[Row], proven: Set[tuple[str, str]], no_tcp: Set[tuple[str, str]]) -> list[Shown]:
    facts = tuple(row.facts for row in rows if row.facts.found)
    found = rules.problems(rules.Fleet(facts, proven=proven, cut=no_tcp, namespaces=namespaces_of(KIND)))
    return [Shown(one.rule, TONES[one.severity], one.sentence) for one in found[:MOST_PROBLEMS]]
