"""Every plane's way to every other one, with the first red rung: pure, of what was last read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare, say
from networking.kinds.cilium.facts import MeshFacts
from networking.kinds.cilium.status import RUNGS, MeshStatus, Remote, Rung

declare(
    {
        "mesh.cell_ok": _("Connected: %(connected)s of %(total)s agents"),
        "mesh.cell_red": _("%(rung)s fails: %(connected)s of %(total)s agents are connected"),
        "mesh.cell_unknown": _("Configured, connectivity unknown"),
        "mesh.cell_absent": _("Not connected yet"),
        "mesh.cell_unread": _("Unknown: not read yet"),
        "mesh.cell_none": _("No mesh on %(plane)s"),
    }
)
TONES = {"ok": "ok", "red": "bad", "unknown": "quiet", "absent": "warn", "unread": "quiet", "none": "quiet"}


@dataclass(frozen=True)
class Cell:
    """The way from one plane to another. `state`: ok, red, unknown, absent, unread, none; "self" on the diagonal."""

    source: str
    target: str
    state: str
    sentence: Sentence | None = None
    rung: Rung | None = None
    errors: tuple[str, ...] = ()

    @property
    def tone(self) -> str:
        return TONES.get(self.state, "quiet")

    @property
    def rungs(self) -> list[tuple[Any, str]]:
        """Each rung with `ok`, `red`, or "" for what is not known behind a red one."""
        states, red = [], self.state != "ok"
        for rung in Rung:
            if self.state not in ("ok", "red"):
                return []
            before = red and self.rung is not None and list(Rung).index(rung) < list(Rung).index(self.rung)
            states.append((RUNGS[rung], "ok" if not red or before else "red" if rung == self.rung else ""))
        return states


def matrix(facts: Sequence[MeshFacts], statuses: Mapping[str, MeshStatus]) -> list[list[Cell]]:
    """Return a row per plane, a cell per plane; `statuses` by plane, of those that were looked at by the CLI."""
    return [[cell(one, other, statuses.get(one.plane)) for other in facts] for one in facts]


def cell(one: MeshFacts, other: MeshFacts, status: MeshStatus | None) -> Cell:
    """Judge the way from one plane to another by JSON content alone."""
    if one.plane == other.plane:
        return Cell(one.plane, other.plane, "self")
    for plane in (one, other):
        if not plane.in_mesh:
            return Cell(one.plane, other.plane, "none", say("mesh.cell_none", plane=plane.plane))
    if one.remotes is not None and other.name not in one.remotes:
        return Cell(one.plane, other.plane, "absent", say("mesh.cell_absent"))
    if status is None:
        known = one.remotes is not None
        said = say("mesh.cell_unknown" if known else "mesh.cell_unread")
        return Cell(one.plane, other.plane, "unknown" if known else "unread", said)
    return _judged(one.plane, other.plane, status.remotes.get(other.name) or Remote(total=status.total))


def _judged(source: str, target: str, remote: Remote) -> Cell:
    counts = {"connected": remote.connected, "total": remote.total}
    if remote.well:
        return Cell(source, target, "ok", say("mesh.cell_ok", **counts))
    rung = Rung(remote.rung) if remote.rung else Rung.ETCD
    said = say("mesh.cell_red", rung=say(f"mesh.rung_{rung}"), **counts)
    return Cell(source, target, "red", said, rung, remote.errors)


def reached(cells: Sequence[Sequence[Cell]]) -> dict[tuple[str, str], bool]:
    """Return what the matrix proves of packets: True where agents are connected, False where DNS or TCP fails."""
    found = {}
    for one in (cell for row in cells for cell in row):
        if one.state == "ok" or one.rung in (Rung.TLS, Rung.ETCD, Rung.SYNCED):
            found[(one.source, one.target)] = True
        elif one.rung == Rung.TCP:
            found[(one.source, one.target)] = False
    return found


def standing(facts: Sequence[MeshFacts]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the pairs of planes that are connected in both directions, and those that are not, in order.

    By the Secrets of the agents: what `connect` writes. Of a plane whose Secrets were not read nothing stands.
    """
    yes: list[tuple[str, str]] = []
    no: list[tuple[str, str]] = []
    for i, one in enumerate(facts):
        for other in facts[i + 1 :]:
            both = one.remotes is not None and other.remotes is not None
            stands = both and other.name in (one.remotes or ()) and one.name in (other.remotes or ())
            (yes if stands else no).append((one.plane, other.plane))
    return yes, no
