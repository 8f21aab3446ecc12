"""Where the console connects to, and where never."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_django import Settings

from kbconsole.k8s import own_services
from kbconsole.k8s.addresses import AddressRefused, Endpoint, Rules, resolve


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fe80::1",
        "fd00:ec2::254",
        "100.100.100.200",
        "224.0.0.1",
        "ff02::1",
        "0.0.0.0",
        "::",
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
    ],
)
def test_it_is_never_connected_to(address: str) -> None:
    with pytest.raises(AddressRefused):
        Rules().check(address)


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "192.168.1.1", "172.16.0.1", "fd00::1", "8.8.8.8", "2001:db8::1"]
)
def test_private_and_public_addresses_are_allowed(address: str) -> None:
    Rules().check(address)


def test_loopback_may_be_allowed_but_metadata_may_not() -> None:
    Rules(loopback=True).check("127.0.0.1")
    with pytest.raises(AddressRefused):
        Rules(loopback=True).check("169.254.169.254")


def test_settings_narrow_and_deny(settings: Settings) -> None:
    settings.KBCONSOLE_PLANE_ALLOWED_CIDRS = ["10.0.0.0/8"]
    settings.KBCONSOLE_PLANE_DENIED_CIDRS = ["10.9.0.0/16"]
    rules = Rules.of_settings()
    rules.check("10.1.1.1")
    for address in ("192.168.1.1", "10.9.1.1", "::ffff:10.9.1.1"):
        with pytest.raises(AddressRefused):
            rules.check(address)


def answers(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def lookup(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


POSTGRES = {"default": {"ENGINE": "django.db.backends.postgresql", "HOST": "db.example", "PORT": "5433"}}


@pytest.fixture
def own(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A console with its database on 10.0.0.5:5433 and its broker on 10.0.0.6, the default port."""
    theirs = SimpleNamespace(DATABASES=POSTGRES, CELERY_BROKER_URL="rediss://:secret@10.0.0.6/0")
    monkeypatch.setattr(own_services, "_known", {})
    monkeypatch.setattr(own_services, "settings", theirs)
    answers(monkeypatch, "10.0.0.5")
    return settings


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("db.example", 5433),
        ("10.0.0.5", 5433),
        ("10.0.0.5", 6443),
        ("::ffff:10.0.0.5", 443),
        ("10.0.0.6", 6379),
    ],
)
def test_the_consoles_own_database_and_broker_are_refused_without_any_setting(
    own: Settings, host: str, port: int
) -> None:
    with pytest.raises(AddressRefused, match="own database or broker"):
        resolve(host, port, Rules.of_settings(), 1)
    assert resolve("10.0.0.7", port, Rules.of_settings(), 1) == ["10.0.0.7"]


def test_a_machine_that_is_named_as_allowed_may_serve_both_but_never_on_the_same_port(own: Settings) -> None:
    own.KBCONSOLE_PLANE_ALLOWED_CIDRS = ["10.0.0.0/8"]
    assert resolve("10.0.0.5", 6443, Rules.of_settings(), 1) == ["10.0.0.5"]
    with pytest.raises(AddressRefused):
        resolve("10.0.0.5", 5433, Rules.of_settings(), 1)


def test_on_loopback_only_the_port_of_the_database_is_refused(
    own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, "127.0.0.1")
    rules = Rules.of_settings(allow_loopback=True)
    assert resolve("127.0.0.1", 6443, rules, 1) == ["127.0.0.1"]
    with pytest.raises(AddressRefused, match="own database or broker"):
        resolve("127.0.0.1", 5433, rules, 1)


def test_sqlite_and_the_embedded_broker_have_no_address(settings: Settings) -> None:
    settings.DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "kbconsole.sqlite3"}}
    settings.CELERY_BROKER_URL = "filesystem://"
    assert own_services.own_services() == ()


def test_one_bad_address_among_several_refuses_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, "10.0.0.1", "169.254.169.254")
    with pytest.raises(AddressRefused):
        resolve("plane.example", 6443, Rules(), 1)


def test_a_second_answer_of_the_dns_does_not_move_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, "10.0.0.1", "10.0.0.2")
    endpoint = Endpoint("https://plane.example:6443/k8s", Rules())
    assert endpoint.url(1) == ("https://10.0.0.1:6443/k8s", "10.0.0.1")
    answers(monkeypatch, "10.6.6.6")
    assert endpoint.url(1)[1] == "10.0.0.1"
    endpoint.failed("10.0.0.1")
    assert endpoint.url(1)[1] == "10.0.0.2"
    endpoint.failed("10.0.0.2")
    assert endpoint.url(1)[1] == "10.6.6.6"
