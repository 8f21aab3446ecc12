"""How to connect to a database from outside: everything that a client, its firewall and its DNS need. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from placements.addresses import is_ip
from placements.engines.base import Endpoint, Engine, Snippet

Records = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Name below the zone → type of record → values, as a zone file writes them."""


def record_name(name: str, namespace: str) -> str:
    """Return a database's name below the zone. The namespace is part of it: a name is unique within one only."""
    return f"{name}.{namespace}"


@dataclass(frozen=True)
class Bundle:
    """`endpoints`: one per replica that has an address, in order; `missing` names the replicas without.

    `hosts`: by ordinal all hosts of a replica, where it has more than one. `zone` ends with a dot, "" for none.
    """

    name: str
    namespace: str
    engine: Engine
    endpoints: tuple[Endpoint, ...]
    missing: tuple[str, ...] = ()
    zone: str = ""
    ttl: int = 15
    hosts: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    client_networks: tuple[str, ...] = ()
    """Where the profile says that clients are; empty: anywhere."""

    @property
    def addresses(self) -> list[str]:
        """One `host:port` per replica: a client that counts endpoints counts replicas."""
        return [one.address for one in self.endpoints]

    @property
    def leader(self) -> Endpoint | None:
        return next((one for one in self.endpoints if one.leader), None)

    @property
    def env(self) -> str:
        """The env file. It never holds a password: these engines have none here, and it says so."""
        values = {
            "DATABASE_NAME": self.name,
            "DATABASE_ENGINE": self.engine.slug,
            "DATABASE_HOSTS": ",".join(self.addresses),
            **self.engine.environment(self.addresses),
        }
        lines = [f"# {self.namespace}/{self.name}: no password, no TLS"]
        return "\n".join([*lines, *(f"{key}={value}" for key, value in values.items())]) + "\n"

    @property
    def commands(self) -> list[str]:
        return self.engine.connect_commands(self.addresses)

    @property
    def snippets(self) -> list[Snippet]:
        return self.engine.snippets(self.addresses)

    @property
    def firewall(self) -> list[str]:
        """A line per host and port that clients are let through to, from their networks where these are known."""
        source = f" from {', '.join(self.client_networks)}" if self.client_networks else ""
        return [
            f"{host} tcp/{one.port}{source}  # {one.plane} {one.pod or one.service}"
            for one in self.endpoints
            for host in self._hosts(one)
        ]

    @property
    def firewall_text(self) -> str:
        return "\n".join(self.firewall)

    @property
    def has_names(self) -> bool:
        """Whether an address is a name, as clouds give some load balancers: what it resolves to changes."""
        return not all(is_ip(host) for one in self.endpoints for host in self._hosts(one))

    def _hosts(self, one: Endpoint) -> tuple[str, ...]:
        return self.hosts.get(one.ordinal, (one.host,))

    # The name that follows the leader

    @property
    def record_name(self) -> str:
        return record_name(self.name, self.namespace)

    @property
    def dns_name(self) -> str:
        """As people write it: the dot at the end is the zone file's."""
        return f"{self.record_name}.{self.zone}".rstrip(".")

    def records(self) -> Records:
        """Return every record: the leader's addresses under the database's name, each replica's under its number.

        A record of addresses has no port, so SRV records tell it; without a leader the name has no address.
        """
        found: dict[str, dict[str, tuple[str, ...]]] = {self.record_name: {}}
        if self.leader:
            found[self.record_name] = self._address_records(self.leader)
        for one in self.endpoints:
            found[f"{one.ordinal}.{self.record_name}"] = self._address_records(one)
        if self.engine.dns_service and self.endpoints:
            below = f"{self.record_name}.{self.zone}" if self.zone else self.record_name
            targets = tuple(f"0 0 {one.port} {self._target(one, below)}" for one in self.endpoints)
            found[f"{self.engine.dns_service}.{self.record_name}"] = {"SRV": targets}
        return found

    def _target(self, one: Endpoint, below: str) -> str:
        """Return the name that an SRV record leads to: never one that is itself a CNAME (RFC 2782)."""
        alias = self._address_records(one).get("CNAME")
        return alias[0] if alias else f"{one.ordinal}.{below}"

    def _address_records(self, one: Endpoint) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for host in self._hosts(one):
            found.setdefault(_record_type(host), []).append(host)
        if "CNAME" in found:  # it stands alone (RFC 1034, 3.6.2), and for one name
            return {"CNAME": (f"{found['CNAME'][0].rstrip('.')}.",)}
        return {kind: tuple(values) for kind, values in found.items()}

    @property
    def dns_lines(self) -> str:
        """The records as lines of a zone file."""
        lines = [f"$ORIGIN {self.zone}"] if self.zone else []
        for name, kinds in self.records().items():
            lines += [
                f"{name} {self.ttl} IN {kind} {value}" for kind, values in kinds.items() for value in values
            ]
        return "\n".join(lines)

    # A proxy in front

    @property
    def haproxy(self) -> str:
        """A `listen` block. Where only the leader takes writes, the others are its backups, in order."""
        lines = [f"listen {self.name}", "    mode tcp", f"    bind :{self.engine.client_port}"]
        lines += [f"    {line}" for line in self.engine.proxy_check]
        lines.append("    default-server check inter 2s fall 2 rise 2")
        first = self.leader or (self.endpoints[0] if self.endpoints else None)
        for one in self.endpoints:
            spare = "" if self.engine.follows_itself or one is first else " backup"
            lines.append(f"    server {one.pod or one.service} {one.address}{spare}")
        return "\n".join(lines)

    @property
    def envoy(self) -> str:
        """The `load_assignment` of an Envoy cluster; priority 1 is taken when priority 0 is down."""
        lines = ["load_assignment:", f"  cluster_name: {self.name}", "  endpoints:"]
        first = self.leader or (self.endpoints[0] if self.endpoints else None)
        for one in self.endpoints:
            spare = 0 if self.engine.follows_itself or one is first else 1
            address = f"{{address: {one.host!r}, port_value: {one.port}}}"
            lines += [
                f"  - priority: {spare}",
                "    lb_endpoints:",
                f"    - endpoint: {{address: {{socket_address: {address}}}}}",
            ]
        return "\n".join(lines)


def _record_type(host: str) -> str:
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return "CNAME"
    return "A" if version == 4 else "AAAA"


def same_ports(endpoints: Sequence[Endpoint]) -> list[tuple[int, list[str]]]:
    """Return each node port that several planes have, with these planes.

    Where planes are meshed and a node's own datapath answers node ports, such a port reaches the local replica and
    never the other one (networking.md, R12).
    """
    by_port: dict[int, list[str]] = {}
    for one in endpoints:
        if one.node_port and one.plane not in by_port.setdefault(one.port, []):
            by_port[one.port].append(one.plane)
    return [(port, planes) for port, planes in by_port.items() if len(planes) > 1]
