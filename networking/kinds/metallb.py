"""Clients reach each replica at an address that MetalLB takes from a pool of the plane."""

from __future__ import annotations

from collections.abc import Sequence

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.jobs.definition import Check
from networking.kinds.base import KINDS, ClientPart, Direction, NetworkKind, PlaneFact, ProfileConfig
from networking.kinds.clouds import AKS, CLOUDS, EKS, GKE, PRIVATE, PUBLIC
from networking.kinds.metallb_changes import HasRoom
from networking.kinds.metallb_objects import TAKEN_FROM_ANY

POOL = "metallb.io/address-pool"
"""Which pool a service takes its address from (metallb/metallb controller/service.go)."""
CANNOT = (EKS.slug, AKS.slug, GKE.slug)
"""Clouds in which MetalLB does not work at all (metallb/metallb website/content/installation/clouds.md)."""
OPENSTACK = "openstack"

declare(
    {
        "metallb.cannot": _(
            "%(plane)s runs in %(cloud)s, whose network delivers only to addresses that it gave itself, so nobody "
            "would reach what MetalLB gives. Take the cloud's own load balancers for clients, or another plane."
        ),
        "metallb.doubtful": _(
            "%(plane)s runs in %(cloud)s. Networks of clouds usually drop packets to addresses that they did not give; "
            "try one address of MetalLB from outside the plane before you approve."
        ),
        "metallb.spoofing": _(
            "%(plane)s runs in OpenStack, which drops packets to addresses of MetalLB until its protection against "
            "ARP spoofing is off for the nodes' ports."
        ),
        "metallb.segment": _(
            "Clients, or a router with a route to the pool, have to be in the same network segment as the nodes: "
            "MetalLB answers there for its addresses. That an address answers on a node itself proves nothing."
        ),
        "metallb.internet": _(
            "The pool's addresses are reached from the internet. Let only your clients' addresses through the firewall."
        ),
        "metallb.not_between": _(
            "Here MetalLB gives addresses to clients only: the guide's self-built planes join their replicas by a mesh."
        ),
        "metallb.clients": _("Clients reach each replica at an address of its own from its plane's pool."),
    }
)  # fmt: skip


class MetalLbConfig(forms.Form):
    """Which pool, the same name on every plane with that plane's own range."""

    pool = forms.CharField(
        label=_("Pool"),
        max_length=63,
        validators=[
            RegexValidator(
                r"\A[a-z0-9]([a-z0-9-]*[a-z0-9])?\Z", _("Small letters, digits and “-”, such as kb-clients.")
            )
        ],
        help_text=_("The name of the IPAddressPool, the same on each plane; its range is each plane's own."),
    )
    address_type = forms.ChoiceField(
        label=_("Addresses"),
        choices=[
            (PRIVATE, _("Private: reached from inside the network")),
            (PUBLIC, _("Public: on the internet")),
        ],
        widget=forms.RadioSelect,
    )
    load_balancer_class = forms.CharField(
        label=_("Class of load balancers"),
        required=False,
        max_length=253,
        validators=[
            RegexValidator(
                r"\A([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?\Z",
                _("This is no class. Write it as the chart's loadBalancerClass has it."),
            )
        ],
        help_text=_("Only where MetalLB was installed with one, beside another provider of load balancers."),
    )


@KINDS.register
class MetalLb(NetworkKind):
    """A LoadBalancer service per replica, with an address from a named pool. Installing is a job of its own."""

    slug = "metallb"
    label = _("MetalLB")
    note = _(
        "The guide installs MetalLB into the current namespace and then waits in metallb-system for a label that its "
        "chart does not write, and it announces all pools. Here it stands in metallb-system, is judged by whether its "
        "parts are ready, and the pool is named."
    )
    carries = frozenset({Direction.NORTH_SOUTH})
    adjacent = True
    reports = TAKEN_FROM_ANY
    Config = MetalLbConfig

    def client_service(self, config: ProfileConfig, plane: str = "") -> ClientPart:
        named = str(config.get("load_balancer_class") or "")
        return ClientPart("LoadBalancer", {POOL: config["pool"]}, load_balancer_class=named)

    def client_checks(self, config: ProfileConfig, plane: str, services: Sequence[str]) -> Sequence[Check]:
        return (HasRoom(plane, config["pool"], list(services)),)

    def client_promise(self, config: ProfileConfig) -> Sentence:
        return say("metallb.clients")

    def vips(self, config: ProfileConfig, replicas: int) -> int:
        return replicas

    def public(self, config: ProfileConfig) -> bool:
        return bool(config["address_type"] == PUBLIC)

    def refusal(self, direction: Direction) -> Sentence | None:
        return say("metallb.not_between") if direction is Direction.EAST_WEST else None

    def problems(self, config: ProfileConfig, planes: Sequence[PlaneFact]) -> list[Sentence]:
        return [
            say("metallb.cannot", plane=plane.name, cloud=CLOUDS[plane.cloud].name)
            for plane in planes
            if plane.cloud in CANNOT
        ]

    def cautions(self, config: ProfileConfig, planes: Sequence[PlaneFact]) -> list[Sentence]:
        found = [say("metallb.internet")] if self.public(config) else []
        doubtful = [plane for plane in planes if plane.cloud in CLOUDS and plane.cloud not in CANNOT]
        found += [
            say("metallb.doubtful", plane=plane.name, cloud=CLOUDS[plane.cloud].name) for plane in doubtful
        ]
        found += [say("metallb.spoofing", plane=plane.name) for plane in planes if plane.cloud == OPENSTACK]
        return [*found, say("metallb.segment")]
