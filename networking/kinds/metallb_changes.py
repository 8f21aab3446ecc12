"""What jobs do to MetalLB on a plane, and how they tell that it holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.fleet.access import client, installer_client
from kbconsole.fleet.changes import Apply, Remove
from kbconsole.fleet.commands import RunCommand
from kbconsole.jobs.definition import (
    Change,
    Check,
    Diff,
    Finding,
    ObjectDiff,
    Outcome,
    Touch,
    Verdict,
    actions,
)
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.commands import kubectl_get
from kbconsole.k8s.errors import Conflict, Forbidden, KubeError, Rejected
from kbconsole.k8s.kinds import (
    DAEMON_SET,
    DEPLOYMENT,
    IP_ADDRESS_POOL,
    L2_ADVERTISEMENT,
    METALLB_CONFIGURATION_STATE,
    SERVICE,
    Kind,
    Object,
    kind_of,
)
from kbconsole.k8s.manifests import changed_fields
from networking.addresses.facts import NewRange, What
from networking.addresses.ranges import parsed
from networking.addresses.services import overlaps_between
from networking.addresses.severity import Level, Overlap
from networking.kinds import metallb_objects as objects
from networking.kinds.metallb_objects import HOME, PoolRoom

INSTALL_SECONDS = 420
SHOWN = 5
UNINSTALL = (
    "uninstall", objects.RELEASE, "--namespace", HOME, "--wait", "--timeout", "5m", "--ignore-not-found",
)  # fmt: skip
"""A retry after it did its work finds no release, and that is no failure (the flag is in Helm since 3.13). Whether
MetalLB is gone the step's check sees."""
declare(
    {
        "metallb.ranges": _("Compare %(ranges)s with the addresses of the whole fleet"),
        "metallb.ranges_free": _("Nobody else uses %(ranges)s."),
        "metallb.ranges_fix": _("Take a range that nobody uses; Network, Propose free blocks, finds one per plane."),
        "metallb.installed": _("See that MetalLB is installed"),
        "metallb.installed_yes": _("MetalLB is installed on %(plane)s."),
        "metallb.installed_not": _("%(plane)s does not serve MetalLB's kinds yet."),
        "metallb.ready": _("Wait until MetalLB is ready"),
        "metallb.ready_yes": _("Controller, speakers and webhook of MetalLB are ready on %(plane)s."),
        "metallb.ready_not": _("%(plane)s: MetalLB's %(parts)s is not ready yet (namespace %(namespace)s)."),
        "metallb.webhook_not": _("%(plane)s: MetalLB's webhook does not answer yet: %(why)s"),
        "metallb.effect": _("See that the pool %(pool)s is in effect"),
        "metallb.effect_yes": _("%(plane)s: pool %(pool)s is in effect, %(free)s of %(total)s addresses are free."),
        "metallb.effect_gone": _("%(plane)s: the pool %(pool)s is not there any more. Retry applies it again."),
        "metallb.effect_other": _(
            "%(plane)s: the pool %(pool)s has %(found)s instead of %(wanted)s. Look at who changed it, then Retry."
        ),
        "metallb.effect_silent": _("%(plane)s: no L2Advertisement announces the pool %(pool)s. Retry applies it."),
        "metallb.effect_refused": _(
            "%(plane)s: MetalLB keeps its last good configuration, since it does not take this one: %(why)s"
        ),
        "metallb.effect_fix": _("Mend or remove what it names on %(plane)s, then choose Retry."),
        "metallb.room": _("Count the free addresses of the pool %(pool)s"),
        "metallb.room_yes": _("%(plane)s: needs %(needed)s VIP, %(free)s of %(total)s are free."),
        "metallb.room_not": _("%(plane)s: needs %(needed)s VIP, only %(free)s of %(total)s are free in %(pool)s."),
        "metallb.room_fix": _("Retire a database there, or give the pool of %(plane)s another range under Network."),
        "metallb.room_none": _(
            "%(plane)s has no pool %(pool)s yet, so clients get no address there until it is set up under Network."
        ),
        "metallb.nothing_left": _("See that nobody needs MetalLB any more"),
        "metallb.nothing_left_yes": _("%(plane)s: MetalLB has no pool, and no service has an address of it."),
        "metallb.nothing_left_pools": _(
            "%(plane)s: MetalLB still has the pools %(names)s. Remove them first: Network, Remove a pool."
        ),
        "metallb.nothing_left_users": _(
            "%(plane)s: %(count)s services have an address of MetalLB (%(names)s). Retire these databases, or take "
            "their clients elsewhere, first."
        ),
        "metallb.gone": _("See that MetalLB is gone"),
        "metallb.gone_yes": _("MetalLB is gone from %(plane)s."),
        "metallb.gone_not": _(
            "%(plane)s still serves MetalLB's kinds. Where Helm finds no release “metallb” in %(namespace)s, it was "
            "installed in another way: take it away in that way. The step goes on once the kinds are gone."
        ),
        "metallb.unused": _("See that no service uses the pool %(pool)s"),
        "metallb.unused_yes": _("%(plane)s: nobody uses the pool %(pool)s."),
        "metallb.unused_not": _(
            "%(plane)s: %(count)s services have an address of the pool %(pool)s (%(names)s). Retire these databases, "
            "or take their clients elsewhere, first."
        ),
    }
)  # fmt: skip


