"""Where the console may connect to: every address of a server is checked before the first byte is sent.

Planes usually live in private networks, so these stay allowed; a deployment narrows or widens the rules with
`KBCONSOLE_PLANE_ALLOWED_CIDRS`, `KBCONSOLE_PLANE_DENIED_CIDRS` and `KBCONSOLE_PLANE_ALLOW_LOOPBACK`. The hosts of the
console's own database and broker are refused without any setting.
"""

from __future__ import annotations

import contextlib
import ipaddress
import queue
import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from kbconsole.k8s.own_services import Service, addresses_of, own_services

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NEVER: tuple[Network, ...] = (
    ipaddress.ip_network("100.100.100.200/32"),  # metadata services of clouds that are not link-local
    ipaddress.ip_network("fd00:ec2::254/128"),
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_FRESH = 60.0


class AddressRefused(Exception):
    """An address that the rules do not allow. `rule` says which."""

    def __init__(self, address: str, rule: str) -> None:
        super().__init__(f"{address}: {rule}")
        self.address = address
        self.rule = rule


@dataclass(frozen=True)
class Rules:
    """What a deployment allows. With `allowed` set, only addresses in it; `denied` wins over `allowed`.

    `own` are the console's database and broker. Their ports are refused in any case, other ports of their hosts
    unless these are in `allowed`, or loopback: with one machine for all, a plane is there too.
    """

    allowed: tuple[Network, ...] = ()
    denied: tuple[Network, ...] = ()
    loopback: bool = False
    own: tuple[Service, ...] = ()

    @classmethod
    def of_settings(cls, allow_loopback: bool | None = None) -> Rules:
        """Read the settings; `allow_loopback` overrides the one of that name unless it is None."""
        if allow_loopback is None:
            allow_loopback = bool(getattr(settings, "KBCONSOLE_PLANE_ALLOW_LOOPBACK", False))
        return cls(
            allowed=_networks(getattr(settings, "KBCONSOLE_PLANE_ALLOWED_CIDRS", [])),
            denied=_networks(getattr(settings, "KBCONSOLE_PLANE_DENIED_CIDRS", [])),
            loopback=allow_loopback,
            own=own_services(),
        )

    def check(self, text: str, port: int = 443) -> None:
        """Raise AddressRefused for an address that is not allowed."""
        address = _plain(ipaddress.ip_address(text))
        rule = self._against(address) or self._against_own(address, port)
        if rule:
            raise AddressRefused(text, rule)

    def _against(self, address: Address) -> str:
        if address.is_link_local or address.is_multicast or address.is_unspecified:
            return "link-local, multicast or unspecified"
        if any(address in network for network in _NEVER):
            return "metadata service"
        if address.is_loopback:
            return "" if self.loopback else "loopback"
        if any(address in network for network in self.denied):
            return "KBCONSOLE_PLANE_DENIED_CIDRS"
        if self.allowed and not any(address in network for network in self.allowed):
            return "not in KBCONSOLE_PLANE_ALLOWED_CIDRS"
        return ""

    def _against_own(self, address: Address, port: int) -> str:
        for service in self.own:
            found = (_plain(ipaddress.ip_address(text)) for text in addresses_of(service))
            if address in found and (port == service[1] or not self._shared(address)):
                return "the console's own database or broker"
        return ""

    def _shared(self, address: Address) -> bool:
        return address.is_loopback or any(address in network for network in self.allowed)


def _networks(cidrs: Iterable[str]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(cidr, strict=False) for cidr in cidrs)


def _plain(address: Address) -> Address:
    """Return the IPv4 address inside an IPv6 one that only wraps it."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id:
            address = ipaddress.IPv6Address(int(address))
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address in _NAT64 or (int(address) >> 32 == 0 and int(address) > 1):
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if address.sixtofour:
            return address.sixtofour
    return address


def resolve(host: str, port: int, rules: Rules, timeout: float) -> list[str]:
    """Return every address of a host, all of them allowed.

    Raises AddressRefused if any is not, OSError if the name has none, TimeoutError (an OSError, too) if the
    resolver does not answer in time: it has no time-out of its own, so it gets a thread that may be left
    behind.
    """
    if not rules.own:
        with contextlib.suppress(ValueError):
            rules.check(str(ipaddress.ip_address(host)), port)
            return [host]
    answers: queue.SimpleQueue[list[str] | OSError | AddressRefused] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = _lookup(host, port)
            for address in found:
                rules.check(address, port)
            answers.put(found)
        except (OSError, AddressRefused) as error:
            answers.put(error)
        except UnicodeError:
            answers.put(OSError(f"{host!r} is no host name"))

    threading.Thread(target=ask, daemon=True, name="kbconsole-resolve").start()
    try:
        answer = answers.get(timeout=max(timeout, 0.01))
    except queue.Empty:
        raise TimeoutError(host) from None
    if isinstance(answer, OSError | AddressRefused):
        raise answer
    return answer


def _lookup(host: str, port: int) -> list[str]:
    with contextlib.suppress(ValueError):
        return [str(ipaddress.ip_address(host))]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Endpoint:
    """A server and the checked address that is connected to, so that a second DNS answer cannot move it."""

    def __init__(self, server: str, rules: Rules) -> None:
        parts = urlsplit(server)
        self.host = parts.hostname or ""
        self.port = parts.port or 443
        self.path = parts.path.rstrip("/")
        self.netloc = parts.netloc
        self._rules = rules
        self._addresses: list[str] = []
        self._until = 0.0
        self._lock = threading.Lock()

    def url(self, timeout: float) -> tuple[str, str]:
        """Return the base URL with the address in it, and the address. Raises like `resolve`."""
        with self._lock:
            if not self._addresses or time.monotonic() > self._until:
                self._addresses = resolve(self.host, self.port, self._rules, timeout)
                self._until = time.monotonic() + _FRESH
            address = self._addresses[0]
        shown = f"[{address}]" if ":" in address else address
        return f"https://{shown}:{self.port}{self.path}", address

    def failed(self, address: str) -> None:
        """Use the next address from now on; after the last one the name is resolved again."""
        with self._lock:
            if self._addresses[:1] == [address]:
                del self._addresses[0]
