"""Ages in words."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

# Seconds in a unit, and its words for the past and the future. app.js keeps ages true with the same words.
AGES: list[tuple[int, Any, Any]] = [
    (1, _("{n} s ago"), _("in {n} s")),
    (60, _("{n} min ago"), _("in {n} min")),
    (3600, _("{n} h ago"), _("in {n} h")),
    (86400, _("{n} d ago"), _("in {n} d")),
]


def age_text(seconds: float) -> str:
    """Return an age in words; negative is in the future. Two of the smaller unit before a larger one."""
    size, past, future = next((age for age in reversed(AGES) if abs(seconds) >= 2 * age[0]), AGES[0])
    words = str(past if seconds >= 0 else future)
    return words.replace("{n}", str(int(abs(seconds) // size)))
