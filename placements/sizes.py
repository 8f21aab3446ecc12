"""How big a database is: three sizes, the guide's, or own figures; and how figures are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.k8s.quantities import FACTORS

GIB = 1024**3
CPU_RANGE = (Decimal("0.01"), Decimal(256))
"""Cores of one replica."""
MEMORY_RANGE = (32 * 1024**2, 4 * 1024 * GIB)
"""Bytes of one replica."""
DISK_RANGE = (1, 65536)
"""GiB of one replica's volume."""

declare(
    {
        "sizes.empty": _("Give a figure."),
        "sizes.not_a_quantity": _(
            "This is no Kubernetes quantity. Write a number with a unit after it, such as %(example)s."
        ),
        "sizes.gib_unit": _("The unit is written Gi, not Gib or GiB: %(example)s."),
        "sizes.exponent": _("Write the number without an exponent, such as %(example)s."),
        "sizes.cpu_range": _(
            "A replica can have from 10m (a hundredth of a core) to 256 cores. “m” means thousandths, “M” "
            "millions."
        ),
        "sizes.memory_range": _(
            "A replica can have from 32Mi to 4Ti of memory. “M” means millions of bytes, “m” thousandths "
            "of one."
        ),
        "sizes.disk_whole": _("Give the disk in whole GiB, such as 20 or 20Gi."),
        "sizes.disk_range": _("A volume can have from 1 to 65536 GiB."),
        "sizes.disk_minimum": _("The volume needs at least %(minimum)s GiB. %(reason)s"),
        "sizes.guide": _(
            "The guide's figures show how it is done; a real database with them is stopped for lack of "
            "memory or too slow to keep a leader."
        ),
    }
)

_QUANTITY = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,9}))?([numkMGTPE]|[KMGTPE]i)?", re.ASCII)
_EXPONENT = re.compile(r"[0-9.]+[eE][+-]?[0-9]+", re.ASCII)
_GIB = re.compile(r"[0-9.]+([KMGTPE]i?[bB])", re.ASCII)
_DISK = re.compile(r"([0-9]{1,9})(Gi|Ti)?", re.ASCII)


class QuantityRefused(ConsoleError):
    """The figure cannot be used; the sentence says how to write it."""


def _number(text: str, example: str) -> Decimal:
    text = text.strip()
    if not text:
        raise QuantityRefused("sizes.empty")
    if _GIB.fullmatch(text):
        raise QuantityRefused("sizes.gib_unit", example=example)
    if _EXPONENT.fullmatch(text):
        raise QuantityRefused("sizes.exponent", example=example)
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise QuantityRefused("sizes.not_a_quantity", example=example)
    whole, fraction, unit = match.groups()
    return Decimal(f"{whole}.{fraction or 0}") * FACTORS[unit or ""]


def cpu_cores(text: str) -> Decimal:
    """Return the cores that a quantity such as `500m` or `1.5` means. Raises QuantityRefused."""
    cores = _number(text, "500m")
    if not CPU_RANGE[0] <= cores <= CPU_RANGE[1]:
        raise QuantityRefused("sizes.cpu_range")
    return cores


def memory_bytes(text: str) -> int:
    """Return the bytes that a quantity such as `2Gi` or `100M` means. Raises QuantityRefused."""
    count = _number(text, "2Gi")
    if not MEMORY_RANGE[0] <= count <= MEMORY_RANGE[1]:
        raise QuantityRefused("sizes.memory_range")
    return int(count)


def disk_gib(text: str) -> int:
    """Return whole GiB from `20`, `20Gi` or `1Ti`. Raises QuantityRefused."""
    text = text.strip()
    if not text:
        raise QuantityRefused("sizes.empty")
    if _GIB.fullmatch(text):
        raise QuantityRefused("sizes.gib_unit", example="20Gi")
    match = _DISK.fullmatch(text)
    if match is None:
        raise QuantityRefused("sizes.disk_whole")
    gib = int(match.group(1)) * (1024 if match.group(2) == "Ti" else 1)
    if not DISK_RANGE[0] <= gib <= DISK_RANGE[1]:
        raise QuantityRefused("sizes.disk_range")
    return gib


def disk_problem(gib: int, minimum: int, reason: Sentence) -> Sentence | None:
    """Return why the volume is too small for a network profile (its minimum and its reason), or None."""
    if not DISK_RANGE[0] <= gib <= DISK_RANGE[1]:
        return say("sizes.disk_range")
    return say("sizes.disk_minimum", minimum=minimum, reason=reason) if gib < minimum else None


@dataclass(frozen=True)
class Size:
    """What one replica gets. `demo`: a value to try things out with; the plan warns."""

    slug: str
    label: str | Promise
    cpu: str
    memory: str
    disk_gib: int
    demo: bool = False

    def warning(self) -> Sentence | None:
        return say("sizes.guide") if self.demo else None


SIZES: Mapping[str, Size] = {
    size.slug: size
    for size in (
        Size("s", _("S"), "1", "2Gi", 20),
        Size("m", _("M"), "2", "8Gi", 40),
        Size("l", _("L"), "4", "16Gi", 80),
        Size("guide", _("As in the guide (to try it out)"), "100m", "100M", 20, demo=True),
    )
}
OWN = "own"
"""The form's choice that takes figures instead of a size."""


def figures_warning(cpu: str, memory: str) -> Sentence | None:
    """Return the warning about figures as small as the guide's, if they are. Raises QuantityRefused."""
    guide = SIZES["guide"]
    small = cpu_cores(cpu) <= cpu_cores(guide.cpu) or memory_bytes(memory) <= memory_bytes(guide.memory)
    return say("sizes.guide") if small else None
