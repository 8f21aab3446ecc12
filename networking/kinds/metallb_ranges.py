"""What MetalLB tells of the ranges that load balancers of a plane get their addresses from."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.kinds import IP_ADDRESS_POOL
from networking.addresses.facts import What
from networking.addresses.sources import SOURCES, RangeSource, Read, listed, spans_of, texts_at


@SOURCES.register
class MetalLbPools(RangeSource):
    """IPAddressPool: `spec.addresses` holds CIDRs and `a-b` ranges.

    Without a pool nothing is said: something else may give addresses to load balancers there.
    """

    slug, label, place = "metallb-pools", _("MetalLB's address pools"), 30

    def read(self, client: PlaneClient) -> Read:
        pools = listed(client, IP_ADDRESS_POOL)
        if not pools:
            return Read()
        return Read(
            {
                What.LOAD_BALANCERS: spans_of(
                    text for pool in pools for text in texts_at(pool, "spec", "addresses")
                )
            }
        )
