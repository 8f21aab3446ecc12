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
            "The DNS server %(server)s gave no usable answer (%(why)s), so the name stays as it was. See that it runs "
            "and that this host reaches it. Between runs the console tries again by itself; a run goes on by Retry."
        ),
        "clients.dns_refused": _(
            "The DNS server %(server)s refused the update of %(name)s: %(why)s. See that its zone %(zone)s takes "
            "updates signed with the key that the console was given."
        ),
        "clients.dns_taken": _(
            "%(name)s is in the zone %(zone)s already, and the console did not make it for this database. Nothing of "
            "it was changed. Have it removed there, or leave the name out: a request asks for another way to find who "
            "takes writes, and “Give clients addresses” plans the addresses without the name."
        ),
    }
)  # fmt: skip


class Silent(ConsoleError):
    """The server gave no answer that could be believed."""

    status = 502
    retryable = True


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

    def ask(self, name: str, kind: str) -> dns.message.Message:
        """Return what the server answers to a question about a name below the zone. Raises Silent."""
        question = dns.message.make_query(f"{name}.{self.zone}", kind)
        try:
            return dns.query.tcp(question, self.host, timeout=SECONDS, port=self.port)
        except (dns.exception.DNSException, OSError, EOFError) as error:
            raise self.silent(type(error).__name__) from None

    def silent(self, why: str) -> Silent:
        return Silent("clients.dns_silent", server=self.shown, why=why)

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
            raise taken(zone, name)
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


def taken(zone: str, name: str) -> ConsoleError:
    return ConsoleError("clients.dns_taken", name=f"{name}.{zone}", zone=zone)


def refuse_others(zone: str, name: str, owner: str) -> None:
    """Raise ConsoleError if the name is somebody else's: marked for another database, or there without a mark.

    Asks only for addresses of an unmarked name; whatever else it may have, the update refuses. Raises Silent.
    """
    server = server_of(zone)
    marks = [data.to_text() for one in server.ask(f"{MARK}.{name}", "TXT").answer for data in one]
    if marks == [_quoted(owner)]:
        return
    if marks or any(server.ask(name, kind).answer for kind in ("A", "AAAA")):
        raise taken(zone, name)


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
