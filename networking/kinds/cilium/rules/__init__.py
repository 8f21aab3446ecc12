"""The planner's rules for a mesh, R1 to R20, each next to the place outside this console where it comes from."""

from networking.kinds.cilium.rules import datapath, exposure, identity, ranges
from networking.kinds.cilium.rules.base import (
    RULES,
    Fleet,
    Identity,
    Problem,
    Rule,
    Severity,
    problems,
)

__all__ = [
    "RULES", "Fleet", "Identity", "Problem", "Rule", "Severity", "datapath", "exposure", "identity", "problems",
    "ranges",
]  # fmt: skip
