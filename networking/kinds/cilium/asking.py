"""How the steps of a look judge what agents said themselves, inside their pods: how far they get, and by which tunnels.

All of it is worth knowing and nothing depends on it, so where the console may not ask, the look says so and goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet.command_models import CommandRun
from kbconsole.fleet.commands import Judge, RunCommand, command_of, printed_more
from kbconsole.jobs.definition import Check, Finding, Verdict, actions
from kbconsole.jobs.execution import current_step
from kbconsole.jobs.models import RunStep
from networking.kinds.cilium import agents, commands, tunnels
from networking.kinds.cilium.checks import kept
from networking.kinds.cilium.known import known_facts

AGENT, BEHIND, STAGES, TUNNELS = "mesh-agent", "mesh-behind", "mesh-stages", "mesh-tunnels"
"""Under which names the judged answers are kept, plane by plane."""

declare(
    {
        "mesh.check_agent": _("Judge what an agent of %(plane)s says of the others"),
        "mesh.check_behind": _("Judge what KVStoreMesh of %(plane)s says of the others"),
        "mesh.all_well": _("Nothing is broken on the ways from %(plane)s, so there is nothing to find out."),
        "mesh.agent_well": _("%(plane)s: one agent was asked; it is connected to %(others)s, and all is synced."),
        "mesh.behind_well": _("%(plane)s: KVStoreMesh is connected to %(others)s, and all is synced."),
        "mesh.agent_silent": _(
            "%(plane)s: one agent was asked; it is connected to %(others)s. Whether all is synced agents tell from "
            "Cilium 1.15 on only."
        ),
        "mesh.agent_red": _("%(plane)s: %(problems)s. Open the way where it ends, then look again."),
        "mesh.agent_stranger": _("it does not know %(other)s, so nothing is configured"),
        "mesh.agent_rung": _("to %(other)s %(rung)s fails"),
        "mesh.agent_rung_text": _("to %(other)s %(rung)s fails (%(text)s)"),
        "mesh.agent_cut": _("to %(other)s there is no connection, and where it ends is not told"),
        "mesh.agent_cut_text": _("to %(other)s there is no connection, and where it ends is not told (%(text)s)"),
        "mesh.check_stages": _("See at which stage the way from %(plane)s to the others ends"),
        "mesh.stages_unread": _(
            "%(plane)s: what it printed about its ways to the others is in no form that the console knows. Read its "
            "lines below."
        ),
        "mesh.stages_more": _(
            "%(plane)s: it printed more than the console keeps, so how far it gets to %(others)s is unknown. Look at "
            "fewer planes at once."
        ),
        "mesh.stages_well": _("%(plane)s gets through to the mesh API of %(others)s."),
        "mesh.agent_unasked": _(
            "Where a broken way ends, and whether all is synced, is unknown on %(plane)s: no agent was asked. The "
            "console needs kubectl and the right to run commands in the pods of kube-system for that. You can ask one "
            "yourself: %(command)s"
        ),
        "mesh.check_tunnels": _("See that %(plane)s has a way to the pods of %(others)s"),
        "mesh.tunnels_well": _("%(plane)s has ways to all pods of %(others)s."),
        "mesh.tunnels_missing": _(
            "%(plane)s has no way to pods of %(missing)s. If it is not connected there, or not synced, mend that "
            "first. If it is, restart its agents one by one: %(command)s"
        ),
        "mesh.range_of": _("%(plane)s (%(ranges)s)"),
        "mesh.tunnels_unknown": _(
            "%(plane)s: which pod ranges %(others)s has is not known, so nothing could be compared. Look under Network "
            "whether these planes could be read."
        ),
        "mesh.tunnels_unasked": _(
            "Which tunnels %(plane)s has is unknown: no agent was asked. You can ask one yourself: %(command)s"
        ),
        "mesh.no_tunnels": _(
            "%(plane)s routes natively, so it has no tunnels: your own network has to know the way to the pods of "
            "%(others)s. “Test the mesh” tries it."
        ),
    }
)  # fmt: skip

MOST_RANGES = 5


@actions.register
@dataclass(frozen=True)
class Asked(Judge):
    """How far one agent, or KVStoreMesh, of a plane gets to the others, stage by stage.

    `others`: their names in the mesh, by plane. `what`: AGENT or BEHIND. `through`: the agent gets everything by
    KVStoreMesh. `version`: of its Cilium.
    """

    slug: ClassVar[str] = "mesh-asked"
    plane: str
    others: dict[str, str]
    what: str = AGENT
    through: bool = False
    version: str = ""

    def label(self) -> Sentence:
        return say("mesh.check_agent" if self.what == AGENT else "mesh.check_behind", plane=self.plane)

    @property
    def command(self) -> RunCommand:
        if self.what == BEHIND:
            return commands.behind_status(self.plane)
        return commands.agent_status(self.plane, self.version)

    def judge(self, answer: Json) -> Finding:
        heards = agents.heard(answer, through=self.through)
        facts = kept(self.what, self.plane, agents.to_json(heards))
        if broken := _broken(self.plane, self.others, heards, facts):
            return broken
        told = all(heards[name].synced for name in self.others.values())
        words = {"plane": self.plane, "others": list(self.others)}
        if not told:
            return Finding(Verdict.WARN, say("mesh.agent_silent", **words), facts=facts)
        well = "mesh.agent_well" if self.what == AGENT else "mesh.behind_well"
        return Finding(Verdict.PASS, say(well, **words), facts=facts)

    def look(self) -> Finding:
        """Nobody asked."""
        return _unasked(self.plane, self.command)


def _unasked(plane: str, command: RunCommand) -> Finding:
    """Nothing was to be found out; else it is unknown, and no reason to wait for a person."""
    if isinstance(command, commands.AskWhy) and commands.all_well(RunStep.objects.get(pk=current_step())):
        return Finding(Verdict.PASS, say("mesh.all_well", plane=plane))
    return Finding(Verdict.WARN, say("mesh.agent_unasked", plane=plane, command=command.commands()[0]))


def _broken(
    plane: str, others: Mapping[str, str], heards: Mapping[str, agents.Heard], facts: Json
) -> Finding | None:
    """Return the finding that names every way that is broken, None where none is."""
    red = [_red(other, heards.get(name)) for other, name in others.items()]
    problems = [said for said in red if said is not None]
    if not problems:
        return None
    return Finding(Verdict.FAIL, say("mesh.agent_red", plane=plane, problems=problems), facts=facts)


def _red(plane: str, heard: agents.Heard | None) -> Sentence | None:
    """Return what is wrong on the way to a plane, None where nothing is."""
    if heard is None:
        return say("mesh.agent_stranger", other=plane)
    if heard.ready:
        return None
    text = heard.text[:200]
    if not heard.rung:
        return (
            say("mesh.agent_cut_text", other=plane, text=text) if text else say("mesh.agent_cut", other=plane)
        )
    rung = say(f"mesh.rung_{heard.rung}")
    if not text:
        return say("mesh.agent_rung", other=plane, rung=rung)
    return say("mesh.agent_rung_text", other=plane, rung=rung, text=text)


@actions.register
@dataclass(frozen=True)
class Tried(Check):
    """At which stage the way to each other plane ends, as an agent (or KVStoreMesh) printed it: DNS, TCP, TLS, etcd."""

    slug: ClassVar[str] = "mesh-tried"
    plane: str
    others: dict[str, str]
    through: bool = False
    version: str = ""

    def label(self) -> Sentence:
        return say("mesh.check_stages", plane=self.plane)

    @property
    def command(self) -> RunCommand:
        return commands.stages(self.plane, self.version, list(self.others.values()), through=self.through)

    def look(self) -> Finding:
        """It is asked after the command ended well, or where nobody ran it."""
        row = command_of(RunStep.objects.select_related("run").get(pk=current_step()))
        if row is None:
            return _unasked(self.plane, self.command)
        return self.judged(printed(row), more=printed_more(row))

    def judged(self, lines: Iterable[str], *, more: bool = False) -> Finding:
        """`more`: not all was kept; of whom nothing is said then, or only the beginning, nothing is known."""
        heards = agents.stages(lines)
        last = [*heards][-1] if more and heards else ""
        if last and not heards[last].ready and not heards[last].rung:
            del heards[last]
        if not heards:
            return Finding(Verdict.WARN, say("mesh.stages_unread", plane=self.plane))
        facts = kept(STAGES, self.plane, agents.to_json(heards))
        unknown = [plane for plane, name in self.others.items() if more and name not in heards]
        known = {plane: name for plane, name in self.others.items() if plane not in unknown}
        if broken := _broken(self.plane, known, heards, facts):
            return broken
        if unknown:
            said = say("mesh.stages_more", plane=self.plane, others=unknown)
            return Finding(Verdict.WARN, said, facts=facts)
        said = say("mesh.stages_well", plane=self.plane, others=list(self.others))
        return Finding(Verdict.PASS, said, facts=facts)


def printed(row: CommandRun) -> list[str]:
    """Return the lines that an execution of a command printed, in order: none of an earlier attempt."""
    said = row.step.events.filter(sentence__code="fleet.command_line", at__gte=row.created_at).order_by("seq")
    return [str(params["text"]) for params in said.values_list("sentence__params", flat=True)]


@actions.register
@dataclass(frozen=True)
class TunnelsKnown(Judge):
    """One agent of a plane knows by which nodes the pods of the others are reached, as their ranges were last read."""

    slug: ClassVar[str] = "mesh-tunnels-known"
    plane: str
    others: list[str]
    version: str = ""

    def label(self) -> Sentence:
        return say("mesh.check_tunnels", plane=self.plane, others=list(self.others))

    @property
    def command(self) -> RunCommand:
        return commands.tunnel_list(self.plane, self.version)

    def judge(self, answer: Json) -> Finding:
        ranges = {one.plane: one.pods for one in known_facts() if one.plane in self.others and one.pods}
        gone = tunnels.missing(tunnels.ways(answer), ranges)
        facts = kept(
            TUNNELS, self.plane, {"to": [name for name in ranges if name not in gone], "missing": gone}
        )
        if gone:
            return Finding(Verdict.FAIL, self._missing(gone), facts=facts)
        if unknown := [name for name in self.others if name not in ranges]:
            said = say("mesh.tunnels_unknown", plane=self.plane, others=unknown)
            return Finding(Verdict.WARN, said, facts=facts)
        return Finding(
            Verdict.PASS, say("mesh.tunnels_well", plane=self.plane, others=list(ranges)), facts=facts
        )

    def _missing(self, gone: Mapping[str, list[str]]) -> Sentence:
        named = [
            say("mesh.range_of", plane=plane, ranges=texts[:MOST_RANGES]) for plane, texts in gone.items()
        ]
        return say(
            "mesh.tunnels_missing", plane=self.plane, missing=named, command=commands.restart(self.plane)
        )

    def look(self) -> Finding:
        command = self.command.commands()[0]
        return Finding(Verdict.WARN, say("mesh.tunnels_unasked", plane=self.plane, command=command))


@actions.register
@dataclass(frozen=True)
class NoTunnels(Check):
    """A plane that routes natively has none: said, so that nobody looks for them."""

    slug: ClassVar[str] = "mesh-no-tunnels"
    plane: str
    others: list[str]

    def label(self) -> Sentence:
        return say("mesh.check_tunnels", plane=self.plane, others=list(self.others))

    def look(self) -> Finding:
        return Finding(Verdict.PASS, say("mesh.no_tunnels", plane=self.plane, others=list(self.others)))
