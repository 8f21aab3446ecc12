"""What was seen of a placement's replicas, for dots, badges and tables. What nobody saw is unknown, never well."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kbconsole.common.sentences import Json
from kbconsole.fleet.models import Plane
from placements.jobs import known_definition
from placements.models import OVER, Placement, Status
from placements.names import DatabaseNames, names_of
from placements.observation import replica_rows
from placements.views.summary import planned_names

READY, NOT_READY, ABSENT, UNKNOWN, PLANNED = "ready", "not_ready", "absent", "unknown", "planned"
_WORDS = {
    READY: gettext_lazy("ready"),
    NOT_READY: gettext_lazy("not ready"),
    ABSENT: gettext_lazy("not there"),
    UNKNOWN: gettext_lazy("unknown"),
    PLANNED: gettext_lazy("planned"),
}
_TONES = {READY: "ok", NOT_READY: "bad", ABSENT: "bad", UNKNOWN: "quiet", PLANNED: "quiet"}


@dataclass(frozen=True)
class Replica:
    """One replica: where it should run, and what was seen there."""

    ordinal: int
    plane: str
    name: str
    state: str
    pod: Mapping[str, Any]
    service: Mapping[str, Any]
    busy: bool = False
    silent: bool = False
    leader_role: str = ""
    read_at: datetime | None = None

    @property
    def leader(self) -> bool:
        return self.state == READY and self.pod.get("role") == self.leader_role

    @property
    def word(self) -> str:
        return str(_WORDS[self.state])

    @property
    def tone(self) -> str:
        return "busy" if self.busy and self.state in (NOT_READY, ABSENT) else _TONES[self.state]

    @property
    def label(self) -> str:
        return _("%(name)s on %(plane)s: %(state)s") % {
            "name": self.name, "plane": self.plane, "state": self.word,
        }  # fmt: skip

    @property
    def addresses(self) -> list[str]:
        """Where other replicas reach it: load balancers, or the address inside the mesh."""
        found = [str(address) for address in self.service.get("addresses") or []]
        inside = self.service.get("cluster_ip")
        return found or ([str(inside)] if inside and inside != "None" else [])


def seen_times(placement: Placement) -> dict[str, datetime]:
    """Return when each plane was read last; one that was never read is left out."""
    seen: Mapping[str, Json] = placement.observed or {}
    times = {plane: parse_datetime(there.get("seen_at") or "") for plane, there in seen.items()}
    return {plane: at for plane, at in times.items() if at}


def names_for(placement: Placement, control: Plane | None = None) -> DatabaseNames:
    """Return the placement's names: those of the definition that its run used, else the planned ones."""
    engine = placement.kind_of_engine
    if placement.definition:
        return names_of(placement.name, engine, known_definition(placement), placement.replicas)
    return planned_names(placement.name, engine, placement.replicas, control)[0]


def replicas_of(
    placement: Placement,
    *,
    silent: Collection[str],
    observed: Mapping[str, Json] | None = None,
    control: Plane | None = None,
    read_at: Mapping[str, datetime] | None = None,
) -> list[Replica]:
    """Return the replicas in order; `observed` replaces what the placement itself remembers."""
    names = names_for(placement, control)
    seen: Mapping[str, Json] = (placement.observed if observed is None else observed) or {}
    if placement.status in OVER:
        seen = {}
    rows = replica_rows(seen, names.pods, placement.planes, names.pod_services)
    replicas = [_replica(placement, row, seen, silent) for row in rows]
    return [replace(one, read_at=(read_at or {}).get(one.plane)) for one in replicas]


def _replica(
    placement: Placement, row: Mapping[str, Any], seen: Mapping[str, Json], silent: Collection[str]
) -> Replica:
    pod, plane = row["pod"] or {}, row["plane"]
    return Replica(
        ordinal=row["ordinal"], plane=plane, name=row["name"], pod=pod, service=row["service"] or {},
        state=_state(placement, plane, pod, seen, silent), busy=placement.status == Status.APPLYING,
        silent=plane in silent, leader_role=placement.kind_of_engine.leader_role,
    )  # fmt: skip


def _state(placement: Placement, plane: str, pod: Any, seen: Any, silent: Collection[str]) -> str:
    if placement.status == Status.WAITING or placement.status in OVER:
        return PLANNED
    if plane in silent or "pods" not in seen.get(plane, {}):
        return UNKNOWN
    if not pod:
        return ABSENT
    return READY if pod.get("ready") else NOT_READY


def health_of(placement: Placement, replicas: Sequence[Replica]) -> str:
    """Return a key of the health badges, or an empty text where there is no database to be well or ill."""
    if placement.status == Status.WAITING or placement.status in OVER:
        return ""
    states = [replica.state for replica in replicas]
    ready = states.count(READY)
    if ready == len(states):
        return "healthy"
    if UNKNOWN in states:
        return "unknown"
    return "degraded" if ready >= placement.kind_of_engine.quorum(len(states)) else "down"


def match_of(placement: Placement, silent: Collection[str]) -> str:
    """Return a key of the badges "matches plan": only a proof that every plane could still confirm counts."""
    if placement.status == Status.WAITING or placement.status in OVER:
        return ""
    proven = placement.status == Status.IN_SERVICE and placement.proven_at
    return "matches" if proven and not set(placement.planes) & set(silent) else "unknown"


def verdict_of(placement: Placement) -> tuple[bool, str]:
    """Return whether any one plane may be lost, and the same in a few words."""
    fatal = [loss.plane for loss in placement.survival.losses if not loss.kept]
    if not fatal:
        return True, _("survives the loss of any one plane")
    return False, _("stops without %(planes)s") % {"planes": _(" or ").join(fatal)}
