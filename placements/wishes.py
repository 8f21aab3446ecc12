"""What somebody asks for, and everything that can be wrong with it before any plane is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.fleet.models import Plane
from networking.models import Profile
from networking.planes import plane_facts
from placements.addresses_dns import configured_zone
from placements.engines.base import ENGINES, DefinitionFact, Engine, engine_named
from placements.fitting import unfitness
from placements.models import OVER, Placement, WriteWay
from placements.names import name_problem, namespace_problem, plane_problems
from placements.plane_choice import cannot
from placements.rendering import TerminationPolicy
from placements.sizes import OWN, SIZES, QuantityRefused, cpu_cores, disk_problem, memory_bytes

declare(
    {
        "wish.wrong": _("%(count)s fields need another value. Nothing was stored, nothing was sent."),
        "wish.engine": _("The console knows no engine called “%(engine)s”."),
        "wish.size": _("Choose one of the sizes, or own figures."),
        "wish.policy": _("Choose what happens with the data when the database is deleted."),
        "wish.profile": _("Choose one of the network profiles."),
        "wish.profile_gone": _(
            "This console has no network kind “%(kind)s” any more, so %(profile)s cannot be used. Choose another "
            "profile."
        ),
        "wish.write_way": _("Choose one of the ways, or leave it to the console."),
        "wish.write_way_client": _(
            "Clients of %(engine)s do not find the replica that takes writes by themselves. Choose a name in DNS or a "
            "proxy."
        ),
        "wish.team": _("Choose one of your teams, or none."),
        "wish.team_stays": _("The request keeps its team. To give it to another one, hand it over."),
        "wish.plane_unknown": _(
            "%(plane)s is not registered as a data plane. Add it under Fleet, or choose another."
        ),
        "wish.name_taken": _(
            "%(owner)s already has a database %(namespace)s/%(name)s (%(status)s). Choose another name."
        ),
        "wish.no_control_plane": _(
            "No control plane is registered yet. Ask an administrator to add it under Fleet."
        ),
    }
)


class WishRefused(ConsoleError):
    """Some fields cannot be as they are: `fields` maps a field's name to its sentences."""

    status = 422

    def __init__(self, fields: Mapping[str, list[Sentence]]) -> None:
        super().__init__("wish.wrong", count=len(fields))
        self.fields = dict(fields)


@dataclass(frozen=True)
class Wish:
    """A request for a database, in a DBA's words. `cpu` and `memory` count only with the size `own`."""

    name: str
    namespace: str
    engine: str
    replicas: int
    planes: tuple[str, ...]
    profile: int
    size: str = "s"
    cpu: str = ""
    memory: str = ""
    disk_gib: int | None = None
    termination_policy: str = TerminationPolicy.DO_NOT_TERMINATE
    purpose: str = ""
    ticket: str = ""
    team: int | None = None
    write_way: str = ""
    """By what clients find the replica that takes writes (`WriteWay`); "": as the console proposes."""

    def with_figures(self) -> Wish:
        """Return the wish with the size's figures written out."""
        size = SIZES.get(self.size)
        if size is None:
            return self
        return replace(self, cpu=size.cpu, memory=size.memory, disk_gib=self.disk_gib or size.disk_gib)


Problems = dict[str, list[Sentence]]


def problems(wish: Wish, *, apart_from: int | None = None) -> Problems:
    """Return what is wrong, by field; empty when a plan may be made. Reads only the database.

    `apart_from` is the placement that the wish replaces, whose name it may keep.
    """
    found: Problems = {}
    engine = engine_named(wish.engine) if wish.engine in ENGINES else None
    profile = Profile.objects.filter(pk=wish.profile).first()
    if engine is None:
        found["engine"] = [say("wish.engine", engine=wish.engine)]
    else:
        _add(found, "replicas", engine.replica_problem(wish.replicas))
        _add(found, "name", name_problem(wish.name, engine, min(max(wish.replicas, 1), engine.most_replicas)))
    _add(found, "namespace", namespace_problem(wish.namespace))
    if wish.termination_policy not in TerminationPolicy.__members__.values():
        found["termination_policy"] = [say("wish.policy")]
    if profile is not None and profile.outside:  # else nobody is asked, and what is there counts for nothing
        _add(found, "write_way", write_way_problem(wish.write_way, engine))
    _figures(found, wish, profile)
    _planes(found, wish, profile, engine)
    if profile is not None and (refused := network_refusals(profile, engine, wish.planes)):
        found["profile"] = refused
    if "name" not in found:
        _add(found, "name", _taken(wish, apart_from))
    return found


