"""The environment, read once. Every wrong value is reported at once, by name, and nothing starts."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from environs import EnvValidationError, FileAwareEnv
from marshmallow import ValidationError, validate

BASE_DIR = Path(__file__).resolve().parent.parent


class _Env(FileAwareEnv):
    """NAME_FILE gives the value of NAME; a file that cannot be read is reported with everything else."""

    def _get_value(self, env_key: str, default: Any) -> Any:
        try:
            return super()._get_value(env_key, default)
        except (ValueError, OSError) as error:
            self._errors[env_key].append(str(error))
            return default


def _fernet_key(value: str) -> None:
    try:
        good = len(base64.urlsafe_b64decode(value)) == 32
    except ValueError:
        good = False
    if not good:
        raise ValidationError("is no Fernet key; make one with: python -m kbconsole.fleet.make_keys")


def _each(check: Callable[[str], object]) -> Callable[[list[str]], None]:
    def every(values: list[str]) -> None:
        for value in values:
            check(value)

    return every


def _cidr(value: str) -> None:
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        raise ValidationError(f"{value!r} is no CIDR block, such as 10.0.0.0/8") from error


def _absolute(value: str) -> None:
    if value and not Path(value).is_absolute():
        raise ValidationError(f"{value!r} is no absolute path, such as /usr/local/bin/helm")


def _zone(value: str) -> None:
    labels = value.rstrip(".").split(".")
    if value and not all(
        re.fullmatch(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", one, re.ASCII) for one in labels
    ):
        raise ValidationError(f"{value!r} is no DNS zone, such as db.example.org")


def _ip_port(value: str) -> None:
    host, _colon, port = value.rpartition(":")
    try:
        good = not value or (bool(ipaddress.ip_address(host.strip("[]"))) and 0 < int(port) < 65536)
    except ValueError:
        good = False
    if not good:
        raise ValidationError(
            f"{value!r} is no address with a port, such as 192.0.2.53:53 or [2001:db8::53]:53"
        )


def _base64(value: str) -> None:
    try:
        base64.b64decode(value, validate=True)
    except ValueError:
        raise ValidationError("is no base64 text") from None


env = _Env(eager=False, strip_whitespace=True)  # wrong values are collected until seal()

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", validate=validate.Length(min=32))
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
HTTPS = env.bool("KBCONSOLE_HTTPS", True)
TRUSTED_PROXIES = env.int("KBCONSOLE_TRUSTED_PROXIES", 0, validate=validate.Range(min=0, max=10))
TIME_ZONE = env.str("TIME_ZONE", "UTC")
LOG_LEVEL = env.str("LOG_LEVEL", "INFO", validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"]))

DATA_DIR = env.path("KBCONSOLE_DATA_DIR", BASE_DIR / "var")
DATABASE = env.dj_db_url("DATABASE_URL", "sqlite:///" + str(BASE_DIR / "var" / "kbconsole.sqlite3"))
REDIS_URL = env.str("REDIS_URL", "")

CREDENTIAL_KEYS: list[str] = env.list("KBCONSOLE_CREDENTIAL_KEYS", validate=_each(_fernet_key))
AUDIT_KEYS: list[str] = env.list("KBCONSOLE_AUDIT_KEYS", validate=_each(validate.Length(min=32)))
AUDIT_HEADS = env.path("KBCONSOLE_AUDIT_HEADS", DATA_DIR / "audit-heads.jsonl")

PLANE_ALLOWED_CIDRS: list[str] = env.list("KBCONSOLE_PLANE_ALLOWED_CIDRS", [], validate=_each(_cidr))
PLANE_DENIED_CIDRS: list[str] = env.list("KBCONSOLE_PLANE_DENIED_CIDRS", [], validate=_each(_cidr))
PLANE_ALLOW_LOOPBACK = env.bool("KBCONSOLE_PLANE_ALLOW_LOOPBACK", False)

LEASE_SECONDS = env.float("KBCONSOLE_LEASE_SECONDS", 30, validate=validate.Range(min=0.5, max=600))
BEAT_SECONDS = env.float("KBCONSOLE_BEAT_SECONDS", 2, validate=validate.Range(min=0.2, max=60))
CHECK_SECONDS = env.float("KBCONSOLE_CHECK_SECONDS", 30, validate=validate.Range(min=1, max=3600))
POLL_SECONDS = env.float("KBCONSOLE_POLL_SECONDS", 2, validate=validate.Range(min=0.05, max=60))
PLANE_SECONDS = env.float("KBCONSOLE_PLANE_SECONDS", 10, validate=validate.Range(min=0.2, max=60))
FLEET_APPROVALS = env.int("KBCONSOLE_FLEET_APPROVALS", 1, validate=validate.Range(min=0, max=5))
HELM = env.str("KBCONSOLE_HELM", "", validate=_absolute)
CILIUM = env.str("KBCONSOLE_CILIUM", "", validate=_absolute)
KUBECTL = env.str("KBCONSOLE_KUBECTL", "", validate=_absolute)
CHART_DIR = env.str("KBCONSOLE_CHART_DIR", "", validate=_absolute)
PLAN_HOURS = env.float("KBCONSOLE_PLAN_HOURS", 24, validate=validate.Range(min=0.1, max=720))

DNS_ZONE = env.str("KBCONSOLE_DNS_ZONE", "", validate=_zone)
DNS_SERVER = env.str("KBCONSOLE_DNS_SERVER", "", validate=_ip_port)
DNS_KEY_NAME = env.str("KBCONSOLE_DNS_KEY_NAME", "")
DNS_KEY = env.str("KBCONSOLE_DNS_KEY", "", validate=_base64)
DNS_KEY_ALGORITHM = env.str(
    "KBCONSOLE_DNS_KEY_ALGORITHM", "hmac-sha256", validate=validate.OneOf(["hmac-sha256", "hmac-sha384", "hmac-sha512"])
)  # fmt: skip
DNS_TTL = env.int("KBCONSOLE_DNS_TTL", 15, validate=validate.Range(min=1, max=3600))

try:
    env.seal()
except EnvValidationError as error:
    found = error.error_messages if isinstance(error.error_messages, Mapping) else {"": error.error_messages}
    lines = [f"  {name}: {' '.join(map(str, said))}" for name, said in sorted(found.items())]
    raise SystemExit("kbconsole cannot start; the environment is wrong:\n" + "\n".join(lines)) from None
