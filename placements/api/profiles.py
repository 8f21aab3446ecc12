"""Network profiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kbconsole.common.roles import Role
from kbconsole.jobs.models import Plan
from networking import services
from networking.kinds.base import KINDS, ProfileConfig, kind_named
from networking.kinds.network import refusals
from networking.models import Profile
from placements.api.base import Api, Pages
from placements.api.describe import answers, lists
from placements.api.fields import Answer, AnyObject, Body, Text, Whole
from placements.api.plans import PlanAnswer, plan_rows


class ProfileAnswer(Answer):
    name = serializers.CharField()
    kind = serializers.CharField()
    kind_label = serializers.CharField(source="behaviour.label")
    note = serializers.CharField(source="behaviour.note")
    config = AnyObject()
    outside = serializers.CharField(help_text="The kind by which clients reach replicas; empty: by none.")
    outside_config = AnyObject()
    client_networks = serializers.ListField(child=serializers.CharField())
    version = serializers.IntegerField()
    created_by = serializers.CharField(source="created_by.username")
    created_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()


class KindField(Text):
    """The slug of a registered network kind."""

    def to_internal_value(self, data: Any) -> str:
        slug = super().to_internal_value(data)
        if slug and slug not in KINDS:
            known = ", ".join(kind.slug for kind in KINDS)
            raise serializers.ValidationError(
                _("Choose one of these kinds: %(known)s.") % {"known": known}, "kind"
            )
        return slug


class ProfileBody(Body):
    """`config` has the fields of the kind's own form, `outside_config` those of the kind for clients."""

    name = serializers.SlugField(max_length=40)
    kind = KindField()
    config = AnyObject(required=False, default=dict)
    outside = KindField(required=False, default="", allow_blank=True)
    outside_config = AnyObject(required=False, default=dict)
    client_networks = serializers.ListField(child=Text(max_length=100), required=False, max_length=100)


class ProfileChange(Body):
    """`seen_version` is the version that was read; a profile that somebody changed meanwhile stays as it is.

    Without `outside`, what clients get stays as it is; so do their networks without `client_networks`.
    """

    config = AnyObject()
    outside = KindField(required=False, allow_blank=True)
    outside_config = AnyObject(required=False, default=dict)
    client_networks = serializers.ListField(child=Text(max_length=100), required=False, max_length=100)
    seen_version = Whole()
    reason = Text(required=False, default="", allow_blank=True, max_length=4000)


def cleaned(kind: str, config: Mapping[str, Any], *, field: str = "config") -> ProfileConfig:
    """Return the settings as the kind's form cleans them. Raises ValidationError by field, below `field`."""
    form = kind_named(kind).Config(dict(config))
    errors: dict[str, list[serializers.ErrorDetail]] = {}
    for name in sorted(set(config) - set(form.fields)):
        errors[name[:100]] = [
            serializers.ErrorDetail(_("There is no field of this name here."), code="unknown")
        ]
    for name, found in form.errors.as_data().items():
        said = [(text, error.code or "invalid") for error in found for text in error.messages]
        errors[name] = [serializers.ErrorDetail(text, code=code) for text, code in said]
    if errors:
        raise serializers.ValidationError({field: errors})
    return form.cleaned_data


def carried(kind: str, outside: str) -> None:
    """Raise ValidationError, by field, for a kind that does not carry the direction."""
    if found := refusals(kind, outside):
        details = {name: [serializers.ErrorDetail(str(said), code=said.code)] for name, said in found.items()}
        raise serializers.ValidationError(details)


def for_clients(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a request says of clients, as the services take it; settings without a kind are refused."""
    if not given.get("outside"):
        if given.get("outside_config"):
            said = _("Say with `outside` which kind these settings are of.")
            raise serializers.ValidationError({"outside": [serializers.ErrorDetail(said, code="required")]})
        return {name: given[name] for name in ("outside", "client_networks") if name in given}
    config = cleaned(given["outside"], given["outside_config"], field="outside_config")
    networks = {"client_networks": given["client_networks"]} if "client_networks" in given else {}
    return {"outside": given["outside"], "outside_config": config, **networks}


class ProfileList(Api):
    """The network profiles: reading is for every role, making for administrators."""

    pagination_class = Pages
    acts = (Role.ADMIN,)

    @lists(ProfileAnswer)
    def get(self, request: Request) -> Response:
        self.filters(request, Body)
        rows = Profile.objects.visible_to(request.user).select_related("created_by")
        return self.page(request, rows, ProfileAnswer, order="name")

    @answers(ProfileAnswer, body=ProfileBody, code=201)
    def post(self, request: Request) -> Response:
        given = self.body(request, ProfileBody)
        carried(given["kind"], given["outside"])
        profile = services.create_profile(
            name=given["name"], kind=given["kind"], config=cleaned(given["kind"], given["config"]),
            by=request.user, **for_clients(given),
        )  # fmt: skip
        return self.answer(request, ProfileAnswer, profile, 201)


class ProfileOne(Api):
    """One network profile. A change raises its version; plans that were made with the old one are out of date.

    Where somebody else has to agree, the answer to a change is 202 and the plan that waits for that.
    """

    acts = (Role.ADMIN,)

    def profile(self, request: Request, name: str) -> Profile:
        rows = Profile.objects.visible_to(request.user).select_related("created_by")
        found: Profile = get_object_or_404(rows, name=name)
        return found

    @answers(ProfileAnswer)
    def get(self, request: Request, name: str) -> Response:
        return self.answer(request, ProfileAnswer, self.profile(request, name))

    @answers(ProfileAnswer, body=ProfileChange, also={202: PlanAnswer})
    def put(self, request: Request, name: str) -> Response:
        given, profile = self.body(request, ProfileChange), self.profile(request, name)
        carried(profile.kind, given.get("outside", ""))
        changed = services.ask_for_change(
            profile, config=cleaned(profile.kind, given["config"]), seen_version=given["seen_version"],
            reason=given["reason"], by=request.user, **for_clients(given),
        )  # fmt: skip
        if isinstance(changed, Plan):
            return self.answer(request, PlanAnswer, plan_rows(request.user).get(pk=changed.pk), 202)
        return self.answer(request, ProfileAnswer, changed)
