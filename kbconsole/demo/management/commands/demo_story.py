"""Tells the demo's story once, by the real services and the running workers."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand

from kbconsole.demo.settings import DEMO_DIR
from kbconsole.demo.story import Story


class Command(BaseCommand):
    help = "Registers the embedded fleet and makes three databases: finished, waiting, failed."

    def handle(self, *args: Any, **options: Any) -> None:
        Story(DEMO_DIR, say=self.stdout.write).tell()
