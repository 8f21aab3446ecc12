"""The summary beside the form: what a request would become, from whatever could be read of it so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from kbconsole.common.sentences import Sentence
from kbconsole.fleet.models import Plane
from kbconsole.jobs.pages import listed
from networking.models import Profile
from networking.planes import plane_facts
from placements.addresses_dns import configured_zone
from placements.connection import record_name
from placements.engines.base import Chosen, DefinitionFact, Engine, engine_named
from placements.forms import WishForm
from placements.jobs import PlaceDatabase
from placements.models import WriteWay
from placements.names import DatabaseNames, longest_name, name_problem, names_of, plane_problems
from placements.sizes import OWN, SIZES, QuantityRefused, figures_warning
from placements.verdict import Survival, survival
from placements.wishes import proposed_way


@dataclass
class Summary:
    """Parts are None or empty where the form does not say enough yet."""

    survival: Survival | None = None
    why_not: list[Sentence] = field(default_factory=list)
    names: DatabaseNames | None = None
    longest: int = 0
    definition: str = ""
    name_problem: Sentence | None = None
    profile: Profile | None = None
    load_balancers: int = 0
    vips: int = 0
    """How many addresses clients' services take on the planes."""
    dns_name: str = ""
    """The name in DNS that would follow the leader."""
    why_not_network: list[Sentence] = field(default_factory=list)
    """Why the network cannot serve the chosen planes."""
    minimum_disk: int = 0
    minimum_disk_reason: Sentence | None = None
    cpu: str = ""
    memory: str = ""
    disk_gib: int = 0
    approvals: int = 0
    why_more: list[str] = field(default_factory=list)
    """Why more than one administrator has to agree."""
    cautions: list[Sentence] = field(default_factory=list)

    @property
    def disk_too_small(self) -> bool:
        return bool(self.disk_gib and self.disk_gib < self.minimum_disk)

    @property
    def landings(self) -> list[dict[str, Any]]:
        """Each replica with its plane and the pod's name, as far as it follows."""
        if self.survival is None:
            return []
        pods = self.names.pods if self.names else ()
        return [
            {
                "ordinal": landing.ordinal,
                "plane": landing.plane,
                "pod": pods[landing.ordinal] if pods else "",
            }
            for landing in self.survival.landings
        ]


def planned_definition(engine: Engine, control: Plane | None) -> Chosen | Sentence:
    """Return the definition that the control plane offered when it was last read, or why there is none."""
    line = control.release_line if control else ""
    facts = [DefinitionFact(**fact) for fact in control.definitions] if control else []
    return engine.choose_definition(line, facts)


def planned_names(
    name: str, engine: Engine, replicas: int, control: Plane | None
) -> tuple[DatabaseNames, Chosen]:
    """Return the names that follow; where the definition is not known yet, those of the guide's."""
    chosen = planned_definition(engine, control)
    if isinstance(chosen, Sentence):
        chosen = Chosen("", control.release_line if control else "", "", engine.peer_service)
    return names_of(name, engine, chosen, replicas), chosen


def summary_of(form: WishForm) -> Summary:
    """Return what the form's values mean, whether they are complete or not."""
    values, said = form.sketch(), Summary()
    engine = engine_named(values["engine"]) if values["engine"] else None
    if engine is not None:
        _where(said, values, engine, form.control)
    said.profile = next((one for one in form.profiles if one.pk == values["profile"]), None)
    _figures(said, values)
    if said.profile is not None:
        _network(said, said.profile, values)
    return said


def _where(said: Summary, values: Mapping[str, Any], engine: Engine, control: Plane | None) -> None:
    planes: Sequence[str] = values["planes"] or []
    replicas = values["replicas"]
    wrong = engine.replica_problem(replicas) if replicas is not None else None
    contexts = control.operator_contexts if control else []
    said.why_not = [*([wrong] if wrong else []), *plane_problems(planes, contexts)]
    if replicas is None or wrong:
        return
    if not said.why_not:
        said.survival = survival(replicas, planes, engine)
    name = values["name"] or ""
    said.longest = longest_name(engine, replicas)
    said.name_problem = name_problem(name, engine, replicas) if name else None
    if name and not said.name_problem:
        said.names, chosen = planned_names(name, engine, replicas, control)
        said.definition = chosen.definition


def _figures(said: Summary, values: Mapping[str, Any]) -> None:
    size = SIZES.get(values["size"] or "")
    if size is not None:
        said.cpu, said.memory = size.cpu, size.memory
    elif values["size"] == OWN:
        said.cpu, said.memory = values["cpu"] or "", values["memory"] or ""
    said.disk_gib = values["disk_gib"] or (size.disk_gib if size else 0)
    try:
        warning = figures_warning(said.cpu, said.memory) if said.cpu and said.memory else None
    except QuantityRefused:
        warning = None
    said.cautions += [warning] if warning else []


def _network(said: Summary, profile: Profile, values: Mapping[str, Any]) -> None:
    network, replicas = profile.network, values["replicas"] or 0
    if not network.known:
        said.profile = None
        return
    said.load_balancers, said.vips = network.load_balancers(replicas), network.vips(replicas)
    said.minimum_disk, said.minimum_disk_reason = network.minimum_disk_gib(), network.minimum_disk_reason()
    if profile.outside and values["name"] and values["namespace"]:
        way = values["write_way"] or proposed_way(None)
        zone = configured_zone() if way == WriteWay.NAME else ""
        said.dns_name = (
            f"{record_name(values['name'], values['namespace'])}.{zone}".rstrip(".") if zone else ""
        )
    planes = plane_facts(values["planes"] or [])
    said.cautions += network.cautions(planes)
    said.why_not_network = network.problems(planes)
    policy = values["termination_policy"] or ""
    job = PlaceDatabase(
        placement=0, name="", namespace="", engine="", replicas=0, planes=[], profile=profile.pk,
        kind=network.kind, config=dict(network.config), outside=network.outside,
        outside_config=dict(network.outside_config), cpu="", memory="", disk_gib=0, termination_policy=policy,
        profile_version=profile.version,
    )  # fmt: skip
    said.approvals, said.why_more = job.approvals_needed(), job.approval.why(job)


def approvers(said: Summary) -> str:
    """Return who has to agree, in a sentence."""
    if said.approvals < 2:
        return _("One administrator who did not ask for this.")
    words = {"n": said.approvals, "why": listed(said.why_more)}
    if said.approvals == 2:
        return _("Two administrators who did not ask for this, because %(why)s.") % words
    return _("%(n)s administrators who did not ask for this, because %(why)s.") % words
