"""Celery: it wakes workers and executes; the database is the queue of record (kbconsole/jobs)."""

from __future__ import annotations

import os
from pathlib import Path

from celery import Celery
from django.conf import settings
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kbconsole.settings")
TRANSPORT_ALIASES["kbconsole-files"] = "kbconsole.jobs.broker:Transport"

app = Celery("kbconsole")


def _embedded() -> dict[str, object]:
    """The broker without Redis: files in a private folder, renamed into place (kbconsole/jobs/broker.py)."""
    folder = Path(settings.KBCONSOLE_BROKER_DIR)
    for name in ("queue", "control", "tmp"):
        (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return {
        "data_folder_in": str(folder / "queue"),
        "data_folder_out": str(folder / "queue"),
        "control_folder": str(folder / "control"),
        "temporary_folder": str(folder / "tmp"),
        "polling_interval": 0.1,
    }


_redis = {
    "visibility_timeout": 600,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
}
app.conf.update(
    broker_url=settings.CELERY_BROKER_URL
    if "filesystem" not in settings.CELERY_BROKER_URL
    else "kbconsole-files://",
    broker_transport_options=_redis if settings.CELERY_BROKER_URL.startswith("redis") else _embedded(),
    broker_connection_retry_on_startup=True,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=500,
    worker_hijack_root_logger=False,
    task_soft_time_limit=90,
    task_time_limit=120,
    timezone="UTC",
    beat_schedule_filename=str(Path(settings.KBCONSOLE_BROKER_DIR).parent / "beat"),
    beat_schedule={
        "tick": {
            "task": "jobs.tick",
            "schedule": settings.KBCONSOLE_BEAT_SECONDS,
            "options": {"expires": 10},
        },
        "check-planes": {
            "task": "fleet.check_planes",
            "schedule": settings.KBCONSOLE_CHECK_SECONDS,
            "options": {"expires": settings.KBCONSOLE_CHECK_SECONDS},
        },
    },
)
app.autodiscover_tasks()
