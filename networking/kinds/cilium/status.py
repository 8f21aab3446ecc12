"""What `cilium clustermesh status -o json` and `cilium status -o json` say, reduced to what a page needs.

Both end with code 0 whatever they found (cilium-cli clustermesh.go: `Status()` returns no error in JSON mode, also
after its wait is over), so only the content counts. Every key is `omitempty`: a missing one means 0, false or none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Json, declare

MOST_ERRORS, LONGEST_ERROR = 3, 240


class Rung(StrEnum):
    """How far an agent gets on its way to another plane, in order."""

    DNS = "dns"
    TCP = "tcp"
    TLS = "tls"
    ETCD = "etcd"
    SYNCED = "synced"


RUNGS = {
    Rung.DNS: _("DNS"),
    Rung.TCP: _("TCP"),
    Rung.TLS: _("TLS"),
    Rung.ETCD: _("etcd"),
    Rung.SYNCED: _("Synced"),
}
declare({f"mesh.rung_{rung}": label for rung, label in RUNGS.items()})
_SIGNS = (
    (Rung.DNS, r"no such host|name resolution|server misbehaving|lookup \S+"),
    (Rung.TLS, r"x509|tls:|certificate|authentication handshake"),
    (
        Rung.TCP,
        r"connection refused|i/o timeout|no route to host|network is unreachable|connection timed out",
    ),
    (Rung.TCP, r"dial tcp|connection reset"),
    (Rung.ETCD, r"etcd|cluster configuration|permission denied|requested lease|deadline exceeded|kvstore"),
    (Rung.SYNCED, r"synchroni[sz]"),
)


def rung_of(text: str) -> Rung | None:
    """Return the rung that an error text of an agent speaks of, None for one that the console does not know."""
    return next((rung for rung, sign in _SIGNS if re.search(sign, text, re.IGNORECASE)), None)


def lowest(rungs: list[Rung]) -> Rung | None:
    """Return the first rung that is red."""
    return min(rungs, key=list(Rung).index, default=None)


@dataclass(frozen=True)
class Remote:
    """What one plane's agents say of another: counts of agents, the first red rung, and a few error texts."""

    configured: int = 0
    connected: int = 0
    total: int = 0
    rung: str = ""
    errors: tuple[str, ...] = ()

    @property
    def well(self) -> bool:
        return self.total > 0 and self.configured == self.connected == self.total and not self.rung


@dataclass(frozen=True)
class MeshStatus:
    """What one plane says of all others, by their name in the mesh."""

    total: int = 0
    not_ready: int = 0
    remotes: Mapping[str, Remote] = field(default_factory=dict)

    def to_json(self) -> Json:
        return asdict(self) | {"remotes": {name: asdict(one) for name, one in self.remotes.items()}}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> MeshStatus:
        remotes = {
            name: Remote(**{**one, "errors": tuple(one.get("errors") or ())})
            for name, one in (stored.get("remotes") or {}).items()
        }
        return cls(int(stored.get("total") or 0), int(stored.get("not_ready") or 0), remotes)


def loaded(text: str) -> Mapping[str, Any] | None:
    """Return the JSON object of a command's stdout; None where it printed none, as with a mesh that is not enabled."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def mesh_status(mesh: Mapping[str, Any], agents: Mapping[str, Any] | None = None) -> MeshStatus:
    """Judge what the two commands printed. The certificate in `access_information` is dropped."""
    connectivity = _dict(mesh.get("connectivity"))
    kvstore = _dict(mesh.get("kvstoremesh"))
    behind = _dict(kvstore.get("status")) if kvstore.get("enabled") else {}
    said = dict(_of_agents(agents or {}))
    names = {
        *_dict(connectivity.get("clusters")),
        *_dict(behind.get("clusters")),
        *_erring(connectivity),
        *said,
    }
    remotes = {name: _remote(name, connectivity, behind, said.get(name, [])) for name in sorted(names)}
    not_ready = _count(connectivity.get("not_ready")) + _count(behind.get("not_ready"))
    return MeshStatus(_count(connectivity.get("total")), not_ready, remotes)


def _remote(
    name: str, connectivity: Mapping[str, Any], behind: Mapping[str, Any], said: list[tuple[Rung, str]]
) -> Remote:
    """Put together what agents, KVStoreMesh and the agents' own status say of one remote."""
    counts = [_counts(name, part) for part in (connectivity, behind) if part]
    errors = [text for part in (connectivity, behind) for text in _errors(name, part)]
    red = [rung for text in errors if (rung := rung_of(text))] + [rung for rung, _text in said]
    # KVStoreMesh stands between: where it is not connected, agents show what it last knew.
    short = next(
        (one for one in counts if not one[0] == one[1] == one[2] > 0), counts[0] if counts else (0, 0, 0)
    )
    complete = bool(counts) and all(one[0] == one[1] == one[2] > 0 for one in counts)
    rung = lowest(red) or (None if complete else Rung.ETCD)
    texts = [*errors, *(text for _rung, text in said if text)]
    kept = tuple(text[:LONGEST_ERROR] for text in dict.fromkeys(texts))[:MOST_ERRORS]
    return Remote(*short, rung=str(rung or ""), errors=kept)


def _counts(name: str, part: Mapping[str, Any]) -> tuple[int, int, int]:
    one = _dict(_dict(part.get("clusters")).get(name))
    return _count(one.get("configured")), _count(one.get("connected")), _count(part.get("total"))


def _erring(part: Mapping[str, Any]) -> set[str]:
    return {name for pod in _dict(part.get("errors")).values() for name in _dict(pod)}


def _errors(name: str, part: Mapping[str, Any]) -> Iterator[str]:
    for pod in _dict(part.get("errors")).values():
        one = _dict(_dict(pod).get(name))
        yield from (str(text) for text in one.get("Errors") or [])


def _of_agents(agents: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[Rung, str]]]]:
    """Yield (remote, [(red rung, text)]) of `cilium status -o json`: one entry per agent that is not through."""
    found: dict[str, list[tuple[Rung, str]]] = {}
    for pod in _dict(agents.get("cilium_status")).values():
        for remote in _dict(_dict(pod).get("cluster-mesh")).get("clusters") or []:
            red = _red(_dict(remote))
            found.setdefault(str(_dict(remote).get("name")), []).extend(red)
    yield from found.items()


def _red(remote: Mapping[str, Any]) -> list[tuple[Rung, str]]:
    if not remote.get("connected"):
        text = str(remote.get("status") or "")
        return [(rung_of(text) or Rung.TCP, text)]
    config, synced = _dict(remote.get("config")), _dict(remote.get("synced"))
    if config.get("required") and not config.get("retrieved"):
        return [(Rung.ETCD, "")]
    late = sorted(what for what in ("nodes", "endpoints", "identities", "services") if not synced.get(what))
    return [(Rung.SYNCED, ", ".join(late))] if late or not remote.get("ready") else []


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
