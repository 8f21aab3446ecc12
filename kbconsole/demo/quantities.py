"""Quantities as Kubernetes writes them: 1024Mi is 1Gi, 1.5 is 1500m."""

from __future__ import annotations

import re
from decimal import ROUND_UP, Decimal
from typing import Any

_PARTS = re.compile(r"([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")
Object = dict[str, Any]


def amount(text: Any) -> Decimal:
    """Return the number that is meant; 0 for none and for what is no quantity."""
    found = _PARTS.fullmatch(str(text))
    if found is None:
        return Decimal(0)
    number, unit = Decimal(found[1]), found[2]
    if unit in _BINARY:
        return number * Decimal(1024) ** _BINARY.index(unit)
    if unit in _DECIMAL:
        return number * Decimal(1000) ** (_DECIMAL.index(unit) - 3)
    return number * Decimal(10) ** int(unit[1:])


def canonical(text: Any) -> str:
    """Return the one way to write it."""
    found = _PARTS.fullmatch(str(text))
    if found is None or (found[2][:1] in ("e", "E") and found[2] not in ("E", "Ei")):
        return str(text)
    value = amount(text)
    if found[2].endswith("i") and abs(value) >= 1024:
        whole, power = int(value.to_integral_value(ROUND_UP)), 0
        while whole % 1024 == 0 and power < len(_BINARY) - 1:
            whole, power = whole // 1024, power + 1
        return f"{whole}{_BINARY[power]}"
    whole, power = int((value * 10**9).to_integral_value(ROUND_UP)), 0
    if whole == 0:
        return "0"
    while whole % 1000 == 0 and power < len(_DECIMAL) - 1:
        whole, power = whole // 1000, power + 1
    return f"{whole}{_DECIMAL[power]}"


def tidy(given: Object | None, *keys: str) -> None:
    """Write the quantities of these maps as Kubernetes does, in place."""
    for key in keys:
        found = (given or {}).get(key)
        if isinstance(found, dict):
            found.update({name: canonical(value) for name, value in found.items()})
