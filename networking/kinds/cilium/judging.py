"""How the steps of mesh jobs judge what `cilium` printed, and what they see where it was not run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet.access import client
from kbconsole.fleet.commands import Judge, command_of
from kbconsole.jobs.definition import Check, Finding, Verdict, actions
from kbconsole.jobs.execution import current_step
from kbconsole.jobs.models import RunStep
from networking.kinds.cilium.checks import STATUS, as_read, kept
from networking.kinds.cilium.reading import read
from networking.kinds.cilium.status import MeshStatus, Remote, mesh_status

declare(
    {
        "mesh.check_status": _("Judge what the agents of %(plane)s say of the others"),
        "mesh.status_well": _("%(plane)s is connected to %(others)s."),
        "mesh.status_red": _("%(plane)s: %(problems)s. Open the way where it ends, then look again."),
        "mesh.status_none": _("%(plane)s is connected to no other plane."),
        "mesh.status_foreign": _(
            "%(plane)s is connected to %(others)s. Not all is well on its ways to %(foreign)s, which were not asked "
            "about here: look at these, too."
        ),
        "mesh.status_behind": _("to %(other)s %(connected)s of %(total)s pods of KVStoreMesh are connected"),
        "mesh.status_cut": _("to %(other)s %(connected)s of %(total)s agents are connected"),
        "mesh.status_late": _("%(count)s agents are not ready"),
        "mesh.status_pair": _("to %(other)s %(rung)s fails (%(connected)s of %(total)s agents)"),
        "mesh.status_error": _("to %(other)s %(rung)s fails (%(connected)s of %(total)s agents: %(error)s)"),
        "mesh.status_configured": _(
            "%(plane)s is configured for %(others)s. Whether packets get there only its agents know, and the "
            "console may not ask them: connectivity unknown."
        ),
        "mesh.status_missing": _("%(plane)s is not configured for %(others)s. Connect them first."),
        "mesh.status_unread": _("What %(plane)s is configured for is not known: the console may not read it."),
        "mesh.check_facts": _("Read what %(plane)s tells of its mesh"),
        "mesh.facts_none": _("Cilium does not run on %(plane)s."),
        "mesh.facts": _("%(plane)s: %(name)s (id %(id)s), Cilium %(version)s."),
        "mesh.check_tested": _("See how the connectivity test ended"),
        "mesh.tested": _("All tests passed between %(plane)s and %(other)s."),
        "mesh.not_tested": _("The API does not show how a test ended. Read what the command printed."),
    }
)  # fmt: skip

TESTED = "mesh-tested"
"""Under which name it is kept of a plane which tests between it and others have passed: `{ways: {first: time}}`."""


@actions.register
@dataclass(frozen=True)
class Connected(Judge):
    """What the agents of one plane say of the others, by the content of the JSON; without it, what is configured.

    `others`: the other planes' names in the mesh, by plane; none: whatever the plane is connected to. Without `strict`
    what is only configured, or not even that, is no failure: somebody only wants to know.
    """

    slug: ClassVar[str] = "mesh-connected"
    plane: str
    others: dict[str, str]
    strict: bool = True

    def label(self) -> Sentence:
        return say("mesh.check_status", plane=self.plane)

    def judge(self, answer: Json) -> Finding:
        status = mesh_status(answer if isinstance(answer, Mapping) else {})
        others = self.others or {name: name for name in status.remotes}
        red = [said for plane, name in others.items() for said in _red(plane, name, status)]
        rest = {name: one for name, one in status.remotes.items() if name not in others.values()}
        foreign = [name for name, one in rest.items() if not one.well]
        if not red and status.not_ready and not foreign:
            red = [say("mesh.status_late", count=status.not_ready)]
        facts = kept(STATUS, self.plane, status.to_json())
        words = {"plane": self.plane, "others": list(others)}
        if red:
            said = say("mesh.status_red", plane=self.plane, problems=red)
            return Finding(Verdict.FAIL, said, facts=facts)
        if not others:
            return Finding(Verdict.WARN, say("mesh.status_none", plane=self.plane), facts=facts)
        if foreign:
            return Finding(Verdict.WARN, say("mesh.status_foreign", foreign=foreign, **words), facts=facts)
        return Finding(Verdict.PASS, say("mesh.status_well", **words), facts=facts)

    def look(self) -> Finding:
        """Whoever has no command, or may not run it, sees as much as the API tells."""
        facts = read(client(self.plane))
        missing = [plane for plane, name in self.others.items() if name not in (facts.remotes or ())]
        if facts.remotes is None:
            return Finding(Verdict.WARN, say("mesh.status_unread", plane=self.plane))
        if missing:
            verdict = Verdict.FAIL if self.strict else Verdict.WARN
            return Finding(verdict, say("mesh.status_missing", plane=self.plane, others=missing))
        named = list(self.others or facts.remotes)
        if not named:
            return Finding(Verdict.WARN, say("mesh.status_none", plane=self.plane))
        return Finding(Verdict.WARN, say("mesh.status_configured", plane=self.plane, others=named))


def _red(plane: str, name: str, status: MeshStatus) -> Iterator[Sentence]:
    """Yield what is wrong on the way to a plane: of its agents, and of KVStoreMesh, from which they get everything."""
    remote = status.remotes.get(name) or Remote(total=status.total)
    words = {"other": plane, "connected": remote.connected, "total": remote.total}
    if remote.rung and remote.errors:
        yield say("mesh.status_error", rung=_named(remote.rung), error=remote.errors[0], **words)
    elif remote.rung:
        yield say("mesh.status_pair", rung=_named(remote.rung), **words)
    elif not remote.complete:
        yield say("mesh.status_cut", **words)
    if not remote.behind_well:
        _configured, connected, total = remote.behind
        yield say("mesh.status_behind", other=plane, connected=connected, total=total)


def _named(rung: str) -> Sentence:
    return say(f"mesh.rung_{rung}")


@actions.register
@dataclass(frozen=True)
class ReadMesh(Check):
    """Read what the API tells of one plane, and keep it."""

    slug: ClassVar[str] = "mesh-read"
    plane: str

    def label(self) -> Sentence:
        return say("mesh.check_facts", plane=self.plane)

    def look(self) -> Finding:
        facts = read(client(self.plane))
        words = {"name": facts.name or "default", "id": facts.id, "version": facts.version or "?"}
        said = say("mesh.facts", plane=self.plane, **words)
        if not facts.found:
            said = say("mesh.facts_none", plane=self.plane)
        return Finding(Verdict.PASS if facts.found else Verdict.WARN, said, facts=as_read([facts]))


@actions.register
@dataclass(frozen=True)
class Tested(Check):
    """How a connectivity test ended: only the command itself tells."""

    slug: ClassVar[str] = "mesh-tested"
    plane: str
    other: str

    def label(self) -> Sentence:
        return say("mesh.check_tested")

    def look(self) -> Finding:
        """It is asked after the command ended well, or where a person runs it: then nothing is to be seen."""
        row = command_of(RunStep.objects.select_related("run").get(pk=current_step()))
        if row is not None and row.exit_code == 0:
            facts = kept(TESTED, self.other, {"first": self.plane})
            return Finding(Verdict.PASS, say("mesh.tested", plane=self.plane, other=self.other), facts=facts)
        return Finding(Verdict.WAIT, say("mesh.not_tested"))
