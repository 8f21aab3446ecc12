"""The fleet app: control plane, data planes, credentials, registration, the copy of the role."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from kbconsole.audit import object_links


class FleetConfig(AppConfig):
    """Links planes from the audit log."""

    name = "kbconsole.fleet"
    label = "fleet"
    verbose_name = _("Fleet")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Planes have a page; the audit log links to it."""
        object_links.register("plane", "fleet:plane-detail")
        object_links.register("credential", "fleet:plane-detail")
        object_links.register("installer-credential", "fleet:plane-detail")
