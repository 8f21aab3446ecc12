"""The name that follows a database's leader: written to a DNS server by signed updates (RFC 2136, RFC 8945).

A name is taken only if nobody has it, and changed only if the console made it: a TXT record beside it says for which
database, and every update depends on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.tsig
import dns.tsigkeyring
import dns.update
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Json, declare
from placements.connection import Records

MARK = "_kbconsole"
KINDS = ("A", "AAAA", "CNAME", "SRV")
"""What the console writes. Other records of the same name are somebody else's and stay."""
SECONDS = 3.0

declare(
    {
        "clients.dns_off": _(
            "This console has no DNS server to write to. An administrator sets KBCONSOLE_DNS_ZONE and "
            "KBCONSOLE_DNS_SERVER; until then, copy the lines into the zone by hand."
        ),
        "clients.dns_silent": _(
            "The DNS server %(server)s gave no usable answer (%(why)s). The name keeps its last address; the console "
            "tries again by itself."
        ),
        "clients.dns_refused": _(
            "The DNS server %(server)s refused the update of %(name)s: %(why)s. See that its zone %(zone)s takes "
            "updates signed with the key that the console was given."
        ),
        "clients.dns_taken": _(
            "%(name)s is in the zone %(zone)s already, and the console did not make it for this database. Nothing of "
            "it was changed. Have it removed there, or leave the name out."
        ),
    }
)  # fmt: skip


@dataclass(frozen=True)
class Server:
    """Where updates go. `key` is the TSIG secret: it is never shown."""

    host: str
    port: int
    zone: str

    @property
    def shown(self) -> str:
        return f"{self.host}:{self.port}"

    def update(self) -> dns.update.UpdateMessage:
        """Return an empty update of the zone, signed if there is a key."""
        name, secret = settings.KBCONSOLE_DNS_KEY_NAME, settings.KBCONSOLE_DNS_KEY
        if not secret:
            return dns.update.UpdateMessage(self.zone)
        ring = dns.tsigkeyring.from_text({name: secret})
        return dns.update.UpdateMessage(
            self.zone, keyring=ring, keyalgorithm=settings.KBCONSOLE_DNS_KEY_ALGORITHM
        )

    def send(self, message: dns.message.Message, name: str) -> dns.rcode.Rcode:
        """Return how the server answered. Raises ConsoleError when it gave no answer that could be believed.

        To a signed question only a signed answer is one: dnspython sees to that.
        """
        try:
            answer = dns.query.tcp(message, self.host, timeout=SECONDS, port=self.port)
        except dns.tsig.PeerError as error:
            raise self.refused(name, type(error).__name__) from None
        except (dns.exception.DNSException, OSError, EOFError) as error:
            raise self.silent(type(error).__name__) from None
        return answer.rcode()

    def silent(self, why: str) -> ConsoleError:
        return ConsoleError("clients.dns_silent", server=self.shown, why=why)

    def refused(self, name: str, why: str) -> ConsoleError:
        words = {"server": self.shown, "name": f"{name}.{self.zone}", "zone": self.zone}
        return ConsoleError("clients.dns_refused", why=why, **words)


def configured_zone() -> str:
    """Return the zone that the console may write to, with a dot at the end; "" for none."""
    zone = str(settings.KBCONSOLE_DNS_ZONE)
    return f"{zone.rstrip('.')}." if zone and settings.KBCONSOLE_DNS_SERVER else ""


def server_of(zone: str) -> Server:
    """Return the server of a zone. Raises ConsoleError if the console has none, or one of another zone by now."""
    if not zone or configured_zone() != zone:
        raise ConsoleError("clients.dns_off")
    host, _colon, port = settings.KBCONSOLE_DNS_SERVER.rpartition(":")
    return Server(host.strip("[]"), int(port), zone)


def write(zone: str, name: str, owner: str, records: Records, before: Iterable[str]) -> None:
    """Let the zone say exactly these records of a database. Raises ConsoleError.

    `owner` is what tells the database from others of its name, `before` are the names that were written before.
    """
    server, mark = server_of(zone), f"{MARK}.{name}"
    ours = server.update()
    ours.present(mark, "TXT", _quoted(owner))
    _fill(ours, records, {*before, *records})
    code = server.send(ours, name)
    if code == dns.rcode.NXRRSET:
        fresh = server.update()
        fresh.absent(mark)
        fresh.absent(name)
        fresh.add(mark, 60, "TXT", _quoted(owner))
        _fill(fresh, records, set())
        code = server.send(fresh, name)
        if code in (dns.rcode.YXDOMAIN, dns.rcode.YXRRSET):
            raise ConsoleError("clients.dns_taken", name=f"{name}.{zone}", zone=zone)
    _accepted(server, code, name)


def erase(zone: str, name: str, owner: str, names: Iterable[str]) -> bool:
    """Take a database's records out of the zone. False: it had none of ours. Raises ConsoleError."""
    server, mark = server_of(zone), f"{MARK}.{name}"
    update = server.update()
    update.present(mark, "TXT", _quoted(owner))
    _fill(update, {}, {name, *names})
    update.delete(mark)
    code = server.send(update, name)
    if code == dns.rcode.NXRRSET:
        return False
    _accepted(server, code, name)
    return True


def held(zone: str, name: str) -> bool:
    """Return whether the zone has the console's mark for this name, whosever database it is of. Raises ConsoleError."""
    server = server_of(zone)
    question = dns.message.make_query(f"{MARK}.{name}.{zone}", "TXT")
    try:
        answer = dns.query.tcp(question, server.host, timeout=SECONDS, port=server.port)
    except (dns.exception.DNSException, OSError, EOFError) as error:
        raise server.silent(type(error).__name__) from None
    return bool(answer.answer)


def to_json(records: Records) -> dict[str, Json]:
    """Return the records as a column keeps them."""
    return {name: {kind: list(values) for kind, values in kinds.items()} for name, kinds in records.items()}


def _fill(
    update: dns.update.UpdateMessage, records: Mapping[str, Mapping[str, Iterable[str]]], names: set[str]
) -> None:
    for name in sorted(names):
        for kind in KINDS:
            update.delete(name, kind)
    for name, kinds in records.items():
        for kind, values in kinds.items():
            update.add(name, settings.KBCONSOLE_DNS_TTL, kind, *values)


def _accepted(server: Server, code: dns.rcode.Rcode, name: str) -> None:
    if code != dns.rcode.NOERROR:
        raise server.refused(name, dns.rcode.to_text(code))


def _quoted(text: str) -> str:
    return f'"kbconsole {text}"'
