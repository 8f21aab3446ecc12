"""At which addresses of a plane's nodes clients reach a port that is open on every node. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare, say

declare(
    {
        "nodes.no_external": _(
            "%(plane)s: none of its ready nodes has an ExternalIP, as on most managed clouds. Take internal addresses, "
            "or write the addresses of %(plane)s into the network profile."
        ),
        "nodes.no_internal": _("%(plane)s: none of its nodes is ready, so no address of it answers."),
        "nodes.not_written": _(
            "%(plane)s: the network profile says no address for it. An administrator adds a line "
            "“%(plane)s: address” to the profile."
        ),
    }
)


class Prefer(StrEnum):
    """Which addresses of nodes clients get. Never others instead: one that does not route helps nobody."""

    EXTERNAL = "ExternalIP"
    INTERNAL = "InternalIP"
    OWN = "own"


@dataclass(frozen=True)
class NodeFact:
    """One node: the addresses that it gives itself, by type as in Kubernetes."""

    name: str
    ready: bool = True
    addresses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """`{"InternalIP": […], "ExternalIP": […]}`."""


@dataclass(frozen=True)
class NodeChoice:
    """How many of which addresses. `own` are an administrator's, by plane: those of a balancer or of NAT."""

    prefer: Prefer
    count: int = 2
    own: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def hosts(self, plane: str, nodes: Sequence[NodeFact]) -> list[str]:
        """Return the addresses for clients, at most `count`; one of each node, by the node's name."""
        if self.prefer is Prefer.OWN:
            return list(self.own.get(plane, ()))[: self.count]
        ready = sorted((node for node in nodes if node.ready), key=lambda node: node.name)
        found = [next(iter(node.addresses.get(self.prefer.value, ())), "") for node in ready]
        return [address for address in found if address][: self.count]

    def problem(self, plane: str, nodes: Sequence[NodeFact]) -> Sentence | None:
        """Return why clients would get no address on the plane, or None."""
        if self.hosts(plane, nodes):
            return None
        code = {Prefer.EXTERNAL: "no_external", Prefer.INTERNAL: "no_internal", Prefer.OWN: "not_written"}
        return say(f"nodes.{code[self.prefer]}", plane=plane)
