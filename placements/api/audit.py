"""The audit log, to be read: administrators and auditors see all, a DBA what they did."""

from __future__ import annotations

from django.http import QueryDict
from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kbconsole.audit.forms import EntryFilter
from kbconsole.audit.models import ActorKind, Entry, EntryQuerySet, Outcome
from placements.api.base import PAGING, Api, Pages
from placements.api.describe import answers, lists
from placements.api.fields import Answer, AnyObject, Body, SentenceField


class EntryAnswer(Answer):
    seq = serializers.IntegerField()
    at = serializers.DateTimeField()
    act = serializers.CharField()
    sentence = SentenceField()
    outcome = serializers.ChoiceField(Outcome.choices)
    person = serializers.CharField()
    actor_kind = serializers.ChoiceField(ActorKind.choices)
    source_ip = serializers.CharField()
    request_id = serializers.CharField()
    object_kind = serializers.CharField()
    object_id = serializers.CharField()
    object_label = serializers.CharField()
    plane = serializers.CharField()
    run_id = serializers.CharField()
    plan_hash = serializers.CharField()
    reason = serializers.CharField()
    hash = serializers.CharField()
    prev_hash = serializers.CharField()


class EntryDetail(EntryAnswer):
    """`canonical` is the text that `hash` seals with the key `key_id`."""

    params = AnyObject()
    detail = serializers.CharField()
    canonical = serializers.CharField()
    key_id = serializers.CharField()


class EntryFilters(Body):
    """As on the audit page; `object` is a kind, or kind:id; `act` also takes the first part of an act's code."""

    person = serializers.CharField(required=False)
    act = serializers.CharField(required=False)
    object = serializers.CharField(required=False)
    plane = serializers.CharField(required=False)
    run = serializers.CharField(required=False)
    outcome = serializers.ChoiceField(Outcome.choices, required=False)

    def get_fields(self) -> dict[str, serializers.Field]:  # type: ignore[type-arg]
        """`from` is a word of Python, so the two times are named here."""
        times = {"from": serializers.CharField(required=False), "to": serializers.CharField(required=False)}
        return {**super().get_fields(), **times}


def narrowed(rows: EntryQuerySet, given: QueryDict) -> EntryQuerySet:
    """Return the entries that the page's own filters let through. Raises ValidationError by filter."""
    form = EntryFilter(given)
    if not form.is_valid():
        raise serializers.ValidationError(
            {
                form.add_prefix(name): [
                    serializers.ErrorDetail(text, code=error.code or "invalid")
                    for error in found
                    for text in error.messages
                ]
                for name, found in form.errors.as_data().items()
            }
        )
    return form.narrow(rows)


class EntryList(Api):
    """Who did what, newest first."""

    pagination_class = Pages

    @lists(EntryAnswer, filters=EntryFilters)
    def get(self, request: Request) -> Response:
        self.filters(request, EntryFilters)
        given = request.query_params.copy()
        for name in PAGING:
            given.pop(name, None)
        rows = narrowed(Entry.objects.visible_to(request.user), given)
        return self.page(request, rows.defer("canonical", "detail"), EntryAnswer, order="-seq")


class EntryOne(Api):
    """One entry, with the text that its hash seals."""

    @answers(EntryDetail)
    def get(self, request: Request, seq: int) -> Response:
        return self.answer(
            request, EntryDetail, get_object_or_404(Entry.objects.visible_to(request.user), seq=seq)
        )
