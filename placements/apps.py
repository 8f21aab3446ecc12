from django.apps import AppConfig

from placements.engines.base import ENGINES


class PlacementsConfig(AppConfig):
    name = "placements"
    label = "placements"

    def ready(self) -> None:
        """Load every engine: a page may show a stored sentence of one that its process has not used yet."""
        list(ENGINES)
