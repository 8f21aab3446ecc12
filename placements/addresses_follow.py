"""Keeping client addresses and the name in DNS as the planes have them: during a run, and between runs."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.utils import timezone

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Json
from kbconsole.fleet.access import client, probes
from kbconsole.fleet.identity import uid_of_plane
from kbconsole.fleet.models import Plane
from kbconsole.jobs import lanes
from kbconsole.jobs.models import ACTIVE, Run
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.errors import KubeError
from networking.kinds.nodes import NodeChoice
from placements import addresses_dns
from placements.addresses_kept import bundle_of, choice_of, is_news, keep, nodes_of_pods, sights_of
from placements.addresses_read import always, read_clients
from placements.losses import RUNNING
from placements.models import SUBJECT, ClientAccess

logger = logging.getLogger(__name__)
MOST_THREADS = 16
Key = tuple[str, str]
"""Namespace and name of a database."""


def refresh(row: ClientAccess) -> None:
    """Ask the planes of one database now. Raises KubeError."""
    placement = row.placement
    for plane in placement.planes:
        choice = choice_of(row.outside, row.outside_config, plane)
        answer = read_clients(
            client(plane), plane, always(choice), nodes_of_pods(placement),
            database=placement.name, namespace=placement.namespace,
        )  # fmt: skip
        keep(row.pk, plane, answer, timezone.now())


def follow(row: ClientAccess, *, anew: bool = False, silent: Collection[str] | None = None) -> bool:
    """Let the name lead to the leader that was seen last. False: the zone was told so already. Raises ConsoleError.

    `anew` tells it again: somebody may have changed the zone meanwhile. `silent` planes have no leader.
    While no replica leads, or the leader has no address, the name keeps what it has: a client may find that it works
    again, and never finds nothing. Before any replica has an address, nothing is written.
    """
    placement = row.placement
    away = lanes.silent() if silent is None else silent
    bundle = bundle_of(placement, placement.addresses.all(), row.zone, away)
    if not bundle.endpoints or (bundle.leader is None and row.records.get(bundle.record_name)):
        return False
    records = addresses_dns.to_json(bundle.records())
    if records == row.records and not anew:
        return False
    if fresh := [name for name in records if name not in row.records]:
        # Before they are written: whoever is stopped in between still knows what to take out of the zone.
        _store(row, records={**{name: {} for name in fresh}, **row.records})
    addresses_dns.write(row.zone, bundle.record_name, row.mark, records, row.records)
    _store(row, records=records, written_at=timezone.now(), tried_at=timezone.now(), problem=None)
    return True


def _store(row: ClientAccess, **changes: Any) -> None:
    for name, value in changes.items():
        setattr(row, name, value)
    ClientAccess.objects.filter(pk=row.pk).update(**changes)


def keep_current() -> None:
    """Read the client services of every database, all planes at once, and let names follow the leaders."""
    rows = {(row.placement.namespace, row.placement.name): row for row in _idle()}
    planes = sorted({plane for row in rows.values() for plane in row.placement.planes})
    at, answers = timezone.now(), _asked(planes, rows)
    for plane, answer in answers.items():
        for row in rows.values():
            known = [one for one in row.placement.addresses.all() if one.plane == plane]
            if plane in row.placement.planes and is_news(known, sights_of(row, plane, answer), at):
                keep(row.pk, plane, answer, at)
    silent = lanes.silent()
    for row in rows.values():
        if row.zone and not _follow_quietly(row.pk, silent):
            return  # each name would wait for the same server


def _idle(**only: Any) -> list[ClientAccess]:
    """Return those of living databases without a run: a run looks for itself, and may just be removing them."""
    running = Run.objects.filter(subject_kind=SUBJECT, status__in=ACTIVE)
    busy = {int(pk) for pk in running.values_list("subject_id", flat=True)}
    rows = ClientAccess.objects.filter(placement__status__in=RUNNING, **only).select_related("placement")
    rows = rows.prefetch_related("placement__addresses")
    return [row for row in rows if row.placement_id not in busy]


def _asked(planes: Sequence[str], rows: Mapping[Key, ClientAccess]) -> dict[str, dict[str, Json]]:
    """Ask each plane once for the services of all databases. Planes without a usable answer are left out."""
    if not planes:
        return {}
    uids = dict(Plane.objects.filter(name__in=planes).values_list("name", "uid"))
    runs_on = {pod: node for row in rows.values() for pod, node in nodes_of_pods(row.placement).items()}
    clients = probes(planes)
    with ThreadPoolExecutor(min(MOST_THREADS, len(planes)), thread_name_prefix="addresses") as pool:
        asked = {
            plane: pool.submit(_ask, plane, one, uids.get(plane, ""), rows, runs_on)
            for plane, one in clients.items()
        }
    found = {plane: future.result() for plane, future in asked.items()}
    return {plane: answer for plane, answer in found.items() if answer is not None}


def _ask(
    plane: str, one: PlaneClient, uid: str, rows: Mapping[Key, ClientAccess], runs_on: Mapping[str, str]
) -> dict[str, Json] | None:
    def choice(service: Mapping[str, Any]) -> NodeChoice | None:
        row = rows.get((service["namespace"], service["database"]))
        return choice_of(row.outside, row.outside_config, plane) if row else None

    try:
        return read_clients(one, plane, choice, runs_on) if uid_of_plane(one) == uid else None
    except KubeError:
        return None  # the checker tells of a silent plane; here what was read last stays, with its age


def _follow_quietly(pk: int, silent: Collection[str]) -> bool:
    """Let one name follow, as its row is by now: a run may have begun, or removed it. False: the server is silent."""
    for row in _idle(pk=pk):
        try:
            if row.zone:
                follow(row, silent=silent)
        except ConsoleError as error:
            logger.warning("%s", error.sentence)
            _store(row, problem=error.sentence.to_json(), tried_at=timezone.now())
            return not isinstance(error, addresses_dns.Silent)
        if row.problem is not None:
            _store(row, problem=None)
    return True
