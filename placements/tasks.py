"""Beat's look at client addresses."""

from __future__ import annotations

from celery import shared_task

from placements.addresses_follow import keep_current


@shared_task(name="placements.keep_addresses")
def keep_addresses() -> None:
    """Keep what clients reach databases at as the planes have it, and names in DNS on their leaders."""
    keep_current()
