"""How clients reach a database, for the part of its page that says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from kbconsole.common.sentences import Json
from placements import connecting
from placements.addresses_dns import configured_zone
from placements.addresses_kept import connection_of
from placements.connection import same_ports
from placements.models import ClientAccess, Placement, Status

STANDING = (Status.IN_SERVICE, Status.ATTENTION)


def connect_context(
    placement: Placement, observed: Mapping[str, Json], why_not: str, busy: str
) -> dict[str, Any]:
    """Return what the section shows. Two queries. `why_not` and `busy` keep a person from acting, now or at all."""
    if placement.status not in STANDING:
        return {"bundle": None, "peer_port": placement.kind_of_engine.peer_port}
    access = ClientAccess.objects.filter(placement=placement).first()
    rows = list(placement.addresses.all()) if access else []
    bundle = connection_of(placement, access=access, rows=rows, observed=observed)
    problem = connecting.refusal(placement)
    return {
        "bundle": bundle,
        "access": access,
        "addresses": rows,
        "lacking": [row for row in rows if row.problem],
        "changed": [row for row in rows if row.changed_at],
        "same_ports": same_ports(bundle.endpoints),
        "serves_outside": bool(placement.profile.outside),
        "dns_zone": configured_zone(),
        "dns_follows": bool(access and access.zone),
        "dns_seconds": int(settings.KBCONSOLE_CHECK_SECONDS),
        "why_no_addresses": busy or (str(problem) if problem else ""),
        "why_no_taking": busy,
        "why_no_telling": why_not,
        "peer_port": placement.kind_of_engine.peer_port,
    }
