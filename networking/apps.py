from importlib import import_module

from django.apps import AppConfig

from networking.addresses import services
from networking.kinds.base import KINDS
from networking.kinds.keeping import kept_by


class NetworkingConfig(AppConfig):
    name = "networking"
    label = "networking"

    def ready(self) -> None:
        """Load every kind: a page may show a stored sentence of one that its process has not used yet."""
        list(KINDS)
        self._open_book()
        kept_by(import_module("networking.keeping").Rows())

    def _open_book(self) -> None:
        """Hand the rows of the address book to kinds, which know no model. Models can be loaded only now."""
        book = import_module("networking.book")
        services.reads_from(book.planes_of_book, book.joins_of_profiles)
