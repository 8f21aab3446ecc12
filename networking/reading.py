"""Asking planes what kinds want to know of them: beat does it for all, a run for its own. Pages show what was kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.db import connections
from django.utils import timezone

from kbconsole.common.errors import ConsoleError
from kbconsole.fleet.access import client
from kbconsole.fleet.models import Plane
from networking.keeping import Rows, due
from networking.kinds.keeping import READERS, Reader

READ_EVERY = timedelta(minutes=5)
MOST_THREADS = 8


def read_due() -> int:
    """Ask every data plane that answers what was not asked of it for a while, all at once. Returns how many."""
    before = timezone.now() - READ_EVERY
    planes = [plane for plane in Plane.objects.data_planes() if not plane.silent]
    wanted = [(made(), plane.name) for made in READERS for plane in due(made.slug, planes, before)]
    if not wanted:
        return 0
    with ThreadPoolExecutor(min(MOST_THREADS, len(wanted)), thread_name_prefix="read") as pool:
        list(pool.map(lambda one: _in_thread(*one), wanted))
    return len(wanted)


def _in_thread(reader: Reader, plane: str) -> None:
    """Do the same in a thread of a pool, which must not keep a database connection."""
    try:
        read_now(reader, plane)
    finally:
        connections.close_all()


def read_now(reader: Reader, plane: str) -> None:
    """Ask one plane and keep what it says, or that it did not. A plane that went away meanwhile is nobody's."""
    rows = Rows()
    try:
        rows.keep(reader.slug, plane, reader.read(client(plane)))
    except ConsoleError as error:
        rows.failed(reader.slug, plane, error)
