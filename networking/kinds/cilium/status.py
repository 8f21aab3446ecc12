"""What `cilium clustermesh status -o json` says, reduced to what a page needs.

It ends with code 0 whatever it found (cilium-cli clustermesh.go: `Status()` returns no error in JSON mode, also after
its wait is over), so only the content counts. Every key is `omitempty`: a missing one means 0, false or none. An agent
counts as connected when it is `ready`. Why another is not, this JSON does not say: `ErrorCount.Errors` are Go errors
(cilium-cli status/status.go), which `encoding/json` writes as `{}`. The agents themselves tell it: agents.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
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
    (
        Rung.ETCD,
        r"etcdserver|cluster configuration|permission denied|requested lease|no leader|has-quorum=false",
    ),
    (Rung.SYNCED, r"synchroni[sz]"),
)
"""What only an agent that got so far can say: “not able to connect to any etcd endpoints” tells no rung at all."""


def rung_of(text: str) -> Rung | None:
    """Return the rung that an error text of an agent speaks of, None for one that the console does not know."""
    return next((rung for rung, sign in _SIGNS if re.search(sign, text, re.IGNORECASE)), None)


def lowest(rungs: list[Rung]) -> Rung | None:
    """Return the first rung that is red."""
    return min(rungs, key=list(Rung).index, default=None)


@dataclass(frozen=True)
class Remote:
    """What one plane's agents say of another: counts of agents, the first red rung, and a few error texts.

    `rung`: "" where none is red, or nobody tells which. `cut`: an agent that was asked says that it is not through.
    `synced`: whether one that was asked has everything of the other plane; None where none was, or does not tell.
    `behind`: the same counts of the pods of KVStoreMesh, from which agents get everything; empty where it is not.
    `asked`: whether any agent, or KVStoreMesh, was asked itself.
    """

    configured: int = 0
    connected: int = 0
    total: int = 0
    rung: str = ""
    errors: tuple[str, ...] = ()
    cut: bool = False
    synced: bool | None = None
    behind: tuple[int, ...] = ()
    asked: bool = False

    @property
    def complete(self) -> bool:
        """Whether all agents are connected, by number."""
        return _all_of((self.configured, self.connected, self.total))

    @property
    def behind_well(self) -> bool:
        """Whether all pods of KVStoreMesh are, where there are any."""
        return not self.behind or _all_of(self.behind)

    @property
    def well(self) -> bool:
        return self.complete and self.behind_well and not self.rung and not self.cut


def _all_of(counts: tuple[int, ...]) -> bool:
    configured, connected, total = counts
    return total > 0 and configured == connected == total


@dataclass(frozen=True)
class MeshStatus:
    """What one plane says of all others, by their name in the mesh.

    `lone`: one agent alone was asked, and how many there are is not known: the counts mean nothing then.
    """

    total: int = 0
    not_ready: int = 0
    remotes: Mapping[str, Remote] = field(default_factory=dict)
    lone: bool = False

    def to_json(self) -> Json:
        return asdict(self) | {"remotes": {name: asdict(one) for name, one in self.remotes.items()}}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> MeshStatus:
        remotes = {
            name: Remote(**{**one, **{key: tuple(one.get(key) or ()) for key in ("errors", "behind")}})
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


def mesh_status(mesh: Mapping[str, Any]) -> MeshStatus:
    """Judge what the command printed. The certificate in `access_information` is dropped."""
    connectivity = as_dict(mesh.get("connectivity"))
    kvstore = as_dict(mesh.get("kvstoremesh"))
    behind = as_dict(kvstore.get("status")) if kvstore.get("enabled") else {}
    names = {*as_dict(connectivity.get("clusters")), *as_dict(behind.get("clusters")), *_erring(connectivity)}
    remotes = {name: _remote(name, connectivity, behind) for name in sorted(names)}
    not_ready = _count(connectivity.get("not_ready")) + _count(behind.get("not_ready"))
    return MeshStatus(_count(connectivity.get("total")), not_ready, remotes)


def _remote(name: str, connectivity: Mapping[str, Any], behind: Mapping[str, Any]) -> Remote:
    """Put together what agents and KVStoreMesh say of one remote.

    KVStoreMesh stands between: where it is not connected, agents stay so and show what it last knew.
    """
    errors = [text for part in (connectivity, behind) for text in _errors(name, part)]
    rung = lowest([rung for text in errors if (rung := rung_of(text))])
    counts, through = _counts(name, connectivity), _counts(name, behind) if behind else ()
    return Remote(*counts, rung=str(rung or ""), errors=kept_texts(errors), behind=through)


def kept_texts(texts: Iterable[str]) -> tuple[str, ...]:
    """Return a few of these texts, each once and cut to a length."""
    return tuple(text[:LONGEST_ERROR] for text in dict.fromkeys(filter(None, texts)))[:MOST_ERRORS]


def _counts(name: str, part: Mapping[str, Any]) -> tuple[int, int, int]:
    one = as_dict(as_dict(part.get("clusters")).get(name))
    return _count(one.get("configured")), _count(one.get("connected")), _count(part.get("total"))


def _erring(part: Mapping[str, Any]) -> set[str]:
    return {name for pod in as_dict(part.get("errors")).values() for name in as_dict(pod)}


def _errors(name: str, part: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts, should a version of the command print any."""
    for pod in as_dict(part.get("errors")).values():
        one = as_dict(as_dict(pod).get(name))
        yield from (text for text in one.get("Errors") or [] if isinstance(text, str))


def as_dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
