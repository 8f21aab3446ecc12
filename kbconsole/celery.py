"""Celery: it wakes workers and executes; the database is the queue of record (kbconsole/jobs)."""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import worker_init
from kombu.transport import TRANSPORT_ALIASES

from kbconsole.k8s.private_folder import sweep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kbconsole.settings")
TRANSPORT_ALIASES["kbconsole-files"] = "kbconsole.jobs.broker:Transport"

app = Celery("kbconsole")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.set_default()  # threads of the web server send through it too
app.autodiscover_tasks()


@worker_init.connect
def sweep_what_was_left(**_: object) -> None:
    """Remove the private folders of commands whose processes were killed."""
    sweep()
