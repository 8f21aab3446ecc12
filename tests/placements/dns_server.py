"""A DNS server on loopback: queries and signed updates of one zone (RFC 1035, 2136, 8945), answered as real ones do."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsigkeyring
import dns.update
import dns.zone

ANY, NONE = dns.rdataclass.ANY, dns.rdataclass.NONE


class DnsServer(socketserver.ThreadingTCPServer):
    """`rrsets`: owner name below the zone → type → texts. Updates without the right signature are refused."""

    allow_reuse_address, daemon_threads = True, True

    def __init__(self, zone: str, key_name: str, secret: str) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.zone = dns.name.from_text(zone)
        self.keyring = dns.tsigkeyring.from_text({key_name: secret})
        self.rrsets: dict[str, dict[str, set[str]]] = {}
        self.updates = 0
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        host, port = self.server_address[:2]
        return f"{host!s}:{port}"

    def texts(self, name: str, kind: str) -> set[str]:
        return self.rrsets.get(name, {}).get(kind, set())

    def answer(self, wire: bytes) -> bytes:
        try:
            message = dns.message.from_wire(wire, keyring=self.keyring)
        except dns.exception.DNSException:
            return _bad_signature(wire)
        reply = dns.message.make_response(message)
        with self.lock:
            if isinstance(message, dns.update.UpdateMessage):
                reply.set_rcode(self._update(message))
            else:
                self._look_up(message, reply)
        return reply.to_wire()

    def _look_up(self, message: dns.message.Message, reply: dns.message.Message) -> None:
        question = message.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        texts = self.texts(self._below(question.name), kind)
        if texts:
            reply.answer.append(dns.rrset.from_text_list(question.name, 15, "IN", kind, sorted(texts)))

    def _below(self, name: dns.name.Name) -> str:
        return name.relativize(self.zone).to_text() if name.is_absolute() else name.to_text()

    def _update(self, message: dns.update.UpdateMessage) -> dns.rcode.Rcode:
        if not message.had_tsig:
            return dns.rcode.REFUSED
        refusal = next((code for one in message.prerequisite if (code := self._unmet(one))), None)
        if refusal:
            return refusal
        for one in message.update:
            self._change(one)
        self.updates += 1
        return dns.rcode.NOERROR

    def _unmet(self, one: Any) -> dns.rcode.Rcode | None:
        there = self.rrsets.get(self._below(one.name), {})
        if one.rdclass == NONE or one.deleting == NONE:
            return dns.rcode.YXDOMAIN if any(there.values()) else None
        kind = dns.rdatatype.to_text(one.rdtype)
        wanted = {rdata.to_text() for rdata in one}
        return None if wanted == there.get(kind, set()) else dns.rcode.NXRRSET

    def _change(self, one: Any) -> None:
        there = self.rrsets.setdefault(self._below(one.name), {})
        if one.deleting == ANY and one.rdtype == dns.rdatatype.ANY:
            there.clear()
        elif one.deleting == ANY:
            there.pop(dns.rdatatype.to_text(one.rdtype), None)
        else:
            kind = dns.rdatatype.to_text(one.rdtype)
            there.setdefault(kind, set()).update(rdata.to_text() for rdata in one)


def _bad_signature(wire: bytes) -> bytes:
    """Return NOTAUTH with a TSIG record that has the error BADSIG and no signature (RFC 8945, 5.3.2)."""
    head = wire[:2] + bytes([wire[2] | 0x80, dns.rcode.NOTAUTH]) + struct.pack("!HHHH", 0, 0, 0, 1)
    algorithm = dns.name.from_text("hmac-sha256.").to_wire() or b""
    said = algorithm + bytes(6) + struct.pack("!HH", 300, 0) + wire[:2] + struct.pack("!HH", 16, 0)
    owner = dns.name.from_text("kbconsole.").to_wire() or b""
    return head + owner + struct.pack("!HHIH", 250, 255, 0, len(said)) + said


class _Talk(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        head = self.request.recv(2)
        if len(head) == 2:
            wire = b""
            (length,) = struct.unpack("!H", head)
            while len(wire) < length:
                wire += self.request.recv(length - len(wire))
            answer = self.server.answer(wire)  # type: ignore[attr-defined]
            self.request.sendall(struct.pack("!H", len(answer)) + answer)


@contextmanager
def dns_server(zone: str, key_name: str, secret: str) -> Iterator[DnsServer]:
    with DnsServer(zone, key_name, secret) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)
