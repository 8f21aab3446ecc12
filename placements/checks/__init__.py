"""The checks of databases."""

from placements.checks.agreement import PlanesAgree
from placements.checks.preflight import OperatorSays, PlaneFits
from placements.checks.retiring import ClusterGone, PlaneReturns
from placements.checks.running import AddressesThere, PodsReady, RolesSet, ServicesThere

__all__ = [
    "AddressesThere",
    "ClusterGone",
    "OperatorSays",
    "PlaneFits",
    "PlaneReturns",
    "PlanesAgree",
    "PodsReady",
    "RolesSet",
    "ServicesThere",
]
