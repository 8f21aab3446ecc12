"""The list of databases: one row for the whole life of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from kbconsole.common.htmx import template_for
from kbconsole.common.roles import Role, has_role
from kbconsole.fleet.health import unknown
from kbconsole.fleet.models import Plane
from kbconsole.people.models import Team
from networking.models import Profile
from placements.models import OVER, Placement, PlacementQuerySet, Status
from placements.search import matching
from placements.views.replicas import Replica, health_of, match_of, replicas_of, verdict_of

PAGE = 25
MOVING = (Status.WAITING, Status.APPLYING)
MY_TEAMS = "mine"


@dataclass(frozen=True)
class Row:
    """One placement of the list."""

    placement: Placement
    replicas: list[Replica]
    health: str
    match: str
    kept: bool
    verdict: str


class PlacementFilter(forms.Form):
    """What the address of the list may ask for; a value that makes no sense filters nothing."""

    q = forms.CharField(label=_("Words"), required=False)
    state = forms.ChoiceField(label=_("State"), required=False)
    team = forms.ChoiceField(label=_("Team"), required=False)
    plane = forms.ChoiceField(label=_("Plane"), required=False)
    profile = forms.ChoiceField(label=_("Network profile"), required=False)
    mine = forms.BooleanField(label=_("Mine only"), required=False)
    before = forms.IntegerField(required=False, min_value=1, max_value=2**62, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict, planes: list[Plane], teams: list[Team]) -> None:
        super().__init__(data)
        self._choices("team", [(MY_TEAMS, _("my teams")), *((str(team.pk), team.name) for team in teams)])
        if not teams:
            del self.fields["team"]
        profiles = [(str(pk), name) for pk, name in Profile.objects.values_list("pk", "name")]
        self._choices("state", list(Status.choices))
        self._choices("plane", [(plane.name, plane.name) for plane in planes if plane.is_data_plane])
        self._choices("profile", profiles)
        self.is_valid()

    def _choices(self, name: str, choices: list[tuple[Any, Any]]) -> None:
        field: Any = self.fields[name]
        field.choices = [("", _("all")), *choices]

    @property
    def selects(self) -> list[forms.BoundField]:
        names = ("q", "state", "team", "plane", "profile")
        return [self[name] for name in names if name in self.fields]

    @property
    def active(self) -> bool:
        """Whether anything is filtered away."""
        return any(self.cleaned_data.get(name) for name in ("q", "state", "team", "plane", "profile", "mine"))

    def narrow(self, rows: PlacementQuerySet, user: Any) -> PlacementQuerySet:
        data = self.cleaned_data
        if data.get("q"):
            rows = matching(rows, data["q"])
        if data.get("mine"):
            rows = rows.filter(owner=user)
        if data.get("team") == MY_TEAMS:
            rows = rows.filter(team__in=Team.objects.of(user))
        elif data.get("team"):
            rows = rows.filter(team_id=data["team"])
        if data.get("state"):
            rows = rows.filter(status=data["state"])
        if data.get("profile"):
            rows = rows.filter(profile_id=data["profile"])
        if data.get("plane"):
            # SQLite cannot look into a JSON list; the quotes make it the whole name.
            rows = rows.alias(names=Cast("planes", TextField())).filter(names__contains=f'"{data["plane"]}"')
        return rows


def _row(placement: Placement, silent: set[str]) -> Row:
    replicas = replicas_of(placement, silent=silent)
    kept, verdict = verdict_of(placement)
    verdict = "" if placement.status in OVER else verdict
    health, match = health_of(placement, replicas), match_of(placement, silent)
    return Row(placement, replicas, health, match, kept, verdict)


@require_safe
def placement_list(request: HttpRequest) -> HttpResponse:
    """How are my databases? Newest first, by the filters in the address."""
    planes = list(Plane.objects.visible_to(request.user))
    form = PlacementFilter(request.GET, planes, list(Team.objects.visible_to(request.user)))
    visible = Placement.objects.visible_to(request.user).select_related("owner", "profile", "team")
    found, before = form.narrow(visible, request.user), form.cleaned_data.get("before")
    if before:
        found = found.filter(pk__lt=before)
    page = list(found[: PAGE + 1])
    silent = unknown(planes)
    rows = [_row(placement, silent) for placement in page[:PAGE]]
    more = len(page) > PAGE
    context = {
        "form": form,
        "rows": rows,
        "older_url": _with(request, before=str(page[PAGE - 1].pk)) if more else "",
        "newer_url": _with(request) if before else "",
        "live": any(row.placement.status in MOVING for row in rows),
        "here": _with(request, before=str(before or "")),
        "may_ask": has_role(request.user, Role.DBA, Role.ADMIN),
    }
    template = template_for(request, "placements/placement_list.html", "placements/_placement_list.html")
    return render(request, template, context)


def _with(request: HttpRequest, *, before: str = "") -> str:
    query = request.GET.copy()
    query.pop("before", None)
    if before:
        query["before"] = before
    return f"{request.path}?{query.urlencode()}"
