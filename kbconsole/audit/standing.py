"""What the audit page may say of the whole log: the last check's result, as long as it is young enough."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from kbconsole.audit.models import Check

FRESH = timedelta(days=2)


@dataclass(frozen=True)
class Standing:
    """`state` is never, stale, broken or unbroken; only the last one is shown green."""

    state: str
    check: Check | None = None

    @property
    def entries(self) -> str:
        return f"{self.check.entries:,}" if self.check else ""


def standing() -> Standing:
    """Return what is known. What was broken stays broken, however long ago that was seen."""
    last = Check.objects.first()
    if last is None:
        return Standing("never")
    if last.problem is not None:
        return Standing("broken", last)
    return Standing("unbroken" if timezone.now() - last.at <= FRESH else "stale", last)
