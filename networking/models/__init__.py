"""The tables of networks: profiles."""

from networking.models.profiles import (
    OVER,
    Profile,
    ProfileQuerySet,
    ProfileVersion,
    kind_choices,
    outside_choices,
)

__all__ = ["OVER", "Profile", "ProfileQuerySet", "ProfileVersion", "kind_choices", "outside_choices"]