def proposed_way(engine: Engine | None) -> WriteWay:
    """Return what a request asks for that leaves it open: a name where the console can write one."""
    if configured_zone():
        return WriteWay.NAME
    return WriteWay.CLIENT if engine is None or engine.follows_itself else WriteWay.PROXY


def possible_way(way: str, engine: Engine | None) -> str:
    """Return the way if there is one and it can be; else what the console proposes."""
    return way if way and not write_way_problem(way, engine) else str(proposed_way(engine))


def write_way_problem(way: str, engine: Engine | None) -> Sentence | None:
    """Return why clients cannot find the replica that takes writes in this way, or None."""
    if way and way not in WriteWay:
        return say("wish.write_way")
    if way == WriteWay.NAME and not configured_zone():
        return say("clients.dns_off")
    if way == WriteWay.CLIENT and engine is not None and not engine.follows_itself:
        return say("wish.write_way_client", engine=str(engine.label))
    return None


def network_refusals(profile: Profile, engine: Engine | None, planes: Sequence[str] = ()) -> list[Sentence]:
    """Return why the profile cannot be chosen: the console lost its kind, or the engine cannot use it."""
    network = profile.network
    if not network.known:
        return [say("wish.profile_gone", profile=profile.name, kind=network.missing)]
    return unfitness(engine, network, plane_facts(planes) if planes else ()) if engine else []


def _add(found: Problems, field: str, problem: Sentence | None) -> None:
    if problem is not None:
        found.setdefault(field, []).append(problem)


def _figures(found: Problems, wish: Wish, profile: Profile | None) -> None:
    if wish.size not in SIZES and wish.size != OWN:
        found["size"] = [say("wish.size")]
        return
    full = wish.with_figures()
    for field, read in (("cpu", cpu_cores), ("memory", memory_bytes)):
        try:
            read(getattr(full, field))
        except QuantityRefused as refused:
            found[field] = [refused.sentence]
    if profile is None:
        found["profile"] = [say("wish.profile")]
        return
    network = profile.network
    if not network.known:
        return
    minimum, reason = network.minimum_disk_gib(), network.minimum_disk_reason()
    _add(found, "disk_gib", disk_problem(full.disk_gib or 0, minimum, reason))


def _planes(found: Problems, wish: Wish, profile: Profile | None, engine: Engine | None) -> None:
    known = {plane.name: plane for plane in Plane.objects.filter(name__in=wish.planes, is_data_plane=True)}
    control = Plane.objects.filter(is_control_plane=True).first()
    if control is None:
        found["planes"] = [say("wish.no_control_plane")]
        return
    said = [say("wish.plane_unknown", plane=plane) for plane in wish.planes if plane not in known]
    said = said or plane_problems(wish.planes, control.operator_contexts) or _unusable(wish, known, control)
    if profile is not None and profile.network.known and not said:
        facts = plane_facts(wish.planes)
        said += profile.network.problems(facts)
        for problem in profile.network.unreached(wish.namespace, facts):
            _add(found, "namespace", problem)
    if said:
        found["planes"] = said
    if engine is not None and control.definitions:
        facts_of = [DefinitionFact(**fact) for fact in control.definitions]
        chosen = engine.choose_definition(control.release_line, facts_of)
        _add(found, "engine", chosen if isinstance(chosen, Sentence) else None)


def _unusable(wish: Wish, known: Mapping[str, Plane], control: Plane) -> list[Sentence]:
    reasons = {name: cannot(known[name], control) for name in wish.planes}
    return [say("form.plane_cannot", plane=name, reason=reason) for name, reason in reasons.items() if reason]


def _taken(wish: Wish, apart_from: int | None) -> Sentence | None:
    living = Placement.objects.filter(namespace=wish.namespace, name=wish.name).exclude(status__in=OVER)
    other = living.exclude(pk=apart_from or 0).select_related("owner").first()
    if other is None:
        return None
    params: dict[str, Any] = {
        "owner": other.owner.get_username(),
        "status": say(f"placement_status.{other.status}"),
    }
    return say("wish.name_taken", namespace=wish.namespace, name=wish.name, **params)
