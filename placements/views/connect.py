"""How clients reach a database, for the part of its page that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from kbconsole.common.sentences import Json, Sentence, say
from kbconsole.jobs.models import Run
from placements import connecting
from placements.addresses import client_service
from placements.addresses_dns import configured_zone
from placements.addresses_kept import connection_of
from placements.connection import same_ports
from placements.jobs import GiveAddresses
from placements.jobs.for_clients import access_of, clients_by
from placements.models import STANDING, ClientAccess, ClientAddress, Placement
from placements.views.replicas import Replica


def connect_context(
    placement: Placement,
    observed: Mapping[str, Json],
    replicas: Sequence[Replica],
    *,
    active: Run | None,
    why_not: str,
    busy: str,
) -> dict[str, Any]:
    """Return what the section shows. A few queries. `why_not` and `busy` keep a person from acting, now or at all.

    `active` is the run that is under way.
    """
    if placement.status not in STANDING:
        return {"bundle": None, "peer_port": placement.kind_of_engine.peer_port}
    access = access_of(placement)
    rows = list(placement.addresses.all()) if access else []
    away = {replica.plane for replica in replicas if replica.silent}
    bundle = connection_of(placement, access=access, rows=rows, observed=observed, silent=away)
    return {
        "bundle": bundle,
        "access": access,
        "addresses": rows,
        "lacking": _lacking(rows, replicas),
        "changed": [row for row in rows if row.changed_at],
        "away": away,
        "giving": active if active and active.job == GiveAddresses.slug else None,
        "peers_seen": any(replica.addresses for replica in replicas),
        "same_ports": same_ports(bundle.endpoints),
        "retiring": connecting.being_retired(placement),
        "dns_zone": configured_zone(),
        "dns_follows": bool(access and access.zone),
        "dns_wanted": access.zone if access else placement.write_way == "dns",
        "dns_seconds": int(settings.KBCONSOLE_CHECK_SECONDS),
        "why_no_taking": busy,
        "why_no_telling": why_not,
        "peer_port": placement.kind_of_engine.peer_port,
        **_giving(placement, access, busy),
    }


def _giving(placement: Placement, access: ClientAccess | None, busy: str) -> dict[str, Any]:
    """Return which version of the profile counts for clients, whether there is a newer one, and why none can be.

    `only_newer`: the newer one can be, and the one that counts until now cannot; `why_only` says why.
    """
    now = clients_by(placement, access)
    newer = connecting.newer_for(placement, now)
    problem = connecting.refusal(placement, now)
    instead = connecting.refusal(placement, placement.profile) if problem and newer else None
    only = bool(newer and problem and (not instead or not now.outside))
    why_only = problem if only and now.outside else None
    problem = None if busy else (instead if only else problem)
    return {
        "serves_outside": bool(now.outside or newer),
        "version": now.version,
        "newer": newer,
        "only_newer": only,
        "why_only": why_only,
        "why_no_addresses": busy or (str(problem) if problem else ""),
    }


def _lacking(rows: Sequence[ClientAddress], replicas: Sequence[Replica]) -> list[Sentence]:
    """Return, for each replica without an address, why: also for one whose service was never made."""
    known = {row.ordinal for row in rows}
    never = [one for one in replicas if rows and one.ordinal not in known]
    found = [Sentence.from_json(row.problem) for row in rows if row.problem]
    return found + [say("clients.gone", plane=one.plane, service=client_service(one.name)) for one in never]
