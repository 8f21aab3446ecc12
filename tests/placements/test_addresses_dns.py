"""The name that follows the leader, written to a real DNS server on loopback by signed updates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest

from kbconsole.common.errors import ConsoleError
from placements import addresses_dns
from placements.connection import Bundle
from placements.engines.base import Endpoint
from placements.engines.etcd import Etcd
from tests.placements.dns_server import DnsServer, dns_server

ZONE, SECRET, OTHER = "db.example.org.", "c2VjcmV0LW9mLXRlc3Rz", "YW5vdGhlci1zZWNyZXQ="
NAME = "etcd-demo.default"


@pytest.fixture
def server(settings: Any) -> Iterator[DnsServer]:
    with dns_server(ZONE, "kbconsole", SECRET) as server:
        settings.KBCONSOLE_DNS_ZONE = "db.example.org"
        settings.KBCONSOLE_DNS_SERVER = server.address
        settings.KBCONSOLE_DNS_KEY_NAME, settings.KBCONSOLE_DNS_KEY = "kbconsole", SECRET
        yield server


def bundle(leader: int, *hosts: str) -> Bundle:
    found = [
        Endpoint(n, f"k8s-{n + 1}", f"etcd-demo-etcd-{n}", f"etcd-demo-etcd-out-{n}", host, 2379, n == leader)
        for n, host in enumerate(hosts)
    ]
    return Bundle("etcd-demo", "default", Etcd(), tuple(found), zone=ZONE)


def write(one: Bundle, before: Any = (), owner: str = "uid-1") -> Any:
    addresses_dns.write(ZONE, NAME, owner, one.records(), before)
    return one.records()


def test_the_name_leads_to_the_leader_and_moves_with_it(server: DnsServer) -> None:
    before = write(bundle(0, "192.0.2.1", "192.0.2.2", "2001:db8::3"))
    assert server.texts(NAME, "A") == {"192.0.2.1"}
    assert server.texts(f"2.{NAME}", "AAAA") == {"2001:db8::3"}
    assert "0 0 2379 1.etcd-demo.default.db.example.org." in server.texts(f"_etcd-client._tcp.{NAME}", "SRV")
    before = write(bundle(2, "192.0.2.1", "192.0.2.2", "2001:db8::3"), before)
    assert (server.texts(NAME, "A"), server.texts(NAME, "AAAA")) == (set(), {"2001:db8::3"})
    write(bundle(1, "192.0.2.1", "lb-2.cloud.example"), before)
    assert server.texts(NAME, "CNAME") == {"lb-2.cloud.example."}
    assert not server.texts(NAME, "AAAA") and not server.rrsets[f"2.{NAME}"], (
        "what is no replica any more is gone"
    )


def planned(owner: str, *, refused: bool) -> None:
    with pytest.raises(ConsoleError, match="leave the name out") if refused else nullcontext():
        addresses_dns.refuse_others(ZONE, NAME, owner)


def test_a_name_of_somebody_else_is_never_touched(server: DnsServer) -> None:
    server.rrsets[NAME] = {"A": {"198.51.100.9"}}
    with pytest.raises(ConsoleError) as refused:
        write(bundle(0, "192.0.2.1"))
    assert refused.value.sentence.code == "clients.dns_taken"
    assert server.rrsets == {NAME: {"A": {"198.51.100.9"}}}
    planned("uid-1", refused=True)
    server.rrsets.clear()
    planned("uid-1", refused=False)
    write(bundle(0, "192.0.2.1"))
    planned("uid-1", refused=False)
    planned("uid-2", refused=True)
    with pytest.raises(ConsoleError, match="did not make it for this database"):  # one of the same name
        write(bundle(0, "192.0.2.7"), owner="uid-2")
    assert not addresses_dns.erase(ZONE, NAME, "uid-2", ())
    assert server.texts(NAME, "A") == {"192.0.2.1"}


def test_erasing_leaves_nothing_but_what_others_wrote(server: DnsServer) -> None:
    records = write(bundle(0, "192.0.2.1", "192.0.2.2"))
    server.rrsets[NAME]["MX"] = {"10 mail.example.org."}
    assert addresses_dns.erase(ZONE, NAME, "uid-1", records)
    assert {name: kinds for name, kinds in server.rrsets.items() if kinds} == {
        NAME: {"MX": {"10 mail.example.org."}}
    }


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"KBCONSOLE_DNS_KEY": OTHER}, "clients.dns_refused"),
        ({"KBCONSOLE_DNS_KEY": ""}, "clients.dns_refused"),
        ({"KBCONSOLE_DNS_SERVER": "127.0.0.1:1"}, "clients.dns_silent"),
        ({"KBCONSOLE_DNS_SERVER": ""}, "clients.dns_off"),
        ({"KBCONSOLE_DNS_ZONE": "other.example.org"}, "clients.dns_off"),
    ],
)
def test_a_server_that_cannot_be_written_to_is_told_without_the_key(
    server: DnsServer, settings: Any, changes: dict[str, str], code: str
) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)
    with pytest.raises(ConsoleError) as failed:
        write(bundle(0, "192.0.2.1"))
    assert failed.value.sentence.code == code
    assert failed.value.retryable == (code == "clients.dns_silent")
    assert SECRET not in str(failed.value) and OTHER not in str(failed.value)
    assert server.rrsets == {}
