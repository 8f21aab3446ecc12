"""What the real operator was seen to do, row by row (reference, section 9), and which tests show it.

Each row has a test of the stand-in (tests/operator) and one of what the console says and offers (tests/journeys).
Where the two release lines did different things, both have one; else the console's is of any line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import pytest

Test = TypeVar("Test", bound=Callable[..., object])
LINES = ("0.9", "1.0")
BOTH = pytest.mark.parametrize("line", LINES)
NEW = pytest.mark.parametrize("line", ["1.0"])
# Of what both lines did alike, and of what the console then says, real servers are shown one: to them there is no
# difference either. Where the lines differ, the operator is shown to them on both.
ALIKE = pytest.mark.parametrize(
    ("line", "backend"),
    [("0.9", "embedded"), ("1.0", "embedded"), pytest.param("1.0", "real", marks=pytest.mark.real)],
)


@dataclass(frozen=True)
class Row:
    """`differs`: the release lines did not do the same."""

    text: str
    differs: bool = False


ROWS: dict[str, Row] = {
    "happy mesh": Row(
        "self-built, mirrored peer services: Running, everything mirrored, nothing at home", True
    ),
    "happy cloud": Row(
        "load balancers, unique peer services: addresses in PEER_ENDPOINT, no pod before", True
    ),
    "happy names": Row("account, binding and the volume's owner; what Clusters of a definition share", True),
    "a": Row("ClusterRole missing in a plane: the pod runs without a role until the role is copied", True),
    "a2": Row("the operator's user may not bind: tried once, or for ever", True),
    "b": Row("namespace missing in a plane: making it afterwards does not heal what is mirrored", True),
    "c": Row("some contexts unknown, or with spaces: those ordinals and all later ones never made, silently"),
    "c none known": Row("no context known and a volume wanted: panics at every start until it is corrected"),
    "d, g": Row("order of planes; four replicas on three planes"),
    "e": Row("KubeBlocks' CRDs in a plane: pods, account and binding go; on 1.0 the volumes too", True),
    "f dies": Row("a plane dies: old Clusters stay Running, a new one that uses it gets nothing anywhere"),
    "f restarted": Row("operator restarted meanwhile: ready, yet no plane is handled; then it exits"),
    "f disabled": Row("that context disabled: old Clusters Updating, new ones incomplete or nothing"),
    "f back": Row("plane back and enabled: mirrored objects are missing there; cured by copies"),
    "f deleted": Row("Cluster deleted while the context is disabled: everything stays in that plane"),
    "h deleted": Row("Cluster deleted: services, environment, account and binding stay in every plane", True),
    "h again": Row("the same name again: left-overs are used as they are"),
    "no contexts": Row("operator started without contexts: Clusters made a second time in the control plane"),
}


def shows(*rows: str) -> Callable[[Test], Test]:
    """Say which rows a test shows."""
    assert set(rows) <= set(ROWS), rows

    def mark(test: Test) -> Test:
        test.__dict__["shows"] = rows
        return test

    return mark


def lines_of(test: Callable[..., object]) -> set[str]:
    """Return the release lines that a test runs on: those of its parametrisation, else the older one."""
    found: set[str] = set()
    for mark in getattr(test, "pytestmark", []):
        if mark.name == "parametrize":
            names = mark.args[0].split(",") if isinstance(mark.args[0], str) else list(mark.args[0])
            for row in mark.args[1] if "line" in names else ():
                values = getattr(row, "values", row)
                found.add(values if len(names) == 1 else values[names.index("line")])
    return found or {LINES[0]}
