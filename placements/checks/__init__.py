"""The checks of databases."""

from placements.checks.agreement import PlanesAgree
from placements.checks.preflight import OperatorSays, PlaneFits
from placements.checks.running import AddressesThere, PodsReady, RolesSet, ServicesThere

__all__ = [
    "AddressesThere",
    "OperatorSays",
    "PlaneFits",
    "PlanesAgree",
    "PodsReady",
    "RolesSet",
    "ServicesThere",
]
