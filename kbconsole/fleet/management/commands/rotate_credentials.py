"""Encrypt every stored credential with the first of KBCONSOLE_CREDENTIAL_KEYS."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kbconsole.fleet.services import rotate_credentials
from kbconsole.fleet.vault import VaultError, key_id


class Command(BaseCommand):
    """Put a new key in front of the old ones, run this, then take the old ones away."""

    help = "Encrypt every stored credential with the first key of KBCONSOLE_CREDENTIAL_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = rotate_credentials(by="system")
        except VaultError as error:
            raise CommandError(
                f"Nothing was changed. {error}. Add the key that it was written with."
            ) from error
        self.stdout.write(f"{count} credentials are under key {key_id()}.")
