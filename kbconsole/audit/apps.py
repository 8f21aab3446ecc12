"""The audit app: what it sets up when Django starts and after every migration."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class AuditConfig(AppConfig):
    """Triggers and roles are installed after every migrate, as a migration may have dropped them."""

    name = "kbconsole.audit"
    label = "audit"
    verbose_name = _("Audit log")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect signals and checks, and know the sentences of verification; models are loaded by now."""
        from kbconsole.audit import (  # noqa: PLC0415  they import models
            export_check,  # noqa: F401
            role_changes,
            setup,
            signals,
            verification,  # noqa: F401
        )

        signals.connect()
        role_changes.connect()
        post_migrate.connect(setup.after_migrate, sender=self, dispatch_uid="kbconsole.audit")
        checks.register(setup.check_triggers, checks.Tags.database)
