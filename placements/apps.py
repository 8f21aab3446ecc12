from django.apps import AppConfig

from placements.engines.base import ENGINES


class PlacementsConfig(AppConfig):
    name = "placements"
    label = "placements"

    def ready(self) -> None:
        """Load every engine: a page may show a stored sentence of one that its process has not used yet."""
        from kbconsole.people import belongings  # noqa: PLC0415  they import models
        from networking import book  # noqa: PLC0415
        from networking.kinds import keeping  # noqa: PLC0415
        from placements import hand_over, spread  # noqa: PLC0415

        list(ENGINES)
        belongings.register(hand_over.belongings_of)
        keeping.used_by(spread.namespaces_by_plane)
        book.versions_from(spread.versions_for_clients)
