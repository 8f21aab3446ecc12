"""Beat's question to every plane: do you answer?"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from celery import shared_task
from django.utils import timezone

from kbconsole.fleet.access import probes
from kbconsole.fleet.answers import failing
from kbconsole.fleet.models import KubeconfigDraft, Plane
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.errors import KubeError

MOST_THREADS = 32


@dataclass(frozen=True)
class Answer:
    """What a plane said when asked for its version: either that, or why not."""

    version: str = ""
    error: KubeError | None = None


def ask(client: PlaneClient) -> Answer:
    try:
        return Answer(version=client.version())
    except KubeError as error:
        return Answer(error=error)


def ask_all(clients: Mapping[str, PlaneClient]) -> dict[str, Answer]:
    """Ask every plane for its version at the same time; one that is dead holds up nobody but itself."""
    if not clients:
        return {}
    with ThreadPoolExecutor(min(MOST_THREADS, len(clients)), thread_name_prefix="ask") as pool:
        return dict(zip(clients, pool.map(ask, clients.values()), strict=True))


@shared_task(name="fleet.check_planes")
def check_planes() -> None:
    """Keep what every plane answers, all at once; drop uploads whose half hour is over."""
    KubeconfigDraft.objects.filter(expires_at__lt=timezone.now()).delete()
    planes = {plane.name: plane for plane in Plane.objects.all()}
    answers = ask_all(probes(planes))
    now = timezone.now()
    for name, answer in answers.items():
        _note(planes[name], answer, now)
    asked = [planes[name] for name in answers]
    fields = ["last_asked_at", "last_answer_at", "last_error", "version"]
    Plane.objects.bulk_update(asked, fields, batch_size=200)


def _note(plane: Plane, answer: Answer, now: datetime) -> None:
    plane.last_asked_at = now
    if failing(answer.error) and answer.error is not None:
        plane.last_error = answer.error.sentence.to_json()
        return
    plane.last_answer_at, plane.last_error = now, None
    plane.version = answer.version or plane.version
