"""Times on pages. Each is a `<time>` that carries the exact moment and shows it, with its zone, on hover."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from kbconsole.common.times import local_text

# Seconds in a unit, and its words for the past and the future. app.js keeps ages true with the same words.
AGES: list[tuple[int, Any, Any]] = [
    (1, _("{n} s ago"), _("in {n} s")),
    (60, _("{n} min ago"), _("in {n} min")),
    (3600, _("{n} h ago"), _("in {n} h")),
    (86400, _("{n} d ago"), _("in {n} d")),
]
LIVE = mark_safe(" data-ago")


def age_text(seconds: float) -> str:
    """Return an age in words; negative is in the future. Two of the smaller unit before a larger one."""
    size, past, future = next((age for age in reversed(AGES) if abs(seconds) >= 2 * age[0]), AGES[0])
    words = str(past if seconds >= 0 else future)
    return words.replace("{n}", str(int(abs(seconds) // size)))


def age_words() -> str:
    """Return the words of `ago` as JSON for app.js, which keeps ages true while a page is open."""
    return json.dumps([[size, str(past), str(future)] for size, past, future in AGES], ensure_ascii=False)


def ago(moment: datetime | None) -> SafeString:
    """Show how long ago, or how soon: "12 s ago", "in 3 h"; "never" for None."""
    if moment is None:
        return format_html('<span class="unknown">{}</span>', gettext("never"))
    aware = timezone.make_aware(moment) if timezone.is_naive(moment) else moment
    return _time(aware, age_text((timezone.now() - aware).total_seconds()), LIVE)


def clock(moment: datetime, pattern: str = "%H:%M:%S") -> SafeString:
    """Show the time of day, for lines that follow each other and for "approved by Adam, 10:31"."""
    return _time(moment, f"{timezone.localtime(moment):{pattern}}")


def stamp(moment: datetime | None, pattern: str = "%Y-%m-%d %H:%M:%S %Z") -> SafeString:
    """Show the moment in full, where it is part of a record; a dash for None."""
    if moment is None:
        return format_html('<span class="unknown">{}</span>', "–")
    return _time(moment, f"{timezone.localtime(moment):{pattern}}")


def _time(moment: datetime, words: str, live: SafeString | str = "") -> SafeString:
    exact = moment.astimezone(UTC).isoformat(timespec="seconds")
    return format_html('<time datetime="{}" title="{}"{}>{}</time>', exact, local_text(moment), live, words)
