"""Setting up pools of client addresses on planes, and taking a pool away again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.policy import Policy
from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet.access import client
from kbconsole.fleet.changes import Apply, Remove, uid_of
from kbconsole.fleet.commands import RunCommand, command_step
from kbconsole.fleet.jobs import CHANGES_FLEET, FleetJob, identities
from kbconsole.jobs.definition import (
    Change,
    Ended,
    Outcome,
    Step,
    Subject,
    Touch,
    declare_phases,
    register,
)
from kbconsole.jobs.models import RunStatus
from kbconsole.k8s.kinds import IP_ADDRESS_POOL, L2_ADVERTISEMENT
from networking.kinds import metallb_objects as objects
from networking.kinds.keeping import keeper
from networking.kinds.metallb_changes import (
    ApplyCustom,
    InEffect,
    Installed,
    NothingLeft,
    RangesFree,
    Ready,
    Unused,
    install,
    installed,
    listed,
)
from networking.kinds.metallb_objects import HOME
from networking.kinds.metallb_reading import READS

declare_phases(
    {
        "ranges": _("Ranges"),
        "home": _("Namespace"),
        "install": _("Install"),
        "ready": _("Ready"),
        "pool": _("Pool"),
        "effect": _("In effect"),
        "unused": _("Unused"),
        "remove": _("Remove"),
    }
)
declare(
    {
        "metallb.what_set_up": _("Set up the pool %(pool)s of MetalLB on %(planes)s"),
        "metallb.what_remove": _("Remove the pool %(pool)s of MetalLB from %(planes)s"),
        "metallb.installs": _(
            "MetalLB %(version)s is installed where it is not there yet. Its speakers run privileged on every node and "
            "answer for the pool's addresses in the nodes' network segment."
        ),
    }
)
GONE = (Touch.REMOVED, Touch.ABSENT)
NOT_INSTALLED = {"installed": False}
"""What the check of an uninstall has seen."""
DIFFERS = (
    _(
        "The guide installs MetalLB into the current namespace, though its next steps look in metallb-system. Here it "
        "goes to metallb-system, with the Pod Security labels that its speakers need, in a pinned version."
    ),
    _(
        "The guide waits for pods with the label app=metallb, which the chart does not write. Here controller, "
        "speakers and webhook are looked at themselves."
    ),
    _(
        "The guide's L2Advertisement names no pool and so announces all that will ever be made. Here it names one."
    ),
)


@register
@dataclass(frozen=True)
class SetUpPools(FleetJob):
    """Install MetalLB where it is not there, and give each plane a pool of the same name with its own ranges."""

    slug: ClassVar[str] = "metallb-pools"
    label: ClassVar[Any] = _("Set up address pools")
    approval: ClassVar[Policy] = CHANGES_FLEET
    words: ClassVar[Mapping[str, Any]] = {"pool": _("Pool"), "ranges": _("Ranges")}
    pool: str
    ranges: dict[str, list[str]]
    """Of each plane, in the order of the page."""

    def subject(self) -> Subject:
        return Subject("fleet", f"pool-{self.pool}", self.pool)

    def lanes(self) -> list[str]:
        return list(self.ranges)

    def steps(self) -> Iterator[Step]:
        for plane, texts in self.ranges.items():
            yield Step(on=plane, phase="ranges", check=RangesFree(plane, self.pool, self.ranges))
            if not installed(client(plane)):
                yield Step(on=plane, phase="home", change=Apply(plane, objects.namespace()))
                yield command_step(install(plane), phase="install", verify=Installed(plane))
            yield Step(on=plane, phase="ready", check=Ready(plane, self.pool, texts))
            for made in (objects.pool(self.pool, texts), objects.advertisement(self.pool)):
                yield Step(on=plane, phase="pool", change=ApplyCustom(plane, made))
            yield Step(on=plane, phase="effect", check=InEffect(plane, self.pool, texts), repeats="pool")

    def facts(self) -> dict[str, Json]:
        return {**identities(self.ranges), "version": objects.VERSION}

    def cautions(self) -> list[Sentence]:
        return [say("metallb.installs", version=objects.VERSION), say("metallb.segment")]

    def differs(self) -> list[str]:
        return [str(text) for text in DIFFERS]

    def what(self) -> Sentence:
        return say("metallb.what_set_up", pool=self.pool, planes=list(self.ranges))

    def undo_looks(self, changes: Sequence[Change]) -> Iterator[Step]:
        """Nothing goes that services have an address of: the pool, and with the chart any other pool."""
        for plane in self.ranges:
            mine = [change for change in changes if getattr(change, "plane", "") == plane]
            if any(isinstance(change, RunCommand) for change in mine):
                yield Step(on=plane, phase="unused", check=NothingLeft(plane, self.pool), deadline=0)
            elif mine:
                yield Step(on=plane, phase="unused", check=Unused(plane, self.pool), deadline=0)

    def on_end(self, ended: Ended) -> None:
        """The page shows at once what the run has seen."""
        for plane, phase, facts in ended.facts:
            if phase == "effect" and facts:
                _keep_pool(plane, self.pool, facts["pool"])

    def on_undo_end(self, ended: Ended) -> None:
        """Nor does the page go on showing what is gone; what the undo left alone is shown as it was read."""
        _keep_removed(ended, self.pool)
        for plane, _phase, facts in ended.facts:
            if facts == NOT_INSTALLED:
                keeper().keep(READS, plane, {**NOT_INSTALLED, "pools": []})


def _keep_removed(ended: Ended, pool: str) -> None:
    """Keep that the pool is gone from the planes that a run removed it from; of the others it has seen nothing."""
    for plane, _phase, made in ended.outcomes if ended.status == RunStatus.SUCCEEDED else ():
        refs = [one.ref for one in Outcome.from_json(made).touched if one.touch in GONE]
        known = _known(plane)
        if known and any((ref["kind"], ref["name"]) == (IP_ADDRESS_POOL.kind, pool) for ref in refs):
            keeper().keep(READS, plane, {**known, "pools": _others(known, pool)})


def _keep_pool(plane: str, pool: str, seen: Mapping[str, Any]) -> None:
    """Keep what was seen of a pool beside the others: so MetalLB is there."""
    others = _others(_known(plane), pool)
    keeper().keep(READS, plane, {"installed": True, "pools": [*others, dict(seen)]})


def _known(plane: str) -> Mapping[str, Any]:
    """Return what was last read of a plane, nothing where it never was."""
    return next((one.facts for one in keeper().readings(READS) if one.plane == plane), None) or {}


def _others(known: Mapping[str, Any], pool: str) -> list[Any]:
    return [one for one in known.get("pools", []) if one["name"] != pool]


@register
@dataclass(frozen=True)
class RemovePool(FleetJob):
    """Take a pool away from planes on which nobody uses it; MetalLB itself stays."""

    slug: ClassVar[str] = "metallb-remove-pool"
    label: ClassVar[Any] = _("Remove an address pool")
    approval: ClassVar[Policy] = CHANGES_FLEET
    words: ClassVar[Mapping[str, Any]] = {"pool": _("Pool"), "planes": _("Planes")}
    pool: str
    planes: list[str]

    def subject(self) -> Subject:
        return Subject("fleet", f"pool-{self.pool}", self.pool)

    def lanes(self) -> list[str]:
        return list(self.planes)

    def steps(self) -> Iterator[Step]:
        for plane in self.planes:
            yield Step(on=plane, phase="unused", check=Unused(plane, self.pool), deadline=0)
            for kind in (L2_ADVERTISEMENT, IP_ADDRESS_POOL):
                for obj in listed(client(plane), kind):
                    if obj["metadata"]["name"] == self.pool:
                        where = (plane, kind.api_version, kind.kind, self.pool, HOME, uid_of(obj))
                        change = Remove(*where, installer=True)
                        yield Step(on=plane, phase="remove", change=change)

    def facts(self) -> dict[str, Json]:
        return identities(self.planes)

    def what(self) -> Sentence:
        return say("metallb.what_remove", pool=self.pool, planes=list(self.planes))

    def on_end(self, ended: Ended) -> None:
        _keep_removed(ended, self.pool)
