"""Where the console's own database and broker are: an uploaded kubeconfig must not make it talk to these."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings

Service = tuple[str, int]
"""Host and port; the host a name or an address."""
_FRESH = 60.0
_PORTS = {"redis": 6379, "rediss": 6379, "sentinel": 26379}
_lock = threading.Lock()
_known: dict[Service, tuple[float, frozenset[str]]] = {}


def own_services() -> tuple[Service, ...]:
    """Return the hosts and ports of the settings; none for SQLite, a socket in the file system, the embedded broker."""
    return tuple(dict.fromkeys([*_databases(), *_brokers()]))


def _databases() -> Iterator[Service]:
    for database in settings.DATABASES.values():
        if "sqlite" in str(database.get("ENGINE", "")):
            continue
        for host in str(database.get("HOST") or "localhost").split(","):
            if not host.startswith("/"):
                yield host, int(database.get("PORT") or 5432)


def _brokers() -> Iterator[Service]:
    for url in str(getattr(settings, "CELERY_BROKER_URL", "")).split(";"):
        parts = urlsplit(url.strip())
        if parts.scheme in _PORTS:
            yield parts.hostname or "localhost", parts.port or _PORTS[parts.scheme]


def addresses_of(service: Service) -> frozenset[str]:
    """Return the addresses of a service, by DNS at most once a minute; a name that has none now keeps its last ones."""
    with _lock:
        until, before = _known.get(service, (0.0, frozenset()))
    if time.monotonic() < until:
        return before
    found = _looked_up(service) or before
    with _lock:
        _known[service] = (time.monotonic() + _FRESH, found)
    return found


def _looked_up(service: Service) -> frozenset[str]:
    host, port = service
    try:
        return frozenset({str(ipaddress.ip_address(host))})
    except ValueError:
        pass
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return frozenset()
    return frozenset(str(entry[4][0]) for entry in entries)
