from django.apps import AppConfig

from networking.kinds.base import KINDS


class NetworkingConfig(AppConfig):
    name = "networking"
    label = "networking"

    def ready(self) -> None:
        """Load every kind: a page may show a stored sentence of one that its process has not used yet."""
        list(KINDS)
