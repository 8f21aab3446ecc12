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

__all__ = [
    "OVER",
    "AddressBook",
    "AddressFact",
    "AddressLook",
    "MeshNumber",
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
