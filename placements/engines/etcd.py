"""etcd: the one engine whose KubeBlocks add-on was written for several planes, in some versions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare, say
from placements.engines.base import (
    ENGINES,
    LINE_0_9,
    LINE_1_0,
    LINES,
    Chosen,
    DefinitionFact,
    Engine,
    Snippet,
)

declare(
    {
        "etcd.broken_0_9": _(
            "%(definition)s (chart %(chart)s) does not work across planes: from chart 0.9.5 on, its "
            "replicas look for each other under names that do not exist, and behind load balancers no pod "
            "is ever made. Install the etcd add-on with chart 0.9.4, which has the definition etcd-0.9.0."
        ),
        "etcd.broken_1_0": _(
            "%(definition)s (chart %(chart)s) needs newer KubeBlocks CRDs than 1.0 has "
            "(roles[].isExclusive), so a database with it is never started. Install the etcd add-on with "
            "chart 1.0.2."
        ),
        "etcd.unknown": _(
            "%(definition)s (chart %(chart)s) has not been proven across planes. "
            "Install the etcd add-on with chart %(wanted)s."
        ),
        "etcd.unavailable": _(
            "%(definition)s is in the control plane but not Available (%(message)s). "
            "Mend the etcd add-on (chart %(wanted)s), then try again."
        ),
        "etcd.no_reason": _("no reason is given"),
        "etcd.missing": _(
            "The control plane has no definition for etcd. Install the etcd add-on with chart %(wanted)s "
            "(definition %(definition)s)."
        ),
    }
)

_GO = """\
import clientv3 "go.etcd.io/etcd/client/v3"

client, err := clientv3.New(clientv3.Config{
\tEndpoints:   []string{%s},
\tDialTimeout: 5 * time.Second,
})"""
_PYTHON = """\
from etcd3gw.client import Etcd3Client  # it takes one endpoint; try the next when one gives no answer
from etcd3gw.exceptions import Etcd3Exception

for host, port in [%s]:
    client = Etcd3Client(host=host, port=port, timeout=5)
    try:
        client.status()
        break
    except Etcd3Exception:
        continue"""
_JAVA = """\
import io.etcd.jetcd.Client;

Client client = Client.builder().endpoints(%s).build();"""
_VERSION = re.compile(r"(?:^|-)([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,4})(?:[-+](.+))?$", re.ASCII)
_WANTED = {LINE_0_9: ("0.9.4", "etcd-0.9.0"), LINE_1_0: ("1.0.2", "etcd-3-1.0.2")}

Version = tuple[int, int, int]


def _version(text: str) -> Version | None:
    """Return the version at the end of a chart's or definition's name; None for pre-releases or if absent."""
    match = _VERSION.search(text)
    if match is None or match.group(4):
        return None
    return int(match.group(1)), int(match.group(2)), int(match.group(3))


def _chart(fact: DefinitionFact, line: str) -> Version | None:
    """Return the chart's version; without the label, what the definition's name tells."""
    if fact.chart:
        return _version(fact.chart)
    if fact.name == "etcd-0.9.0" and line == LINE_0_9:
        return (0, 9, 0)
    return _version(fact.name)


def _works(line: str, fact: DefinitionFact) -> bool:
    """Return whether the definition is known to work across planes: each was run with a real operator."""
    version = _chart(fact, line)
    if line == LINE_0_9:
        return fact.name == "etcd-0.9.0" and version is not None and (0, 9, 0) <= version <= (0, 9, 4)
    named = re.fullmatch(r"etcd-3-1\.0\.[0-9]{1,4}", fact.name, re.ASCII)
    return bool(named) and version is not None and (1, 0, 0) <= version <= (1, 0, 2)


def _refusal(line: str, fact: DefinitionFact) -> Sentence:
    version, (wanted, _name) = _chart(fact, line), _WANTED[line]
    chart = fact.chart or "?"
    if line == LINE_0_9 and fact.name == "etcd" and (version is None or version >= (0, 9, 5)):
        return say("etcd.broken_0_9", definition=fact.name, chart=chart)
    if line == LINE_1_0 and version == (1, 0, 3):
        return say("etcd.broken_1_0", definition=fact.name, chart=chart)
    return say("etcd.unknown", definition=fact.name, chart=chart, wanted=wanted)


@ENGINES.register
class Etcd(Engine):
    """A quorum of equals; the leader moves by itself. Clients use 2379, replicas 2380."""

    slug = "etcd"
    label = _("etcd")
    component = "etcd"
    peer_service = "peer"
    peer_port = 2380
    client_port = 2379
    leader_role = "leader"
    replica_choices = (1, 3, 5, 7)
    most_replicas = 7
    # kubeblocks pkg/controller/component/vars.go: a host without its port, unless it is a load balancer's.
    cannot_peer = {
        "NodePort": _("its add-on tells replicas the name of a service and the port 2380, never the port of a node."),
    }  # fmt: skip
    reads_ipv6 = False  # the add-on's scripts/common.sh cuts `name:address` with `cut -d: -f2`
    follows_itself = True
    why_follows = _(
        "Give clients all endpoints. Any replica of etcd takes a write and passes it on to the leader, and clients go "
        "on to the next endpoint when one gives no answer. So an address that follows the leader is not needed."
    )
    dns_service = "_etcd-client._tcp"
    proxy_check = ("option httpchk GET /health", "http-check expect status 200")

    def environment(self, endpoints: Sequence[str]) -> dict[str, str]:
        return {"ETCDCTL_API": "3", "ETCDCTL_ENDPOINTS": ",".join(f"http://{one}" for one in endpoints)}

    def snippets(self, endpoints: Sequence[str]) -> list[Snippet]:
        urls = [f"http://{one}" for one in endpoints]
        pairs = (one.rpartition(":") for one in endpoints)
        hosts = ", ".join(f'("{host}", {port})' for host, _colon, port in pairs)
        quoted = ", ".join(f'"{url}"' for url in urls)
        return [
            Snippet("Go", _GO % quoted), Snippet("Python", _PYTHON % hosts), Snippet("Java", _JAVA % quoted),
        ]  # fmt: skip

    def connect_commands(self, endpoints: Sequence[str]) -> list[str]:
        urls = ",".join(f"http://{endpoint}" for endpoint in endpoints)
        return [f"etcdctl --endpoints={urls} endpoint status -w table"]

    def choose_definition(self, line: str, definitions: Sequence[DefinitionFact]) -> Chosen | Sentence:
        if line not in LINES:
            return say("engines.line", line=line)
        ours = sorted(
            (fact for fact in definitions if fact.name == "etcd" or fact.name.startswith("etcd-")),
            key=lambda fact: (_chart(fact, line) or (0, 0, 0), fact.name),
        )
        working = [fact for fact in ours if _works(line, fact)]
        ready = [fact for fact in working if fact.available]
        if ready:
            return self._chosen(line, ready[-1])
        wanted, definition = _WANTED[line]
        if working:
            message = working[-1].message.strip() or say("etcd.no_reason")
            return say("etcd.unavailable", definition=working[-1].name, message=message, wanted=wanted)
        if ours:
            return _refusal(line, ours[-1])
        return say("etcd.missing", wanted=wanted, definition=definition)

    def _chosen(self, line: str, fact: DefinitionFact) -> Chosen:
        peer = "peer" if line == LINE_0_9 else ""
        return Chosen(definition=fact.name, line=line, chart=fact.chart, peer_service_name=peer)
