"""How clients reach a database, for the part of its page that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from kbconsole.common.sentences import Json
from placements import connecting
from placements.addresses_dns import configured_zone
from placements.addresses_kept import bundle_of, bundle_of_services
from placements.connection import Bundle, same_ports
from placements.models import ClientAccess, ClientAddress, Placement, Status
from placements.observation import client_endpoints

STANDING = (Status.IN_SERVICE, Status.ATTENTION)


def connection_of(placement: Placement, observed: Mapping[str, Json] | None = None) -> Bundle:
    """Return what clients need now, of the console's own services or, where there are none, of the definition's."""
    return _bundle(placement, *_rows(placement), observed)


def _rows(placement: Placement) -> tuple[ClientAccess | None, list[ClientAddress]]:
    access = ClientAccess.objects.filter(placement=placement).first()
    return access, list(placement.addresses.all()) if access else []


def _bundle(
    placement: Placement,
    access: ClientAccess | None,
    rows: Sequence[ClientAddress],
    observed: Mapping[str, Json] | None,
) -> Bundle:
    zone = (access.zone if access else "") or configured_zone()
    if rows:
        return bundle_of(placement, rows, zone)
    seen = placement.observed if observed is None else observed
    return bundle_of_services(placement, client_endpoints(seen, placement.kind_of_engine), zone)


def connect_context(
    placement: Placement, observed: Mapping[str, Json], why_not: str, busy: str
) -> dict[str, Any]:
    """Return what the section shows. Two queries. `why_not` and `busy` keep a person from acting, now or at all."""
    if placement.status not in STANDING:
        return {"bundle": None, "peer_port": placement.kind_of_engine.peer_port}
    access, rows = _rows(placement)
    bundle = _bundle(placement, access, rows, observed)
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
