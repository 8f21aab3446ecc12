"""The tables of networks: profiles."""

from networking.models.profiles import OVER, Profile, ProfileQuerySet, kind_choices

__all__ = ["OVER", "Profile", "ProfileQuerySet", "kind_choices"]
