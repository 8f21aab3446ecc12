"""The jobs on a database."""

from placements.jobs.base import known_definition
from placements.jobs.check import CheckDatabase
from placements.jobs.clients import GiveAddresses, TakeAddresses
from placements.jobs.place import PlaceDatabase
from placements.jobs.repair import RepairMirrors
from placements.jobs.retire import RetireDatabase

__all__ = [
    "CheckDatabase",
    "GiveAddresses",
    "PlaceDatabase",
    "RepairMirrors",
    "RetireDatabase",
    "TakeAddresses",
    "known_definition",
]
