"""Whether the planes hold the same: the operator never mends an object that is missing on one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet import access
from kbconsole.jobs.definition import Check, Finding, Verdict, actions, canonical_text, digest
from kbconsole.k8s.kinds import (
    CONFIG_MAP,
    POD,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
    Object,
    selector_of,
)
from placements.facts import database_labels, traces
from placements.observation import pod_fact
from placements.rendering import PLACEMENT

declare(
    {
        "placements.check_agreement": _("Planes hold the same mirrored objects, and one leader"),
        "placements.agree": _(
            "Mirrored objects are the same on %(planes)s, and one replica leads: %(leader)s."
        ),
        "placements.mirror_missing": _("%(kind)s %(name)s is on %(with)s, but not on %(without)s"),
        "placements.mirror_differs": _("%(kind)s %(name)s differs between %(planes)s"),
        "placements.planes_differ": _("The planes do not hold the same: %(what)s."),
        "placements.mirror_fix": _(
            "The operator does not mend this: it is satisfied with any plane that has the object. Copy the object "
            "from a plane that has it, with the placement annotation set to the plane's own name: “Copy the missing "
            "objects” plans just that."
        ),
        "placements.differ_fix": _(
            "The operator does not mend this, and the console does not choose between them. Compare the objects, "
            "correct the wrong one on its plane, then check again."
        ),
        "placements.leaders": _(
            "%(count)s replicas call themselves leader: %(pods)s. There must be exactly one."
        ),
        "placements.no_leader": _("No replica calls itself leader. There must be exactly one."),
    }
)
Key = tuple[str, str]
"""Kind and name."""
MIRRORED = (CONFIG_MAP, SERVICE, SERVICE_ACCOUNT, ROLE_BINDING)
MOST_SAID = 5


@actions.register
@dataclass(frozen=True)
class PlanesAgree(Check):
    """Objects that every plane must hold are the same on each, and exactly one replica leads.

    Only what the operator made counts: it marks each object with its plane, and what pods make for themselves in
    their own plane has no mark. `single` names services that are on one plane by intention, `shared` the account and
    binding that all databases of the definition have together, whose labels name another one. `leader` is what the
    role of the engine's leading replica is called.
    """

    slug: ClassVar[str] = "planes-agree"
    planes: list[str]
    namespace: str
    name: str
    base: str
    leader: str
    single: list[str] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)

    def label(self) -> Sentence:
        return say("placements.check_agreement")

    def look(self) -> Finding:
        held = {
            plane: {key: said(item) for key, item in found.items()} for plane, found in self.held().items()
        }
        wrong = _disagreements(held)
        if wrong:
            missing = any(one.code == "placements.mirror_missing" for one in wrong)
            shown: Json = wrong[:MOST_SAID]
            fix = say("placements.mirror_fix" if missing else "placements.differ_fix")
            return Finding(Verdict.WAIT, say("placements.planes_differ", what=shown), fix)
        leaders = [name for plane in self.planes for name in self._leaders(plane)]
        if not leaders:
            return Finding(Verdict.WAIT, say("placements.no_leader"))
        if len(leaders) > 1:
            return Finding(Verdict.WAIT, say("placements.leaders", count=len(leaders), pods=leaders))
        return Finding(Verdict.PASS, say("placements.agree", planes=self.planes, leader=leaders[0]))

    def held(self) -> dict[str, dict[Key, Object]]:
        """Return what each plane holds of what all of them must hold. Raises ConsoleError for a silent plane."""
        return {plane: {_key(item): item for item in self._mirrored(plane)} for plane in self.planes}

    def _mirrored(self, plane: str) -> Iterator[Object]:
        client = access.client(plane)
        for trace in traces(self.name, self.base, own_account=not self.shared):
            if trace.kind in MIRRORED:
                for item in client.list(trace.kind, self.namespace, labels=trace.selector):
                    marked = PLACEMENT in (item["metadata"].get("annotations") or {})
                    if marked and item["metadata"]["name"] not in self.single:
                        yield item
        for kind, name in zip((SERVICE_ACCOUNT, ROLE_BINDING), self.shared, strict=False):
            there = client.get(kind, name, self.namespace)
            if there is not None:
                yield there

    def _leaders(self, plane: str) -> list[str]:
        labels = selector_of(database_labels(self.name))
        pods = access.client(plane).list(POD, self.namespace, labels=labels)
        return [fact["name"] for fact in map(pod_fact, pods) if fact["role"] == self.leader]


def _key(item: Object) -> Key:
    return (item["kind"], item["metadata"]["name"])


def said(item: Mapping[str, Json]) -> str:
    """Return a digest of what a mirrored object says; what differs by plane, as addresses do, is left out."""
    parts = {key: item[key] for key in ("data", "binaryData", "roleRef", "subjects") if key in item}
    if item["kind"] == "Service":
        spec = item["spec"]
        ports = [
            {key: port.get(key) for key in ("name", "port", "protocol")} for port in spec.get("ports") or []
        ]
        parts |= {"type": spec.get("type"), "selector": spec.get("selector"), "ports": ports}
    return digest(canonical_text(parts))


def _disagreements(held: Mapping[str, Mapping[Key, str]]) -> list[Sentence]:
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
