"""Clients reach each replica at a port that is open on every node of its plane."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare, say
from networking.kinds.base import KINDS, ClientPart, Direction, NetworkKind, PlaneFact, ProfileConfig
from networking.kinds.lines import PerPlaneField
from networking.kinds.nodes import NodeChoice, Prefer

LOWER_BAND = (30000, 30085)
"""Ports that Kubernetes hands out last: min(max(16, 2768 / 32), 128) = 86 of 30000–32767 (Service docs, KEP-3070)."""
MOST_NODES = 5
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", re.ASCII)

declare(
    {
        "node_port.own_missing": _("Write the addresses that clients get, one “plane: address, address” a line."),
        "node_port.own_unused": _("Clients get the nodes' own addresses. Leave this empty, or take “Own addresses”."),
        "node_port.no_line": _(
            "%(plane)s: this profile says no address for it, so its replicas could not be reached. An administrator "
            "adds a line “%(plane)s: address” to the profile; or take another plane."
        ),
        "node_port.not_between": _(
            "NodePort cannot carry the traffic between replicas: an engine tells its replicas a name and a fixed port, "
            "such as 2380 of etcd, and a node port is another one, which no replica is told. Use it for clients."
        ),
        "node_port.public": _(
            "Clients get the nodes' ExternalIP: whoever reaches the nodes from the internet reaches the port of "
            "clients. Let only your clients' addresses through the firewall."
        ),
        "node_port.nodes_go": _(
            "Clients get addresses of nodes. When a node is drained or replaced, its address is gone, and the console "
            "tells the owner of the new one; clients have to take it over."
        ),
        "node_port.clients": _(
            "Clients reach each replica at addresses of its plane's nodes, with a port of its own for each replica."
        ),
    }
)  # fmt: skip


def is_host(text: str) -> bool:
    """Return whether the text is an IP address or a DNS name that clients could be given."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return len(text) <= 253 and bool(_HOST.fullmatch(text)) and not text.replace(".", "").isdigit()
    return not (address.is_unspecified or address.is_loopback or address.is_multicast)


class NodePortConfig(forms.Form):
    """Which addresses of the nodes clients get, how many, and whether ports are fixed."""

    addresses = forms.ChoiceField(
        label=_("Addresses for clients"),
        choices=[
            (Prefer.INTERNAL.value, _("The nodes' internal addresses: reached from inside the network")),
            (Prefer.EXTERNAL.value, _("The nodes' external addresses: often on the internet")),
            (Prefer.OWN.value, _("Own addresses, such as of a balancer before the nodes")),
        ],
        widget=forms.RadioSelect,
    )
    own = PerPlaneField(
        label=_("Own addresses"),
        required=False,
        example="203.0.113.7, 203.0.113.8",
        valid=is_host,
        most=MOST_NODES,
        help_text=_("One “plane: address, address” a line."),
    )
    nodes = forms.IntegerField(
        label=_("How many nodes of a plane"),
        min_value=1,
        max_value=MOST_NODES,
        initial=2,
        help_text=_("Clients try the next one when a node is gone. Two or three are enough."),
    )
    fixed_ports = forms.BooleanField(
        label=_("Fix the ports, between 30000 and 30085"),
        required=False,
        help_text=_(
            "A service that is made again keeps its port then. Kubernetes gives ports of this band to nobody else as "
            "long as others are free; there are 86 on each plane."
        ),
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = self.cleaned_data
        wanted = data.get("addresses") == Prefer.OWN
        if not self.errors and wanted != bool(data.get("own")):
            code = "node_port.own_" + ("missing" if wanted else "unused")
            self.add_error("own", ValidationError(str(say(code)), code=code))
        return data


@KINDS.register
class NodePort(NetworkKind):
    """A NodePort service per replica. KubeBlocks leaves these at the policy `Cluster`, and so does the console: any
    ready node answers, wherever the pod is."""

    slug = "node_port"
    label = _("NodePort")
    note = _(
        "The guide says “host IP and NodePort” and stops there. Here it is chosen which addresses of the nodes clients "
        "get and how many, because a single node's address is gone with the node."
    )
    carries = frozenset({Direction.NORTH_SOUTH})
    Config = NodePortConfig

    def client_service(self, config: ProfileConfig, plane: str = "") -> ClientPart:
        choice = NodeChoice(Prefer(config["addresses"]), config["nodes"], dict(config.get("own") or {}))
        ports = LOWER_BAND if config.get("fixed_ports") else None
        return ClientPart("NodePort", traffic_policy="Cluster", node_ports=ports, nodes=choice)

    def client_promise(self, config: ProfileConfig) -> Sentence:
        return say("node_port.clients")

    def refusal(self, direction: Direction) -> Sentence | None:
        return say("node_port.not_between") if direction is Direction.EAST_WEST else None

    def problems(self, config: ProfileConfig, planes: Sequence[PlaneFact]) -> list[Sentence]:
        if config["addresses"] != Prefer.OWN:
            return []
        return [
            say("node_port.no_line", plane=p.name) for p in planes if p.name not in (config.get("own") or {})
        ]

    def cautions(self, config: ProfileConfig, planes: Sequence[PlaneFact]) -> list[Sentence]:
        external = [say("node_port.public")] if config["addresses"] == Prefer.EXTERNAL else []
        return external + ([] if config["addresses"] == Prefer.OWN else [say("node_port.nodes_go")])

    def named_planes(self, config: ProfileConfig) -> list[str]:
        return list(config.get("own") or {})

    def public(self, config: ProfileConfig) -> bool:
        """An ExternalIP is one that is reached from outside the cluster's network: taken for public, to be safe."""
        return bool(config["addresses"] == Prefer.EXTERNAL)
