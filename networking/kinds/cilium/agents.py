"""What an agent says of the other planes, and KVStoreMesh in its stead: the part of their JSON that a page needs.

`cilium-dbg status -o json` prints a `StatusResponse` with `cluster-mesh.clusters[]`; `clustermesh-apiserver
kvstoremesh-dbg status -o json` prints that list alone. Shapes: cilium/cilium api/v1/models/remote_cluster.go,
remote_cluster_config.go, remote_cluster_synced.go; every key is `omitempty`. `ready` includes `synced`
(pkg/clustermesh/remote_cluster.go, since 1.15); agents before 1.15 have neither `connected` nor `synced`.

Where a connection ends none of this tells for sure; `cilium-dbg troubleshoot clustermesh` and `kvstoremesh-dbg
troubleshoot` try it stage by stage and print text (cilium-dbg/cmd/troubleshoot_clustermesh.go,
pkg/kvstore/etcd_debug.go; PR #32336 of May 2024, brought to every release line of then).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from kbconsole.common.sentences import Json
from networking.kinds.cilium.status import MeshStatus, Remote, Rung, as_dict, kept_texts, lowest, rung_of

READY_IS_SYNCED = (1, 15)
"""The first minor version whose agents call themselves ready only when all is synced."""
SYNCED = ("endpoints", "identities", "nodes", "services")
OPTIONAL = ("endpoint-slices", "service-exports")
"""These are null where nothing watches them."""
_FAR = (Rung.DNS, Rung.TCP, Rung.TLS)


@dataclass(frozen=True)
class Heard:
    """One remote as one agent sees it. `rung`: the first red one, "" where it does not tell which or none is.

    `synced`: None where the agent is too old to tell, or not so far.
    """

    ready: bool = False
    rung: str = ""
    text: str = ""
    synced: bool | None = None


Heards = Mapping[str, Heard]
"""By the remotes' names in the mesh."""


def heard(answer: Json, *, through: bool = False) -> dict[str, Heard]:
    """Return what an agent, or KVStoreMesh, says of each remote. `through`: the agent gets all by KVStoreMesh."""
    clusters = (
        answer if isinstance(answer, list) else as_dict(as_dict(answer).get("cluster-mesh")).get("clusters")
    )
    found = [as_dict(one) for one in clusters or [] if isinstance(one, dict)]
    return {str(one["name"]): _heard(one, through) for one in found if one.get("name")}


def _heard(remote: Mapping[str, Any], through: bool) -> Heard:
    text, late = str(remote.get("status") or ""), _late(remote.get("synced"))
    if remote.get("ready") and not late:
        return Heard(True, text="", synced=None if late is None else True)
    rung = _rung(remote, rung_of(text), late, through)
    said = (
        ", ".join(late or ()) if rung == Rung.SYNCED else text if rung or not remote.get("connected") else ""
    )
    return Heard(False, str(rung or ""), said, synced=False if rung == Rung.SYNCED else None)


def _rung(remote: Mapping[str, Any], told: Rung | None, late: list[str] | None, through: bool) -> Rung | None:
    """Return the first red rung of a remote that is not ready; None where nothing tells it.

    `connected` only means that there is a client for etcd (cilium/cilium issue #29161), so the text comes first.
    """
    if told in _FAR or not (remote.get("connected") or remote.get("ready")):
        return told
    config = as_dict(remote.get("config"))
    if config.get("required") and not config.get("retrieved"):
        return None if through else Rung.ETCD  # behind KVStoreMesh it is that which has not got it
    return Rung.SYNCED if late else None


def _late(synced: Any) -> list[str] | None:
    """Return what is not synced yet; None where the agent does not tell."""
    if not isinstance(synced, dict):
        return None
    return [what for what in SYNCED if not synced.get(what)] + [
        what for what in OPTIONAL if synced.get(what) is False
    ]


_CLUSTER = re.compile(r'\bcluster "([^"]+)":', re.IGNORECASE)
_THROUGH = "Etcd connection successfully established"
_STAGES = (
    (Rung.DNS, "Cannot resolve hostname"),
    (Rung.TCP, "Cannot establish TCP connection"),
    (Rung.TLS, "Cannot establish TLS connection"),
    (Rung.TLS, "TLS client authentication failed"),
    (Rung.ETCD, "GET /version"),
    (Rung.ETCD, "Failed to retrieve key from etcd"),
    (Rung.ETCD, "Failed to establish connection"),
    (None, "Configuration not found"),
    (None, "No available endpoints"),
    (None, "Cannot parse"),
)


def stages(lines: Iterable[str]) -> dict[str, Heard]:
    """Return how far each remote was reached by what `troubleshoot` printed; `ready` stands for as far as etcd."""
    found: dict[str, Heard] = {}
    name = ""
    for line in lines:
        if header := _CLUSTER.search(line):
            name = header[1]
            found[name] = Heard(text="?")
        elif name and _THROUGH in line:
            found[name] = Heard(True)
        elif name and not found[name].ready:
            found[name] = _lower(found[name], line.strip(" \N{CROSS MARK}\t"))
    return found


def _lower(known: Heard, line: str) -> Heard:
    """Return what is known of a remote with one more line: the first stage that fails makes the later ones fail."""
    told = next((found for found in _STAGES if found[1] in line), None)
    if told is None or (
        known.rung and (told[0] is None or lowest([Rung(known.rung), told[0]]) == known.rung)
    ):
        return known
    return Heard(rung=str(told[0] or ""), text=line)


def to_json(heards: Heards) -> Json:
    return {name: asdict(one) for name, one in heards.items()}


def from_json(stored: Json) -> dict[str, Heard]:
    return {name: Heard(**one) for name, one in as_dict(stored).items()}


def joined(status: MeshStatus | None, views: Iterable[Heards]) -> MeshStatus | None:
    """Return what the command said, with what was heard of agents. One agent stands for no other: see `lone`."""
    found = [view for view in views if view]
    if not found:
        return status
    known = status or MeshStatus(lone=True)
    remotes = dict(known.remotes)
    for name in {name for view in found for name in view}:
        heards = [view[name] for view in found if name in view]
        remotes[name] = _joined(remotes.get(name) or Remote(total=known.total), heards)
    return replace(known, remotes=remotes)


def _joined(remote: Remote, heards: list[Heard]) -> Remote:
    told = [one.synced for one in heards if one.synced is not None]
    synced = all(told) if told else None
    if all(one.ready for one in heards):  # nothing to add, tens of thousands of times in a large mesh
        counts = (remote.configured, remote.connected, remote.total)
        return Remote(*counts, remote.rung, remote.errors, remote.cut, synced, remote.behind, True)
    red = [Rung(rung) for rung in (remote.rung, *(one.rung for one in heards)) if rung]
    errors = kept_texts([*remote.errors, *(one.text for one in heards)])
    return replace(remote, rung=str(lowest(red) or ""), errors=errors, cut=True, synced=synced, asked=True)
