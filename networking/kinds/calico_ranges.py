"""What Calico tells of a plane's pod ranges."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.kinds import CALICO_IP_POOL
from networking.addresses.facts import What
from networking.addresses.sources import SOURCES, RangeSource, Read, listed, part, spans_of


@SOURCES.register
class CalicoPools(RangeSource):
    """IPPool: the whole range of pods, of which nodes know only what they have. A disabled pool gives nothing more."""

    slug, label, place = "calico-pools", _("Calico's address pools"), 40

    def read(self, client: PlaneClient) -> Read:
        pools = [pool for pool in listed(client, CALICO_IP_POOL) or [] if not part(pool, "spec", "disabled")]
        spans = spans_of(part(pool, "spec", "cidr") for pool in pools)
        return Read({What.PODS: spans} if spans else {})
