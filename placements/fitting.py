"""Which engines and networks cannot work together: one table between replicas, one for clients. Pure.

The engine says which services it cannot use and which addresses it cannot read; the network says what it makes. So
neither names the other, and a new engine or kind needs no row here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare, say
from networking.kinds.base import PlaneFact
from networking.kinds.network import Network
from placements.engines.base import Engine

IPV6 = 6
LOAD_BALANCER = "LoadBalancer"

declare(
    {
        "fitting.between": _("%(engine)s cannot join its replicas by this network: %(why)s"),
        "fitting.clients": _("Clients of %(engine)s cannot use this network: %(why)s"),
        "fitting.families": _(
            "%(engine)s cannot join its replicas by load balancers with IPv6 addresses, and %(planes)s give no others: "
            "it cuts what it is told at the first colon. Take planes with IPv4, or another network profile."
        ),
    }
)  # fmt: skip

Table = Mapping[str, str | Promise]
"""Type of a service → why it does not do, in words that complete a sentence."""


def between(engine: Engine, network: Network) -> Sentence | None:
    """Return why the engine's replicas could not reach each other, or None."""
    why = engine.cannot_peer.get(network.service().service_type)
    return say("fitting.between", engine=str(engine.label), why=str(why)) if why else None


def clients(engine: Engine, network: Network) -> Sentence | None:
    """Return why clients could not use what the network gives them, or None."""
    part = network.client_service("")
    why = engine.cannot_serve.get(part.service_type) if part else None
    return say("fitting.clients", engine=str(engine.label), why=str(why)) if why else None


def families(engine: Engine, network: Network, planes: Sequence[PlaneFact]) -> Sentence | None:
    """Return why addresses of these planes could not be read by the engine's replicas, or None."""
    if engine.reads_ipv6 or network.service().service_type != LOAD_BALANCER:
        return None
    only = [plane.name for plane in planes if plane.families == {IPV6}]
    return say("fitting.families", engine=str(engine.label), planes=only) if only else None


def unfitness(engine: Engine, network: Network, planes: Sequence[PlaneFact] = ()) -> list[Sentence]:
    """Return why engine and network cannot work together on these planes; empty when they can."""
    said = (between(engine, network), clients(engine, network), families(engine, network, planes))
    return [sentence for sentence in said if sentence is not None]
