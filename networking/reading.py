"""Asking planes what kinds want to know of them: beat does it for all. Pages show what was kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.utils import timezone

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Json
from kbconsole.fleet.access import probes
from kbconsole.fleet.asking import as_they_come
from kbconsole.fleet.identity import other_plane, uid_of_plane
from kbconsole.fleet.models import Plane
from kbconsole.k8s.client import PlaneClient
from networking.keeping import Rows, due
from networking.kinds.keeping import READERS, Reader

READ_EVERY = timedelta(minutes=5)
Told = Mapping[str, Json | ConsoleError]
"""What a plane answered to each reader, by slug: facts, or why there are none."""


def read_due() -> int:
    """Ask every data plane that answers what was not asked of it for a while, all at once. Returns how many readers."""
    planes = {plane.name: plane for plane in Plane.objects.data_planes() if not plane.silent}
    wanted = _wanted(planes)

    def question(client: PlaneClient) -> Told:
        return _told(client, planes[client.plane].uid, wanted[client.plane])

    clients = probes(wanted)
    for name in set(wanted) - set(clients):
        error = ConsoleError("fleet.no_credential", plane=name)
        _keep(name, {reader.slug: error for reader in wanted[name]})
    for answers in as_they_come(clients, question):
        for name, told in answers.items():
            _keep(name, told)
    return sum(map(len, wanted.values()))


def _wanted(planes: Mapping[str, Plane]) -> dict[str, list[Reader]]:
    """Return the readers whose time has come, by plane. One query for each reader."""
    before, found = timezone.now() - READ_EVERY, dict[str, list[Reader]]()
    for made in READERS:
        for plane in due(made.slug, planes.values(), before):
            found.setdefault(plane.name, []).append(made())
    return found


def _told(client: PlaneClient, uid: str, readers: Sequence[Reader]) -> Told:
    """Let the readers look at a plane, if it is the one that was registered. Writes nothing: it runs in a thread."""
    try:
        if uid_of_plane(client) != uid:
            raise other_plane(client.plane)
    except ConsoleError as error:
        return dict.fromkeys((reader.slug for reader in readers), error)
    return {reader.slug: _read(reader, client) for reader in readers}


def _read(reader: Reader, client: PlaneClient) -> Json | ConsoleError:
    try:
        return reader.read(client)
    except ConsoleError as error:
        return error


def _keep(plane: str, told: Told) -> None:
    """Keep what a plane said, or that it did not. A plane that went away meanwhile is nobody's."""
    rows = Rows()
    for slug, said in told.items():
        if isinstance(said, ConsoleError):
            rows.failed(slug, plane, said)
        else:
            rows.keep(slug, plane, said)
