"""How clients reach a database: what they need, and plans that give or take their addresses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from placements import connecting
from placements.addresses_kept import connection_of
from placements.api.base import Api
from placements.api.databases import (
    EndpointAnswer,
    PlacementAct,
    RepairBody,
    endpoint_rows,
    placement_of,
)
from placements.api.describe import answers
from placements.api.fields import Answer, Truth
from placements.api.plans import PlanAnswer, plan_rows
from placements.connection import Bundle
from placements.jobs import known_definition
from placements.models import STANDING, ClientAccess, Placement
from placements.names import names_of


class ConnectionAnswer(Answer):
    """Everything that a client, its firewall and its DNS need. There is no secret in it."""

    endpoints = EndpointAnswer(many=True, help_text="One per replica that has an address.")
    missing = serializers.ListField(child=serializers.CharField(), help_text="Pods without an address.")
    env = serializers.CharField(help_text="The env file.")
    commands = serializers.ListField(child=serializers.CharField())
    firewall = serializers.ListField(child=serializers.CharField())
    dns_name = serializers.CharField(help_text="The name that follows the leader; empty where none does.")
    dns_lines = serializers.CharField(help_text="Lines of a zone file.")
    haproxy = serializers.CharField()
    envoy = serializers.CharField()


class ConnectionOne(Api):
    """The connection bundle of a database, as its planes were seen last."""

    @answers(ConnectionAnswer)
    def get(self, request: Request, pk: int) -> Response:
        placement = placement_of(request.user, pk)
        standing = placement.status in STANDING and not connecting.being_retired(placement)
        bundle = connection_of(placement) if standing else connection_of(placement, rows=(), observed={})
        names: Iterable[str] = ConnectionAnswer().fields
        found: dict[str, Any] = {name: getattr(bundle, name) for name in names}
        follows = standing and ClientAccess.objects.filter(placement=placement).exclude(zone="").exists()
        found |= {
            "endpoints": endpoint_rows(placement),
            "missing": _missing(placement, bundle) if standing else [],
            "dns_name": bundle.dns_name if follows else "",
        }
        return self.answer(request, ConnectionAnswer, found)


def _missing(placement: Placement, bundle: Bundle) -> list[str]:
    """Return the pods without an address, also those whose service was never made.

    Services of the engine's own definition do not say which pod each is for.
    """
    having = {one.pod for one in bundle.endpoints}
    names = names_of(
        placement.name, placement.kind_of_engine, known_definition(placement), placement.replicas
    )
    return [] if "" in having else [pod for pod in names.pods if pod not in having]


class AddressesBody(RepairBody):
    """`follow`: and keep a name in the console's DNS zone on the leader. `newest`: as the profile says now.

    Else the version counts that the database, or its services for clients, were made with.
    """

    follow = Truth(required=False, default=False)
    newest = Truth(required=False, default=False)


class AddressesGive(PlacementAct):
    """Plan a service per replica for clients outside, as the network profile says."""

    @answers(PlanAnswer, body=AddressesBody, code=202)
    def post(self, request: Request, pk: int) -> Response:
        given, row = self.body(request, AddressesBody), placement_of(request.user, pk)
        plan = connecting.ask_addresses(
            row.pk, follow=given["follow"], newest=given["newest"], reason=given["reason"], by=request.user
        )
        return self.answer(request, PlanAnswer, plan_rows(request.user).get(pk=plan.pk), 202)


class AddressesTake(PlacementAct):
    """Plan the removal of what the console made for clients, and of nothing else."""

    @answers(PlanAnswer, body=RepairBody, code=202)
    def post(self, request: Request, pk: int) -> Response:
        given, row = self.body(request, RepairBody), placement_of(request.user, pk)
        plan = connecting.take_addresses(row.pk, reason=given["reason"], by=request.user)
        return self.answer(request, PlanAnswer, plan_rows(request.user).get(pk=plan.pk), 202)
