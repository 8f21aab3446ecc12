"""What every page shows: how much waits for this person, and which planes are silent."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest


def everywhere(request: HttpRequest) -> dict[str, Any]:
    return {}
