"""What has to hold before anything is written: the plane is the one that was registered, the operator knows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet import access
from kbconsole.fleet.identity import other_plane, uid_of_plane
from kbconsole.fleet.preflight.operator import read_definitions, read_operator
from kbconsole.jobs.definition import Check, Finding, Verdict, actions
from placements.facts import leftovers

declare(
    {
        "placements.check_plane": _("Look whether %(plane)s still fits"),
        "placements.plane_fits": _(
            "%(plane)s is the plane that was registered, and nothing stands in the way."
        ),
        "placements.check_operator": _("Ask the operator's Deployment and definitions again"),
        "placements.operator_says": _(
            "KubeBlocks %(version)s knows %(planes)s, and %(definition)s is Available."
        ),
        "placements.operator_lacks": _(
            "The operator's contexts are %(contexts)s now, so %(planes)s would be passed over in silence. Nothing was "
            "written. Set multiCluster.contexts, let both Deployments roll, then choose Retry."
        ),
        "placements.operator_disabled": _(
            "The operator has %(planes)s disabled now: what it writes there is lost silently. Nothing was written. "
            "Enable them, then choose Retry."
        ),
        "placements.definition_gone": _(
            "%(definition)s is not there or not Available any more. Nothing was written. Mend the engine's add-on, "
            "then choose Retry."
        ),
    }
)


@actions.register
@dataclass(frozen=True)
class PlaneFits(Check):
    """The plane is the one that was registered; with `base`, nothing of an earlier database is left there."""

    slug: ClassVar[str] = "plane-fits"
    plane: str
    uid: str
    namespace: str = ""
    name: str = ""
    base: str = ""
    own_account: bool = True

    def label(self) -> Sentence:
        return say("placements.check_plane", plane=self.plane)

    def look(self) -> Finding:
        if uid_of_plane(access.client(self.plane)) != self.uid:
            return Finding(Verdict.FAIL, other_plane(self.plane).sentence)
        left = self._left() if self.base else []
        if left:
            sentence = say("placements.leftovers", plane=self.plane, objects=left[:10], name=self.name)
            return Finding(Verdict.FAIL, sentence)
        return Finding(Verdict.PASS, say("placements.plane_fits", plane=self.plane))

    def _left(self) -> list[str]:
        return leftovers(self.plane, self.namespace, self.name, self.base, own_account=self.own_account)


@actions.register
@dataclass(frozen=True)
class OperatorSays(Check):
    """The live operator is of this line, has these contexts enabled, and the definition is Available."""

    slug: ClassVar[str] = "operator-says"
    plane: str
    line: str
    planes: list[str]
    definition: str

    def label(self) -> Sentence:
        return say("placements.check_operator")

    def look(self) -> Finding:
        client = access.client(self.plane)
        operator = read_operator(client)
        lacking = [plane for plane in self.planes if plane not in operator.contexts]
        if lacking or operator.line != self.line:
            contexts: list[Json] = [*operator.contexts] or [say("fleet.nothing")]
            return Finding(Verdict.FAIL, say("placements.operator_lacks", contexts=contexts, planes=lacking))
        disabled = [plane for plane in self.planes if plane in operator.disabled]
        if disabled:
            return Finding(Verdict.FAIL, say("placements.operator_disabled", planes=disabled))
        ready = {one["name"] for one in read_definitions(client) if one["available"]}
        if self.definition not in ready:
            return Finding(Verdict.FAIL, say("placements.definition_gone", definition=self.definition))
        said = say(
            "placements.operator_says",
            version=operator.version,
            planes=self.planes,
            definition=self.definition,
        )
        return Finding(Verdict.PASS, said, facts={"definition": self.definition, "line": self.line})
