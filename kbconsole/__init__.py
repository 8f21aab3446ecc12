"""kbconsole: databases that span several Kubernetes clusters."""

from kbconsole.celery import app as celery_app

__all__ = ("celery_app",)
