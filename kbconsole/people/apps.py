"""The people app: persons are Django's own users, roles its groups; teams are ours."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PeopleConfig(AppConfig):
    """Adds to the access report what membership of a team allows."""

    name = "kbconsole.people"
    label = "people"
    verbose_name = _("People")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Models are loaded by now."""
        from kbconsole.audit import access  # noqa: PLC0415
        from kbconsole.people import rights  # noqa: PLC0415

        access.register(rights.of_teams)