def listed(plane: PlaneClient, kind: Kind) -> list[Object]:
    """Return the objects of a kind, none where the plane does not serve it. Raises KubeError."""
    try:
        return plane.list(kind, HOME if kind.namespaced else "")
    except Rejected as rejected:
        if rejected.reason == "KindMissing":
            return []
        raise


def installed(plane: PlaneClient) -> bool:
    """Return whether the plane serves MetalLB's kinds. Raises KubeError."""
    return plane.serves(IP_ADDRESS_POOL.api_version, IP_ADDRESS_POOL.plural)


def rooms(plane: PlaneClient) -> tuple[PoolRoom, ...]:
    """Return the pools of a plane with what is used. Raises KubeError."""
    services = [one for one in plane.list(SERVICE) if one["spec"].get("type") == "LoadBalancer"]
    return objects.pools_of(listed(plane, IP_ADDRESS_POOL), services, listed(plane, L2_ADVERTISEMENT))


def users_of(plane: PlaneClient, pool: str = "") -> list[str]:
    """Return the services that have an address of a pool, or of any, as `namespace/name`. Raises KubeError."""
    return sorted(
        f"{one['metadata']['namespace']}/{one['metadata']['name']}"
        for one in plane.list(SERVICE)
        if (taken := objects.taken_from(one)) and taken == (pool or taken)
    )


def uninstall(plane: str) -> RunCommand:
    """Return the command that takes the release away, with everything that its chart brought."""
    return RunCommand(plane, "helm", UNINSTALL, seconds=INSTALL_SECONDS)


def install(plane: str) -> RunCommand:
    """Return the command that installs the pinned chart; its undo takes the release away."""
    chart: list[str] = [objects.RELEASE, "--repo", objects.REPOSITORY, "--version", objects.VERSION]
    if folder := settings.KBCONSOLE_CHART_DIR:
        chart = [f"{folder}/{objects.RELEASE}-{objects.VERSION}.tgz"]
    args = ("upgrade", "--install", objects.RELEASE, *chart, "--namespace", HOME, "--wait", "--timeout", "5m")
    values = {key: dict(value) for key, value in objects.VALUES.items()}
    return RunCommand(
        plane, "helm", args, values, seconds=INSTALL_SECONDS, undo=UNINSTALL, undone=Gone(plane).canonical()
    )  # fmt: skip


@actions.register
@dataclass(frozen=True)
class ApplyCustom(Apply):
    """Apply an object whose kind an earlier step of the run may have yet to bring."""

    slug: ClassVar[str] = "apply-custom"

    def client(self) -> PlaneClient:
        return installer_client(self.plane)

    def diff(self) -> Diff:
        kind = kind_of(self.object)
        if not self.client().serves(kind.api_version, kind.plural):
            changes = tuple(changed_fields(None, self.object))
            return Diff((ObjectDiff(Touch.CREATED, self.ref, changes=changes, checked=False),))
        return super().diff()

    def inverse(self, outcome: Outcome) -> Change | None:
        """The same rights take it away again."""
        gone = super().inverse(outcome)
        return replace(gone, installer=True) if isinstance(gone, Remove) else gone


class OnPlane(Check):
    """A check of one plane; the sentences all name it."""

    plane: str

    def _found(self, verdict: Verdict, code: str, **words: Any) -> Finding:
        return Finding(verdict, say(f"metallb.{code}", plane=self.plane, **words))


