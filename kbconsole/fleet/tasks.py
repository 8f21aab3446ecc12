"""Beat's question to every plane: do you answer, and does nothing stand there that must not?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from kbconsole.fleet import installing, watching
from kbconsole.fleet.access import probes
from kbconsole.fleet.answers import WELL, make_well
from kbconsole.fleet.asking import Answer, as_they_come, look, look_closely
from kbconsole.fleet.crds import note_crds
from kbconsole.fleet.identity import other_plane
from kbconsole.fleet.models import KubeconfigDraft, Plane
from kbconsole.fleet.rungs import rung_of
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.errors import KubeError

SLOWEST = 4
"""A plane that keeps failing is asked in every second round, then in every fourth."""
ROOM_EVERY = timedelta(minutes=5)
_WRITTEN = (*WELL, "last_asked_at", "last_answer_at", "version", "room", "room_at")


@shared_task(name="fleet.check_planes")
def check_planes(*, everyone: bool = True, spread: float = 0.0) -> None:
    """Keep what every plane answers, all at once; drop uploads and installer credentials whose time is over.

    Without `everyone` planes that keep failing are left out until their time has come. `spread`: the seconds within
    which the questions begin.
    """
    now = timezone.now()
    KubeconfigDraft.objects.filter(expires_at__lt=now).delete()
    installing.drop_expired()
    planes = {plane.name: plane for plane in Plane.objects.all() if everyone or _is_due(plane, now)}
    hungry = {plane.name for plane in planes.values() if _wants_room(plane, now)}

    data = {plane.name for plane in planes.values() if plane.is_data_plane}

    def question(client: PlaneClient) -> Answer:
        name = client.plane
        return look_closely(client, room=name in hungry) if name in data else look(client)

    for answers in as_they_come(probes(planes), question, spread=spread):
        _keep(planes, answers)


def _round() -> timedelta:
    return timedelta(seconds=settings.KBCONSOLE_CHECK_SECONDS)


def _is_due(plane: Plane, now: datetime) -> bool:
    """Whether it is asked in this round: half a round early is better than a whole one late."""
    return plane.next_ask_at is None or plane.next_ask_at <= now + _round() / 2


def _wants_room(plane: Plane, now: datetime) -> bool:
    return plane.is_data_plane and (plane.room_at is None or now - plane.room_at >= ROOM_EVERY)


def _keep(planes: Mapping[str, Plane], answers: Mapping[str, Answer]) -> None:
    now = timezone.now()
    for name, answer in answers.items():
        _note(planes[name], answer, now)
    Plane.objects.bulk_update([planes[name] for name in answers], _WRITTEN, batch_size=200)
    for name, answer in answers.items():
        if _is_other(planes[name], answer):
            continue
        if answer.crds is not None and list(answer.crds) != planes[name].foreign_crds:
            note_crds(name, answer.crds)
        if answer.pods is not None:
            watching.tell(name, answer.pods, now)


def _note(plane: Plane, answer: Answer, now: datetime) -> None:
    plane.last_asked_at = now
    error = other_plane(plane.name) if _is_other(plane, answer) else answer.error
    if error is not None:
        _note_failure(plane, error, now)
        return
    make_well(plane)
    plane.last_answer_at, plane.next_ask_at = now, now + _round()
    plane.version = answer.version or plane.version
    if answer.room is not None:
        plane.room, plane.room_at = answer.room.to_json(), now


def _note_failure(plane: Plane, error: KubeError, now: datetime) -> None:
    plane.last_error, plane.rung = error.sentence.to_json(), rung_of(error)
    plane.failing_since = plane.failing_since or now
    plane.next_ask_at = now + _round() * min(2**plane.failures, SLOWEST)
    plane.failures = min(plane.failures + 1, 1000)


def _is_other(plane: Plane, answer: Answer) -> bool:
    return answer.uid not in ("", plane.uid)
