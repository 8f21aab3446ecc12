"""How the steps of mesh jobs tell that something holds, by the API alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet.access import client
from kbconsole.jobs.definition import Check, Finding, Verdict, actions
from kbconsole.k8s.errors import KubeError
from networking.kinds.cilium import matrix, rules
from networking.kinds.cilium.facts import KIND, MeshFacts
from networking.kinds.cilium.reading import Mesh, read
from networking.kinds.keeping import namespaces_of

STATUS = "mesh-status"
"""Under which name the judged answers of the CLI are kept, plane by plane."""
MOST_PROBLEMS = 5

declare(
    {
        "mesh.check_rules": _("Check names, ids, ranges and versions of %(planes)s"),
        "mesh.rules_hold": _("Every rule for a mesh holds for %(planes)s, as far as can be seen."),
        "mesh.rules_warn": _("No rule forbids it. To know: %(problems)s"),
        "mesh.rules_broken": _("%(problems)s"),
        "mesh.check_empty": _("See that %(plane)s runs no other network"),
        "mesh.empty": _("%(plane)s runs no other network."),
        "mesh.installed_already": _("Cilium runs on %(plane)s already, as %(name)s (id %(id)s)."),
        "mesh.installed_other": _(
            "Cilium runs on %(plane)s already, as %(name)s (id %(id)s) and not as planned. The console does not change "
            "that: every pod there would have to be restarted. Plan with that name and id, or leave the plane out."
        ),
        "mesh.check_installed": _("See that Cilium runs on %(plane)s as %(name)s"),
        "mesh.not_installed": _("Cilium does not run on %(plane)s yet."),
        "mesh.check_enabled": _("See that the mesh API of %(plane)s is ready and has an address"),
        "mesh.enabled": _("The mesh API of %(plane)s is ready (%(type)s, port %(port)s)."),
        "mesh.not_enabled": _("%(plane)s has no mesh API yet."),
        "mesh.not_ready": _("The mesh API of %(plane)s is not ready yet."),
        "mesh.no_address": _("The mesh API of %(plane)s waits for its address."),
        "mesh.check_pairs": _("See which pairs of %(planes)s are connected"),
        "mesh.check_apart": _("See that no two of %(planes)s are connected"),
        "mesh.pairs_all": _("All pairs stand: %(pairs)s."),
        "mesh.pairs_some": _(
            "Connected: %(stand)s. Not connected: %(missing)s. Choose Retry to finish, or take the planes apart to go "
            "back."
        ),
        "mesh.pairs_silent": _(
            "Connected: %(stand)s. Not connected, or not to be seen: %(missing)s; %(silent)s gives no answer. When it "
            "answers again, choose Retry to finish, or take the planes apart to go back."
        ),
        "mesh.apart": _("No two of %(planes)s are connected any more."),
        "mesh.still": _("Still connected: %(stand)s."),
        "mesh.nothing": _("none"),
    }
)  # fmt: skip


def kept(what: str, plane: str, facts: Json) -> Json:
    """Return facts of a finding, with the time of asking, that are kept when the run ends (looks.py)."""
    return {"keep": what, "plane": plane, "facts": facts, "at": timezone.now().isoformat()}


def as_read(planes: Iterable[MeshFacts]) -> Json:
    """Return what was read of planes so that it is kept when the run ends: nobody waits for beat to read it again."""
    return [kept(Mesh.slug, one.plane, one.to_json()) for one in planes]


def read_all(planes: Iterable[str]) -> tuple[list[MeshFacts], list[str]]:
    """Read planes one by one; also return those that gave no answer, of which nothing is known then."""
    found, silent = [], []
    for plane in planes:
        try:
            found.append(read(client(plane)))
        except KubeError:
            silent.append(plane)
            found.append(MeshFacts(plane, remotes=None, authority=None, other_cni=None))
    return found, silent


@actions.register
@dataclass(frozen=True)
class RulesHold(Check):
    """The planner's rules, before anything is touched. Raises KubeError for a plane that gives no answer.

    What a look at the mesh has shown does not count: what was cut then is what somebody has come to mend.
    """

    slug: ClassVar[str] = "mesh-rules"
    planes: list[str]
    only: list[str]
    """Numbers of the rules that count; empty: all."""

    def label(self) -> Sentence:
        return say("mesh.check_rules", planes=list(self.planes))

    def look(self) -> Finding:
        facts = [read(client(plane)) for plane in self.planes]
        absent = [one.plane for one in facts if not one.found]
        if absent and not self.only:
            return Finding(Verdict.FAIL, say("mesh.facts_none", plane=absent))
        fleet = rules.Fleet(tuple(facts), namespaces=namespaces_of(KIND))
        found = [one for one in rules.problems(fleet) if not self.only or one.rule in self.only]
        errors = [one.sentence for one in found if one.severity == rules.Severity.ERROR]
        if errors:
            return Finding(Verdict.FAIL, say("mesh.rules_broken", problems=errors[:MOST_PROBLEMS]))
        if found:
            said = [one.sentence for one in found][:MOST_PROBLEMS]
            return Finding(Verdict.WARN, say("mesh.rules_warn", problems=said))
        return Finding(Verdict.PASS, say("mesh.rules_hold", planes=list(self.planes)))


@actions.register
@dataclass(frozen=True)
class NoOtherNetwork(Check):
    """R20: Cilium is installed only where no other network runs, and nothing is installed twice."""

    slug: ClassVar[str] = "mesh-empty"
    plane: str
    name: str
    id: int

    def label(self) -> Sentence:
        return say("mesh.check_empty", plane=self.plane)

    def look(self) -> Finding:
        facts = read(client(self.plane))
        if facts.found:
            same = (facts.name, facts.id) == (self.name, self.id)
            code = "mesh.installed_already" if same else "mesh.installed_other"
            said = say(code, plane=self.plane, name=facts.name or "default", id=facts.id)
            return Finding(Verdict.PASS if same else Verdict.FAIL, said)
        for problem in rules.problems(rules.Fleet((facts,))):
            if problem.rule == "R20":
                return Finding(Verdict.FAIL, problem.sentence)
        return Finding(Verdict.PASS, say("mesh.empty", plane=self.plane))


@actions.register
@dataclass(frozen=True)
class Installed(Check):
    """Cilium's configuration names the plane as planned."""

    slug: ClassVar[str] = "mesh-installed"
    plane: str
    name: str
    id: int

    def label(self) -> Sentence:
        return say("mesh.check_installed", plane=self.plane, name=self.name)

    def look(self) -> Finding:
        facts = read(client(self.plane))
        words = {"plane": self.plane, "name": facts.name or "default", "id": facts.id}
        if not facts.found:
            return Finding(Verdict.WAIT, say("mesh.not_installed", plane=self.plane))
        found = as_read([facts])
        if (facts.name, facts.id) != (self.name, self.id):
            return Finding(Verdict.FAIL, say("mesh.installed_other", **words), facts=found)
        return Finding(Verdict.PASS, say("mesh.installed_already", **words), facts=found)