@actions.register
@dataclass(frozen=True)
class RangesFree(OnPlane):
    """Nobody in the fleet uses the ranges: MetalLB looks at its own pools only, and at nothing of other planes.

    `asked` are all ranges that the job gives, by plane: those of two planes must not meet either.
    """

    slug: ClassVar[str] = "metallb-ranges"
    plane: str
    pool: str
    asked: dict[str, list[str]]

    def label(self) -> Sentence:
        return say("metallb.ranges", ranges=self.asked[self.plane])

    def look(self) -> Finding:
        mine = self.asked[self.plane]
        new = [
            NewRange(name, What.LOAD_BALANCERS, text) for name, texts in self.asked.items() for text in texts
        ]
        held = [
            parsed(text) for room in rooms(client(self.plane)) if room.name == self.pool for text in room.ranges
        ]  # fmt: skip
        bad = [
            overlap.sentence()
            for overlap in overlaps_between([self.plane], new_ranges=new)
            if overlap.level == Level.ERROR
            and self.plane in overlap.planes
            and not self._itself(overlap, held)
        ]
        if bad:
            return Finding(Verdict.FAIL, bad[0], say("metallb.ranges_fix"))
        return self._found(Verdict.PASS, "ranges_free", ranges=mine)

    def _itself(self, overlap: Overlap, held: Iterable[Any]) -> bool:
        """Whether it is the pool's own range, as the plane has it by now, that the new one meets."""
        parts = (overlap.one, overlap.two)
        if any(part.plane != self.plane or part.what != What.LOAD_BALANCERS for part in parts):
            return False
        known = [part.span for part in parts if part.source != "new"]
        return bool(known) and all(any(own.holds(span) for own in held) for span in known)


@actions.register
@dataclass(frozen=True)
class Installed(OnPlane):
    """The plane serves MetalLB's kinds."""

    slug: ClassVar[str] = "metallb-installed"
    plane: str

    def label(self) -> Sentence:
        return say("metallb.installed")

    def commands(self) -> list[str]:
        return [kubectl_get(DEPLOYMENT, namespace=HOME, context=self.plane)]

    def look(self) -> Finding:
        there = installed(installer_client(self.plane))
        return self._found(
            Verdict.PASS if there else Verdict.WAIT, "installed_yes" if there else "installed_not"
        )


@actions.register
@dataclass(frozen=True)
class Ready(OnPlane):
    """Controller, speakers and webhook are ready: the guide waits for a label that the chart does not write."""

    slug: ClassVar[str] = "metallb-ready"
    plane: str
    pool: str
    ranges: list[str]

    def label(self) -> Sentence:
        return say("metallb.ready")

    def commands(self) -> list[str]:
        return [kubectl_get(kind, namespace=HOME, context=self.plane) for kind in (DEPLOYMENT, DAEMON_SET)]

    def look(self) -> Finding:
        plane = installer_client(self.plane)
        parts = objects.unready(plane.list(DEPLOYMENT, HOME), plane.list(DAEMON_SET, HOME))
        if parts:
            return self._found(Verdict.WAIT, "ready_not", parts=list(parts), namespace=HOME)
        try:
            plane.apply(objects.pool(self.pool, self.ranges), dry_run=True)
        except Conflict:
            pass  # the webhook has answered; whose fields they are is the step's to say
        except (KubeError, Rejected) as error:
            if not (error.retryable or "webhook" in str(error)):
                raise
            return self._found(Verdict.WAIT, "webhook_not", why=error.sentence)
        return self._found(Verdict.PASS, "ready_yes")


@actions.register
@dataclass(frozen=True)
class InEffect(OnPlane):
    """The pool is there, announced, and MetalLB works with it: one that was applied may not be in effect."""

    slug: ClassVar[str] = "metallb-in-effect"
    plane: str
    pool: str
    ranges: list[str]

    def label(self) -> Sentence:
        return say("metallb.effect", pool=self.pool)

    def commands(self) -> list[str]:
        kinds = (IP_ADDRESS_POOL, L2_ADVERTISEMENT, METALLB_CONFIGURATION_STATE)
        return [kubectl_get(kind, namespace=HOME, context=self.plane, output="yaml") for kind in kinds]

    def look(self) -> Finding:
        plane, words = installer_client(self.plane), {"pool": self.pool}
        found = next((room for room in rooms(plane) if room.name == self.pool), None)
        if found is None:
            return self._found(Verdict.FAIL, "effect_gone", **words)
        wanted = objects.addresses(self.ranges)
        if objects.addresses(found.ranges) != wanted:
            return self._found(Verdict.FAIL, "effect_other", found=list(found.ranges), wanted=wanted, **words)
        if not found.announced:
            return self._found(Verdict.FAIL, "effect_silent", **words)
        if refused := objects.refusals(listed(plane, METALLB_CONFIGURATION_STATE)):
            fix = say("metallb.effect_fix", plane=self.plane)
            return replace(self._found(Verdict.FAIL, "effect_refused", why=list(refused)), fix=fix)
        said = say("metallb.effect_yes", plane=self.plane, free=found.free, total=found.total, **words)
        return Finding(Verdict.PASS, said, facts={"pool": found.to_json()})


