"""The fleet: planes, uploads of kubeconfigs, and the copy of the pods' role."""

from __future__ import annotations

from typing import Any, ClassVar

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kbconsole.common.roles import Role
from kbconsole.fleet import installing, services
from kbconsole.fleet.models import KubeconfigDraft, Plane, Purpose
from kbconsole.jobs.models import Plan
from placements.api.base import Api, Pages
from placements.api.describe import answers, lists
from placements.api.fields import Answer, AnyObject, Body, SentenceField, SentencesField, Text, Truth
from placements.api.plans import PlanAnswer, plan_rows
from placements.api.runs import RunAnswer


class ContextName(Text):
    """The name of a context, which is that of its plane."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=128, **kwargs)


class PlaneAnswer(Answer):
    name = serializers.CharField()
    is_control_plane = serializers.BooleanField()
    is_data_plane = serializers.BooleanField()
    state = serializers.ChoiceField(["connected", "connecting", "silent", "unchecked"])
    uid = serializers.CharField()
    server = serializers.CharField()
    version = serializers.CharField()
    release_line = serializers.CharField()
    operator_version = serializers.CharField()
    storage_class = serializers.CharField()
    region = serializers.CharField()
    zones = serializers.ListField(child=serializers.CharField())
    last_answer_at = serializers.DateTimeField(allow_null=True)
    last_asked_at = serializers.DateTimeField(allow_null=True)
    last_error = SentenceField(allow_null=True)
    rung = serializers.CharField()
    failing_since = serializers.DateTimeField(allow_null=True)
    unchecked_since = serializers.DateTimeField(allow_null=True)
    room = AnyObject(allow_null=True)
    room_at = serializers.DateTimeField(allow_null=True)
    facts_at = serializers.DateTimeField(allow_null=True)
    installer_until = serializers.DateTimeField(
        allow_null=True,
        help_text="Until when the console uses an installer credential there; null: it has none.",
    )


class PlaneDetail(PlaneAnswer):
    operator_contexts = serializers.ListField(child=serializers.CharField())
    operator_contexts_disabled = serializers.ListField(child=serializers.CharField())
    definitions = serializers.ListField(child=AnyObject())
    nodes = serializers.ListField(child=AnyObject())


class ContextAnswer(Answer):
    name = serializers.CharField()
    accepted = serializers.BooleanField()
    server = serializers.CharField()
    user_kind = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True)
    findings = SentencesField()


class DraftAnswer(Answer):
    """An upload, without anything secret. Only its owner sees it, for half an hour."""

    id = serializers.IntegerField()
    contexts = ContextAnswer(many=True)
    chosen = serializers.ListField(child=serializers.CharField())
    control_plane = serializers.CharField()
    also_plane = serializers.BooleanField()
    replaces = serializers.CharField()
    purpose = serializers.ChoiceField(Purpose.values)
    run = serializers.IntegerField(allow_null=True)
    plan = serializers.IntegerField(
        allow_null=True, help_text="The plan that it waits with; nobody changes it then."
    )
    expires_at = serializers.DateTimeField()


class SavedAnswer(Answer):
    planes = PlaneAnswer(many=True)


class UploadBody(Body):
    kubeconfig = Text(trim_whitespace=False)
    replaces = ContextName(required=False, default="", allow_blank=True)
    purpose = serializers.ChoiceField(
        Purpose.values,
        required=False,
        default=Purpose.CONSOLE.value,
        help_text="`installer` needs `replaces`.",
    )


class ChooseBody(Body):
    contexts = serializers.ListField(child=ContextName(), max_length=200)
    control_plane = ContextName(required=False, default="", allow_blank=True)
    also_plane = Truth(required=False, default=False)


class SaveBody(Body):
    """`reason` is for whoever has to agree to a new credential.

    `use_until`: when an installer credential is removed, in at most 7 days; a day from now if it is not given.
    """

    contexts = serializers.ListField(child=ContextName(), max_length=200)
    reason = Text(required=False, default="", allow_blank=True, max_length=4000)
    use_until = serializers.DateTimeField(required=False, allow_null=True, default=None)


class SwitchBody(Body):
    """What a plan to disable or enable a plane says to whoever has to agree."""

    reason = Text(required=False, default="", allow_blank=True, max_length=4000)


class CopyBody(Body):
    planes = serializers.ListField(child=ContextName(), max_length=200)
    take_over = Truth(required=False, default=False)
    reason = Text(required=False, default="", allow_blank=True, max_length=4000)


class PlaneList(Api):
    """The planes of the fleet."""

    pagination_class = Pages

    @lists(PlaneAnswer)
    def get(self, request: Request) -> Response:
        self.filters(request, Body)
        planes = Plane.objects.visible_to(request.user).with_installer()
        return self.page(request, planes, PlaneAnswer, order="name")


class PlaneOne(Api):
    """One plane, as it was last read."""

    @answers(PlaneDetail)
    def get(self, request: Request, name: str) -> Response:
        plane = get_object_or_404(Plane.objects.visible_to(request.user).with_installer(), name=name)
        return self.answer(request, PlaneDetail, plane)


class PlaneCheck(Api):
    """Look a plane over again: a preflight, which is a run."""

    acts = (Role.ADMIN,)

    @answers(RunAnswer, code=202)
    def post(self, request: Request, name: str) -> Response:
        self.body(request, Body)
        plane = get_object_or_404(Plane.objects.visible_to(request.user), name=name)
        return self.answer(request, RunAnswer, services.recheck(plane=plane, by=request.user), 202)


class PlaneInstaller(Api):
    """Take the installer credential of a plane away, at once. One is given by an upload with that purpose."""

    acts = (Role.ADMIN,)

    @answers(None, code=204)
    def delete(self, request: Request, name: str) -> Response:
        plane = get_object_or_404(Plane.objects.visible_to(request.user), name=name)
        installing.remove(plane=plane, by=request.user)
        return Response(status=204)


class PlaneSwitch(Api):
    """Plan to take a plane out of the operator's enabled contexts, or back in."""

    acts = (Role.ADMIN,)
    disable: ClassVar[bool]

    def plan(self, request: Request, name: str) -> Response:
        given = self.body(request, SwitchBody)
        plane = get_object_or_404(Plane.objects.visible_to(request.user).data_planes(), name=name)
        plan = services.plan_switch(plane=plane, disable=self.disable, by=request.user, **given)
        return self.answer(request, PlanAnswer, plan_rows(request.user).get(pk=plan.pk), 202)


