"""Moments as people read them: in the console's time zone, which is always named."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone


def local_text(moment: datetime, pattern: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Return the moment with its zone: "2026-11-23 10:33:41 CST". A naive one is in the console's zone."""
    aware = timezone.make_aware(moment) if timezone.is_naive(moment) else moment
    return f"{timezone.localtime(aware):{pattern} %Z}"


def clock_text(moment: datetime) -> str:
    """Return the time of day with its zone, for sentences about what happened a moment ago."""
    return local_text(moment, "%H:%M:%S")
