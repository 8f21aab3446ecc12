"""Every plane's way to every other one, with the first red rung: pure, of what was last read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare, say
from networking.kinds.cilium.agents import READY_IS_SYNCED
from networking.kinds.cilium.facts import MeshFacts
from networking.kinds.cilium.status import RUNGS, MeshStatus, Remote, Rung

declare(
    {
        "mesh.cell_ok": _("Connected: %(connected)s of %(total)s agents"),
        "mesh.cell_one": _("One agent that was asked is connected; of the others nothing is known"),
        "mesh.cell_one_cut": _("Broken: the one agent that was asked is not connected; where it ends is unknown"),
        "mesh.cell_one_red": _("%(rung)s fails for the one agent that was asked"),
        "mesh.cell_behind": _("%(said)s; KVStoreMesh: %(connected)s of %(total)s pods are connected"),
        "mesh.cell_ok_unsynced": _(
            "Connected: %(connected)s of %(total)s agents; whether all is synced is unknown"
        ),
        "mesh.cell_cut": _(
            "Broken: %(connected)s of %(total)s agents are connected, and where it ends is unknown"
        ),
        "mesh.cell_red": _("%(rung)s fails: %(connected)s of %(total)s agents are connected"),
        "mesh.cell_unknown": _("Configured, connectivity unknown"),
        "mesh.cell_absent": _("Not connected yet"),
        "mesh.cell_unread": _("Unknown: not read yet"),
        "mesh.cell_none": _("No mesh on %(plane)s"),
    }
)  # fmt: skip
TONES = {"ok": "ok", "red": "bad", "absent": "warn"}


class Cell(NamedTuple):
    """The way from one plane to another. `state`: ok, red, one, unknown, absent, unread, none; "self" on the diagonal.

    A large mesh has tens of thousands of them, so what they say is put into words only where it is shown. `without`:
    the plane that has no mesh. `proves`: whether its agents call themselves connected only when all is synced. `lone`:
    one agent alone was asked, so there are no counts.
    """

    source: str
    target: str
    state: str
    remote: Remote = Remote()
    without: str = ""
    proves: bool = False
    lone: bool = False

    @property
    def sentence(self) -> Sentence | None:
        counts = {"connected": self.remote.connected, "total": self.remote.total}
        if self.state == "red":
            return self._red(counts)
        if self.state == "ok" and not self.synced:
            return say("mesh.cell_ok_unsynced", **counts)
        if self.state == "none":
            return say("mesh.cell_none", plane=self.without)
        return None if self.state == "self" else say(f"mesh.cell_{self.state}", **counts)

    def _red(self, counts: Mapping[str, int]) -> Sentence:
        kind = "mesh.cell_one_" if self.lone else "mesh.cell_"
        said = say(f"{kind}cut", **counts)
        if self.rung:
            said = say(f"{kind}red", rung=say(f"mesh.rung_{self.rung}"), **counts)
        if self.remote.behind_well:
            return said
        _configured, connected, total = self.remote.behind
        return say("mesh.cell_behind", said=said, connected=connected, total=total)

    @property
    def rung(self) -> Rung | None:
        """The first red one, None where nobody tells which it is."""
        return Rung(self.remote.rung) if self.state == "red" and self.remote.rung else None

    @property
    def synced(self) -> bool:
        """Whether it is known that everything of the other plane has arrived."""
        return self.proves if self.remote.synced is None else self.remote.synced

    @property
    def errors(self) -> tuple[str, ...]:
        return self.remote.errors

    @property
    def tone(self) -> str:
        return TONES.get(self.state, "quiet")

    @property
    def rungs(self) -> list[tuple[Any, str]]:
        """Each rung with `ok`, `red`, or "" for what is not known."""
        if self.state not in ("ok", "red"):
            return []
        every = list(Rung)
        first = every.index(self.rung) if self.rung else len(every) if self.state == "ok" else 0
        known = "red" if self.rung else ""
        states = ["ok" if i < first else known if i == first else "" for i in range(len(every))]
        if self.state == "ok" and not self.synced:
            states[-1] = ""
        return [(RUNGS[rung], state) for rung, state in zip(every, states, strict=True)]


def matrix(facts: Sequence[MeshFacts], statuses: Mapping[str, MeshStatus]) -> list[list[Cell]]:
    """Return a row per plane, a cell per plane; `statuses` by plane, of those that were looked at by the CLI."""
    without = {one.plane for one in facts if not one.in_mesh}
    return [list(_row(one, facts, statuses.get(one.plane), without)) for one in facts]


def cell(one: MeshFacts, other: MeshFacts, status: MeshStatus | None) -> Cell:
    """Judge the way from one plane to another by JSON content alone."""
    return matrix([one, other], {one.plane: status} if status else {})[0][1 if one != other else 0]


def _row(
    one: MeshFacts, facts: Sequence[MeshFacts], status: MeshStatus | None, without: Collection[str]
) -> Iterator[Cell]:
    configured = None if one.remotes is None else frozenset(one.remotes)
    unknown = "unread" if configured is None else "unknown"
    proves = one.minor is not None and one.minor >= READY_IS_SYNCED
    for other in facts:
        if one.plane == other.plane:
            yield Cell(one.plane, other.plane, "self")
        elif one.plane in without or other.plane in without:
            yield Cell(one.plane, other.plane, "none", without=(one if one.plane in without else other).plane)
        elif configured is not None and other.name not in configured:
            yield Cell(one.plane, other.plane, "absent")
        elif status is None:
            yield Cell(one.plane, other.plane, unknown)
        else:
            remote = status.remotes.get(other.name) or Remote(total=status.total)
            state = _lone(other.name, status) if status.lone else "ok" if remote.well else "red"
            yield Cell(one.plane, other.plane, state, remote, proves=proves, lone=status.lone)


def _lone(name: str, status: MeshStatus) -> str:
    """Return the state of a way of which one agent alone has told: what it lacks is broken, what it has is its own."""
    remote = status.remotes.get(name)
    return "unknown" if remote is None else "red" if remote.cut or remote.rung else "one"


def cut(cells: Sequence[Sequence[Cell]]) -> frozenset[tuple[str, str]]:
    """Return the ways, (from, to), on which not even TCP gets to the other plane's mesh API.

    Nothing is proven by those that get there: that is one connection to that API, and none between nodes.
    """
    every = (cell for row in cells for cell in row)
    return frozenset((one.source, one.target) for one in every if one.rung == Rung.TCP)


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