@actions.register
@dataclass(frozen=True)
class HasRoom(OnPlane):
    """The pool has a free address for each of these services (`namespace/name`) that has none of it yet.

    That there is no such pool is only warned of: the database works, and clients get addresses once it is there.
    """

    slug: ClassVar[str] = "metallb-has-room"
    plane: str
    pool: str
    services: list[str]

    def label(self) -> Sentence:
        return say("metallb.room", pool=self.pool)

    def commands(self) -> list[str]:
        return [kubectl_get(IP_ADDRESS_POOL, self.pool, HOME, context=self.plane, output="yaml")]

    def look(self) -> Finding:
        plane = client(self.plane)
        try:
            found = next((room for room in rooms(plane) if room.name == self.pool), None)
        except Forbidden as error:
            return Finding(Verdict.WARN, error.sentence)
        if found is None:
            return self._found(Verdict.WARN, "room_none", pool=self.pool)
        needed = len(set(self.services) - set(users_of(plane, self.pool)))
        words = {"needed": needed, "free": found.free, "total": found.total}
        if found.free >= needed:
            return self._found(Verdict.PASS, "room_yes", **words)
        fix = say("metallb.room_fix", plane=self.plane)
        return replace(self._found(Verdict.FAIL, "room_not", pool=self.pool, **words), fix=fix)


@actions.register
@dataclass(frozen=True)
class Unused(OnPlane):
    """No service has an address of the pool: it would lose it."""

    slug: ClassVar[str] = "metallb-unused"
    plane: str
    pool: str

    def label(self) -> Sentence:
        return say("metallb.unused", pool=self.pool)

    def commands(self) -> list[str]:
        return [kubectl_get(SERVICE, context=self.plane, output="wide")]

    def look(self) -> Finding:
        users = users_of(client(self.plane), self.pool)
        if not users:
            return self._found(Verdict.PASS, "unused_yes", pool=self.pool)
        return self._found(Verdict.FAIL, "unused_not", pool=self.pool, count=len(users), names=users[:SHOWN])


@actions.register
@dataclass(frozen=True)
class NothingLeft(OnPlane):
    """No pool is there, and no service has an address: removing the chart removes its pools, and so the addresses."""

    slug: ClassVar[str] = "metallb-nothing-left"
    plane: str
    but: str = ""
    """The pool that goes with it."""

    def label(self) -> Sentence:
        return say("metallb.nothing_left")

    def commands(self) -> list[str]:
        return [
            kubectl_get(IP_ADDRESS_POOL, namespace=HOME, context=self.plane),
            kubectl_get(SERVICE, context=self.plane, output="wide"),
        ]

    def look(self) -> Finding:
        plane = client(self.plane)
        users = users_of(plane)
        if users:
            return self._found(Verdict.FAIL, "nothing_left_users", count=len(users), names=users[:SHOWN])
        names = {one["metadata"]["name"] for one in listed(plane, IP_ADDRESS_POOL)}
        if pools := sorted(names - {self.but}):
            return self._found(Verdict.FAIL, "nothing_left_pools", names=pools)
        return self._found(Verdict.PASS, "nothing_left_yes")


@actions.register
@dataclass(frozen=True)
class Gone(OnPlane):
    """The plane serves MetalLB's kinds no more."""

    slug: ClassVar[str] = "metallb-gone"
    plane: str

    def label(self) -> Sentence:
        return say("metallb.gone")

    def commands(self) -> list[str]:
        return [kubectl_get(DEPLOYMENT, namespace=HOME, context=self.plane)]

    def look(self) -> Finding:
        if installed(client(self.plane)):
            return self._found(Verdict.WAIT, "gone_not", namespace=HOME)
        return Finding(Verdict.PASS, say("metallb.gone_yes", plane=self.plane), facts={"installed": False})