@actions.register
@dataclass(frozen=True)
class Enabled(Check):
    """The API server of the mesh is ready, and others can be told its address."""

    slug: ClassVar[str] = "mesh-enabled"
    plane: str

    def label(self) -> Sentence:
        return say("mesh.check_enabled", plane=self.plane)

    def look(self) -> Finding:
        facts = read(client(self.plane))
        if not facts.enabled:
            return Finding(Verdict.WAIT, say("mesh.not_enabled", plane=self.plane))
        if not facts.ready:
            return Finding(Verdict.WAIT, say("mesh.not_ready", plane=self.plane))
        if facts.service_type == "LoadBalancer" and not facts.service_addresses:
            return Finding(Verdict.WAIT, say("mesh.no_address", plane=self.plane))
        words = {"type": facts.service_type, "port": facts.service_port}
        return Finding(Verdict.PASS, say("mesh.enabled", plane=self.plane, **words), facts=as_read([facts]))


def pair_names(pairs: Iterable[tuple[str, str]]) -> list[str | Sentence]:
    return [f"{one} ↔ {other}" for one, other in pairs] or [say("mesh.nothing")]


@actions.register
@dataclass(frozen=True)
class Pairs(Check):
    """Which pairs are connected, by what the agents are configured with; one that is silent hides its own alone.

    `apart`: none must be.
    """

    slug: ClassVar[str] = "mesh-pairs"
    planes: list[str]
    apart: bool = False

    def label(self) -> Sentence:
        return say("mesh.check_apart" if self.apart else "mesh.check_pairs", planes=list(self.planes))

    def look(self) -> Finding:
        facts, silent = read_all(self.planes)
        found = self._judged(facts, silent)
        return replace(found, facts=as_read(one for one in facts if one.plane not in silent))

    def _judged(self, facts: list[MeshFacts], silent: list[str]) -> Finding:
        stand, missing = matrix.standing(facts)
        if self.apart:
            return self._apart(facts, stand, silent)
        if not missing:
            return Finding(Verdict.PASS, say("mesh.pairs_all", pairs=pair_names(stand)))
        words = {"stand": pair_names(stand), "missing": pair_names(missing)}
        if silent:
            return Finding(Verdict.FAIL, say("mesh.pairs_silent", silent=silent, **words))
        return Finding(Verdict.FAIL, say("mesh.pairs_some", **words))

    def _apart(self, facts: list[MeshFacts], stand: list[tuple[str, str]], silent: list[str]) -> Finding:
        """Half a pair is no pair, but it is still something that was made."""
        named = {one.name: one.plane for one in facts}
        half = [
            (one.plane, named[name])
            for one in facts
            for name in one.remotes or ()
            if name in named
            and (one.plane, named[name]) not in stand
            and (named[name], one.plane) not in stand
        ]
        if stand or half:
            return Finding(Verdict.FAIL, say("mesh.still", stand=pair_names([*stand, *half])))
        if silent:
            words = {"stand": pair_names([]), "missing": pair_names([]), "silent": silent}
            return Finding(Verdict.FAIL, say("mesh.pairs_silent", **words))
        return Finding(Verdict.PASS, say("mesh.apart", planes=list(self.planes)))
