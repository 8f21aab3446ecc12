"""Quantities as API servers write them. Pure; what cannot be read is None, never a guess."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from kbconsole.common.sentences import Json

_QUANTITY = re.compile(r"(\d{1,20}(?:\.\d{1,12})?)(?:([numkMGTPE]|[KMGTPE]i)|[eE](-?\d{1,2}))?", re.ASCII)
FACTORS: Mapping[str, Decimal] = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(1000),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("MGTPE", start=2)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", start=1)},
}


def quantity(value: Json) -> Decimal | None:
    """Return the number that `500m`, `2Gi` or `4` means."""
    found = _QUANTITY.fullmatch(str(value)) if isinstance(value, str | int) else None
    if found is None:
        return None
    number, unit, exponent = found.groups()
    return Decimal(number) * (Decimal(10) ** int(exponent) if exponent else FACTORS[unit or ""])
