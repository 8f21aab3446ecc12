"""Celery: it wakes workers and executes; the database is the queue of record (kbconsole/jobs)."""

from __future__ import annotations

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kbconsole.settings")
TRANSPORT_ALIASES["kbconsole-files"] = "kbconsole.jobs.broker:Transport"

app = Celery("kbconsole")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.set_default()  # threads of the web server send through it too
app.autodiscover_tasks()
