"""Whether the planes hold the same: the operator never mends an object that is missing on one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet import access
from kbconsole.jobs.definition import Check, Finding, Verdict, actions, canonical_text, digest
from kbconsole.k8s.kinds import (
    CONFIG_MAP,
    POD,
    ROLE_BINDING,
    SERVICE_ACCOUNT,
)
from placements.checks.running import selector_text
from placements.observation import pod_fact

declare(
    {
        "placements.check_agreement": _("Planes hold the same mirrored objects, and one leader"),
        "placements.agree": _(
            "Mirrored objects are the same on %(planes)s, and one replica leads: %(leader)s."
        ),
        "placements.mirror_missing": _("%(kind)s %(name)s is on %(with)s, but not on %(without)s."),
        "placements.mirror_differs": _("%(kind)s %(name)s differs between %(planes)s."),
        "placements.mirror_fix": _(
            "The operator does not mend this: it is satisfied with any plane that has the object. Copy the object "
            "from a plane that has it, with the placement annotation set to the plane's own name."
        ),
        "placements.leaders": _(
            "%(count)s replicas call themselves leader: %(pods)s. There must be exactly one."
        ),
    }
)


@actions.register
@dataclass(frozen=True)
class PlanesAgree(Check):
    """Objects that every plane must hold are the same on each, and exactly one replica leads."""

    slug: ClassVar[str] = "planes-agree"
    planes: list[str]
    namespace: str
    labels: dict[str, str]
    leader: str = "leader"

    def label(self) -> Sentence:
        return say("placements.check_agreement")

    def look(self) -> Finding:
        held = {plane: self._mirrored(plane) for plane in self.planes}
        wrong = _disagreements(held)
        if wrong:
            return Finding(Verdict.FAIL, wrong[0], say("placements.mirror_fix"))
        leaders = [name for plane in self.planes for name in self._leaders(plane)]
        if len(leaders) > 1 or not leaders:
            return Finding(Verdict.WAIT, say("placements.leaders", count=len(leaders), pods=leaders))
        return Finding(Verdict.PASS, say("placements.agree", planes=self.planes, leader=leaders[0]))

    def _mirrored(self, plane: str) -> dict[tuple[str, str], str]:
        """Return a digest of what each mirrored object says; what differs by plane on purpose is left out."""
        client = access.client(plane)
        found: dict[tuple[str, str], str] = {}
        for kind in (CONFIG_MAP, SERVICE_ACCOUNT, ROLE_BINDING):
            for item in client.list(kind, self.namespace, labels=selector_text(self.labels)):
                said = {
                    key: item[key] for key in ("data", "binaryData", "roleRef", "subjects") if key in item
                }
                found[(kind.kind, item["metadata"]["name"])] = digest(canonical_text(said))
        return found

    def _leaders(self, plane: str) -> list[str]:
        pods = access.client(plane).list(POD, self.namespace, labels=selector_text(self.labels))
        return [fact["name"] for fact in map(pod_fact, pods) if fact["role"] == self.leader]


def _disagreements(held: dict[str, dict[tuple[str, str], str]]) -> list[Sentence]:
    wrong: list[Sentence] = []
    for kind, name in sorted({key for objects in held.values() for key in objects}):
        digests: dict[str, Json] = {plane: objects.get((kind, name)) for plane, objects in held.items()}
        without: Sequence[str] = [plane for plane, found in digests.items() if found is None]
        if without:
            having = [plane for plane in held if plane not in without]
            params = {"kind": kind, "name": name, "with": having, "without": list(without)}
            wrong.append(say("placements.mirror_missing", **params))
        elif len(set(digests.values())) > 1:
            wrong.append(say("placements.mirror_differs", kind=kind, name=name, planes=list(held)))
    return wrong
