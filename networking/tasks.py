"""Beat's questions to every data plane: which ranges do you use, and what else do kinds want to know?"""

from __future__ import annotations

from datetime import datetime, timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from kbconsole.fleet.access import probes
from kbconsole.fleet.asking import as_they_come
from kbconsole.fleet.models import Plane
from kbconsole.k8s.client import PlaneClient
from networking.discovery import Told, asked, keep
from networking.reading import read_due

ROUNDS = 10
"""Ranges change rarely: a plane is asked for them in every tenth round of the checker."""


@shared_task(name="networking.read_addresses")
def read_addresses(*, everyone: bool = True, spread: float = 0.0) -> None:
    """Ask planes for their ranges, all at once; without `everyone` those alone whose time has come.

    A plane that gave no usable answer to the checker is not asked: its ranges stay as they were read.
    """
    now = timezone.now()
    rows = Plane.objects.data_planes().select_related("address_look")
    planes = {plane.name: plane for plane in rows if everyone or (not plane.silent and _is_due(plane, now))}

    def question(client: PlaneClient) -> Told:
        return asked(client, planes[client.plane].uid)

    for answers in as_they_come(probes(planes), question, spread=spread):
        for name, told in answers.items():
            keep(planes[name], told)


@shared_task(name="networking.read_planes")
def read_planes() -> None:
    """Ask planes what kinds want to know of them, each every few minutes."""
    read_due()


def _is_due(plane: Plane, now: datetime) -> bool:
    look = getattr(plane, "address_look", None)
    wait = timedelta(seconds=settings.KBCONSOLE_CHECK_SECONDS * ROUNDS)
    return look is None or now - look.looked_at >= wait
