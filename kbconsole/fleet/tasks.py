"""Beat's question to every plane: do you answer, and does nothing stand there that must not?"""

from __future__ import annotations

from datetime import datetime

from celery import shared_task
from django.utils import timezone

from kbconsole.fleet.access import probes
from kbconsole.fleet.answers import failing
from kbconsole.fleet.asking import Answer, ask_all, look
from kbconsole.fleet.crds import note_crds
from kbconsole.fleet.identity import other_plane
from kbconsole.fleet.models import KubeconfigDraft, Plane


@shared_task(name="fleet.check_planes")
def check_planes() -> None:
    """Keep what every plane answers, all at once; drop uploads whose half hour is over."""
    KubeconfigDraft.objects.filter(expires_at__lt=timezone.now()).delete()
    planes = {plane.name: plane for plane in Plane.objects.all()}
    answers = ask_all(probes(planes), look)
    now = timezone.now()
    for name, answer in answers.items():
        _note(planes[name], answer, now)
    asked = [planes[name] for name in answers]
    fields = ["last_asked_at", "last_answer_at", "last_error", "version"]
    Plane.objects.bulk_update(asked, fields, batch_size=200)
    for name, answer in answers.items():
        known = answer.crds is not None and not _is_other(planes[name], answer)
        if known and list(answer.crds or ()) != planes[name].foreign_crds:
            note_crds(name, answer.crds or ())


def _note(plane: Plane, answer: Answer, now: datetime) -> None:
    plane.last_asked_at = now
    if failing(answer.error) and answer.error is not None:
        plane.last_error = answer.error.sentence.to_json()
        return
    if _is_other(plane, answer):
        plane.last_error = other_plane(plane.name).sentence.to_json()
        return
    plane.last_answer_at, plane.last_error = now, None
    plane.version = answer.version or plane.version


def _is_other(plane: Plane, answer: Answer) -> bool:
    return answer.uid not in ("", plane.uid)
