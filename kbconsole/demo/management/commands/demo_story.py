"""Tells the demo's story once, by the real services and the running workers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand

from kbconsole.demo.story import Story


class Command(BaseCommand):
    help = "Registers the embedded fleet and makes three databases: finished, waiting, failed."

    def handle(self, *args: Any, **options: Any) -> None:
        Story(Path(settings.KBCONSOLE_DEMO_DIR), say=self.stdout.write).tell()
