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
    STANDING,
    EndpointAnswer,
    PlacementAct,
    RepairBody,
    endpoint_rows,
    placement_of,
)
from placements.api.describe import answers
from placements.api.fields import Answer
from placements.api.plans import PlanAnswer, plan_rows


class ConnectionAnswer(Answer):
    """Everything that a client, its firewall and its DNS need. There is no secret in it."""

    endpoints = EndpointAnswer(many=True, help_text="One per replica that has an address.")
    missing = serializers.ListField(child=serializers.CharField(), help_text="Pods without an address.")
    env = serializers.CharField(help_text="The env file.")
    commands = serializers.ListField(child=serializers.CharField())
    firewall = serializers.ListField(child=serializers.CharField())
    dns_name = serializers.CharField(help_text="The name that follows the leader, where there is one.")
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
        found["endpoints"] = endpoint_rows(placement)
        return self.answer(request, ConnectionAnswer, found)


class AddressesBody(RepairBody):
    """`follow`: and keep a name in the console's DNS zone on the leader. `newest`: as the profile says now.

    Else the version counts that the database, or its services for clients, were made with.
    """

    follow = serializers.BooleanField(required=False, default=False)
    newest = serializers.BooleanField(required=False, default=False)


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
