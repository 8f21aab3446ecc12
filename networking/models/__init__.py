"""The tables of networks: profiles, and the address book."""

from networking.models.addresses import (
    AddressBook,
    AddressFact,
    AddressLook,
    MeshNumber,
    Reservation,
    Supernet,
    supernet_choices,
    what_choices,
)
from networking.models.profiles import (
    OVER,
    Profile,
    ProfileQuerySet,
    ProfileVersion,
    kind_choices,
    outside_choices,
)
from networking.models.readings import PlaneHold, PlaneReading

__all__ = [
    "OVER",
    "AddressBook",
    "AddressFact",
    "AddressLook",
    "MeshNumber",
    "PlaneHold",
    "PlaneReading",
    "Profile",
    "ProfileQuerySet",
    "ProfileVersion",
    "Reservation",
    "Supernet",
    "kind_choices",
    "outside_choices",
    "supernet_choices",
    "what_choices",
]
