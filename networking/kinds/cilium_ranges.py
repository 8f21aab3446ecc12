"""What Cilium tells of a plane's ranges: its configuration, its nodes, and its pools for load balancers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext_lazy as _

from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.kinds import CILIUM_LOAD_BALANCER_IP_POOL, CILIUM_NODE, CONFIG_MAP, Object
from networking.addresses.facts import What
from networking.addresses.ranges import Span, merged
from networking.addresses.sources import SOURCES, RangeSource, Read, listed, part, spans_of, texts_at

NAMESPACE, CONFIG = "kube-system", "cilium-config"
_POOLS = ("cluster-pool-ipv4-cidr", "cluster-pool-ipv6-cidr")


@SOURCES.register
class CiliumConfig(RangeSource):
    """ConfigMap cilium-config and the CiliumNodes.

    The pool of the configuration counts only with `ipam: cluster-pool` (networking.md 1.1); what nodes have beside it,
    from an older pool, counts too. Pools that nodes were given in other modes stand in the CiliumNodes alone.
    """

    slug, label, place = "cilium-config", _("Cilium's configuration and nodes"), 10

    def read(self, client: PlaneClient) -> Read:
        config = client.get(CONFIG_MAP, CONFIG, NAMESPACE)
        if config is None:
            return Read()
        data = part(config, "data")
        pools = _pools(data) if data.get("ipam", "cluster-pool") == "cluster-pool" else []
        given = merged(spans_of(_of_nodes(listed(client, CILIUM_NODE) or [])))
        spans = [*pools, *(span for span in given if not any(pool.holds(span) for pool in pools))]
        return Read({What.PODS: spans} if spans else {})


def _pools(data: dict[str, Any]) -> list[Span]:
    texts = (str(data.get(key) or "") for key in _POOLS)
    return spans_of(text for value in texts for text in re.split(r"[\s,]+", value) if text)


def _of_nodes(nodes: list[Object]) -> Iterator[Any]:
    for node in nodes:
        yield from texts_at(node, "spec", "ipam", "podCIDRs")
        for pool in texts_at(node, "spec", "ipam", "pools", "allocated"):
            yield from texts_at(pool, "cidrs") if isinstance(pool, dict) else ()


@SOURCES.register
class CiliumPools(RangeSource):
    """CiliumLoadBalancerIPPool: blocks as a CIDR, or from start to stop."""

    slug, label, place = "cilium-pools", _("Cilium's address pools"), 30

    def read(self, client: PlaneClient) -> Read:
        pools = listed(client, CILIUM_LOAD_BALANCER_IP_POOL)
        if not pools:
            return Read()
        blocks = (block for pool in pools for block in texts_at(pool, "spec", "blocks"))
        return Read(
            {What.LOAD_BALANCERS: spans_of(_text(block) for block in blocks if isinstance(block, dict))}
        )


def _text(block: dict[str, Any]) -> Any:
    start = block.get("start")
    return block.get("cidr") or f"{start}-{block.get('stop') or start}"
