"""Retiring a database: what would vanish, the typed name, and what becomes of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from kbconsole.common.errors import ConsoleError, Refused, Stale
from kbconsole.common.sentences import Json, say
from kbconsole.fleet.models import Plane
from placements import services
from placements.forms import RetireForm
from placements.models import STANDING, Placement
from placements.names import DatabaseNames
from placements.views.detail import found
from placements.views.replicas import names_for, seen_times


@require_http_methods(["GET", "POST"])
def retire(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the plan that deletes the database and cleans up behind the operator."""
    placement = found(request, pk)
    if not placement.may_change(request.user):
        raise placement.not_yours()
    if placement.status not in STANDING:
        status = say(f"placement_status.{placement.status}")
        raise Stale("placements.not_now", name=placement.name, status=status)
    form = RetireForm(request.POST if request.method == "POST" else None, name=placement.name)
    error, status_code = None, 422 if form.is_bound else 200
    if form.is_bound and form.is_valid():
        try:
            plan = services.retire(pk, by=request.user, **form.cleaned_data)
            return redirect("jobs:plan-detail", pk=plan.pk)
        except Refused:
            raise
        except ConsoleError as failed:
            error, status_code = failed, failed.status
    context = {"placement": placement, "form": form, "error": error, **_gone(placement)}
    return render(request, "placements/placement_retire.html", context, status=status_code)


def _gone(placement: Placement) -> dict[str, Any]:
    """Return what vanishes per plane, from what was seen last, and the names that the cleaning looks for."""
    control = Plane.objects.filter(is_control_plane=True).first()
    names = names_for(placement, control)
    seen: Mapping[str, Json] = placement.observed or {}
    times = seen_times(placement)
    planes = [
        {**_on_plane(plane, index, placement, seen.get(plane), names), "read_at": times.get(plane)}
        for index, plane in enumerate(placement.planes)
    ]
    for row in placement.addresses.all():
        mine = next((one for one in planes if one["plane"] == row.plane), None)
        if mine is not None:
            balanced = [] if row.node_port else row.endpoints
            mine["services"].append({"name": row.service, "type": "", "addresses": balanced})
    kept = [names.service_account, names.role_binding] if names.shares_service_account else []
    return {"planes": planes, "kept_objects": kept, "control": control}


def _on_plane(
    plane: str, index: int, placement: Placement, seen: Mapping[str, Any] | None, names: DatabaseNames
) -> dict[str, Any]:
    """Return the plane's pods with their volumes, its services with their addresses, and the rest."""
    mine = list(range(index, placement.replicas, len(placement.planes)))
    services_ = [
        {"name": service["name"], "type": service["type"], "addresses": service.get("addresses") or []}
        for service in (seen or {}).get("services", [])
    ]
    rest = [*names.config_maps, names.headless_service]
    if not names.shares_service_account:
        rest += [names.service_account, names.role_binding]
    return {
        "plane": plane,
        "seen": seen is not None,
        "pods": [names.pods[n] for n in mine],
        "volumes": [names.volume_claims[n] for n in mine],
        "services": services_,
        "rest": list(dict.fromkeys(rest)),
    }