class PlaneDisable(PlaneSwitch):
    """Plan to disable a plane in the operator: what one does when it is lost."""

    disable = True

    @answers(PlanAnswer, body=SwitchBody, code=202)
    def post(self, request: Request, name: str) -> Response:
        return self.plan(request, name)


class PlaneEnable(PlaneSwitch):
    """Plan to enable a plane in the operator again."""

    disable = False

    @answers(PlanAnswer, body=SwitchBody, code=202)
    def post(self, request: Request, name: str) -> Response:
        return self.plan(request, name)


class DraftList(Api):
    """Upload a kubeconfig. Nothing of it is used before its contexts are chosen, checked and saved."""

    acts = (Role.ADMIN,)

    @answers(DraftAnswer, body=UploadBody, code=201)
    def post(self, request: Request) -> Response:
        given = self.body(request, UploadBody)
        replaces, purpose = given["replaces"], given["purpose"]
        if replaces and not Plane.objects.visible_to(request.user).filter(name=replaces).exists():
            raise serializers.ValidationError({"replaces": [_("No plane of the fleet has this name.")]})
        data = given["kubeconfig"].encode()
        draft = services.upload_draft(data=data, replaces=replaces, purpose=purpose, by=request.user)
        return self.answer(request, DraftAnswer, draft, 201)


class DraftApi(Api):
    """An upload is its owner's alone."""

    reads = acts = (Role.ADMIN,)

    def draft(self, request: Request, pk: int) -> KubeconfigDraft:
        found: KubeconfigDraft = get_object_or_404(KubeconfigDraft.objects.visible_to(request.user), pk=pk)
        return found


class DraftOne(DraftApi):
    """One upload."""

    @answers(DraftAnswer)
    def get(self, request: Request, pk: int) -> Response:
        return self.answer(request, DraftAnswer, self.draft(request, pk))


class DraftChoose(DraftApi):
    """Choose contexts and start their preflight, which is a run."""

    @answers(RunAnswer, body=ChooseBody, code=202)
    def post(self, request: Request, pk: int) -> Response:
        given = self.body(request, ChooseBody)
        run = services.choose(draft=self.draft(request, pk), by=request.user, **given)
        return self.answer(request, RunAnswer, run, 202)


class DraftSave(DraftApi):
    """Make planes of the contexts whose preflight has no failure; 202 with a plan where somebody else must agree."""

    @answers(SavedAnswer, body=SaveBody, code=201, also={202: PlanAnswer})
    def post(self, request: Request, pk: int) -> Response:
        given = self.body(request, SaveBody)
        saved = services.save(draft=self.draft(request, pk), by=request.user, **given)
        if isinstance(saved, Plan):
            return self.answer(request, PlanAnswer, plan_rows(request.user).get(pk=saved.pk), 202)
        planes = Plane.objects.with_installer().filter(pk__in=[plane.pk for plane in saved])
        return self.answer(request, SavedAnswer, {"planes": planes}, 201)


class CopyRbac(Api):
    """Plan the copy of the pods' role to data planes."""

    acts = (Role.ADMIN,)

    @answers(PlanAnswer, body=CopyBody, code=202)
    def post(self, request: Request) -> Response:
        given = self.body(request, CopyBody)
        plan = services.plan_rbac_copy(by=request.user, **given)
        return self.answer(request, PlanAnswer, plan_rows(request.user).get(pk=plan.pk), 202)
