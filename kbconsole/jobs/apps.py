from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class JobsConfig(AppConfig):
    name = "kbconsole.jobs"
    label = "jobs"

    def ready(self) -> None:
        """Import what registers itself: each app's jobs, changes and checks; and the sentences of its services."""
        autodiscover_modules(
            "planning", "changes", "checks", "commands", "jobs", "services", "promoting", "undoing"
        )
