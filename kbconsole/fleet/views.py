"""The pages of the fleet: every plane, one plane, adding planes."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from kbconsole.common.errors import ConsoleError, Refused
from kbconsole.common.htmx import template_for
from kbconsole.common.roles import Role, has_role, require
from kbconsole.fleet import account, health, installing, pages, services, trouble
from kbconsole.fleet.forms import AccountForm, ChooseForm, CopyForm, SaveForm, UploadForm
from kbconsole.fleet.models import KubeconfigDraft, Plane, Purpose
from kbconsole.fleet.replacing import waiting_plans
from kbconsole.fleet.trouble_acts import Act, switch
from kbconsole.jobs.models import Plan, Run


def _why_not(request: HttpRequest) -> str:
    """Return why this person only looks, for a disabled button; "" for an administrator."""
    return "" if has_role(request.user, Role.ADMIN) else _("Only an administrator changes the fleet.")


@require_safe
def plane_list(request: HttpRequest) -> HttpResponse:
    """Is every plane well, and what to do about one that is not."""
    rows = pages.plane_rows(Plane.objects.visible_to(request.user))
    planes = [row.plane for row in rows]
    why_not = _why_not(request)
    troubles = trouble.troubles(planes, request.user, why_not)
    context = {
        "rows": rows,
        "control": next((plane for plane in planes if plane.is_control_plane), None),
        "silent": [plane for plane in planes if plane.silent],
        "troubles": troubles,
        "without_quorum": trouble.without_quorum(troubles),
        "invaded": pages.invaded(planes),
        "unchecked_since": health.unchecked_since(planes),
        "form": CopyForm(user=request.user),
        "why_not": why_not,
    }
    return render(request, template_for(request, "fleet/plane_list.html", "fleet/_plane_list.html"), context)


@require_safe
def plane_detail(request: HttpRequest, name: str) -> HttpResponse:
    """Can databases run on this plane, and what is missing."""
    plane = get_object_or_404(Plane.objects.visible_to(request.user), name=name)
    planes, why_not = list(Plane.objects.visible_to(request.user)), _why_not(request)
    control = next((one for one in planes if one.is_control_plane), None)
    troubles = [one for one in trouble.troubles(planes, request.user, why_not) if one.plane == plane]
    given = {row.purpose: row for row in plane.credentials.select_related("created_by").order_by("version")}
    plans = waiting_plans(plane)
    rungs = pages.ladder(plane, control)
    runs = Run.objects.visible_to(request.user).filter(steps__lane=name).distinct().order_by("-pk")[:10]
    look = pages.last_look(plane)
    context = {
        "plane": plane,
        "rungs": rungs,
        "invaded": pages.invaded([plane]),
        "troubles": troubles,
        "switch": _switch_back(plane, control, why_not) if not troubles else None,
        "without": [] if troubles else trouble.without(plane, request.user),
        "first_missing": next((rung for rung in rungs if rung.state in ("fail", "warn")), None),
        "facts": pages.facts_of(plane, given.get(Purpose.CONSOLE), plans.get(Purpose.CONSOLE)),
        "installer": pages.installer_of(given.get(Purpose.INSTALLER), plans.get(Purpose.INSTALLER)),
        "look": look,
        "active": look is not None and look.state == "wait",
        "runs": list(runs),
        "why_not": why_not,
    }
    return render(
        request, template_for(request, "fleet/plane_detail.html", "fleet/_plane_detail.html"), context
    )


def _switch_back(plane: Plane, control: Plane | None, why_not: str) -> Act | None:
    """Return how a plane that answers again comes back into the operator, None where it never left."""
    disabled = control is not None and plane.name in control.operator_contexts_disabled
    return switch(plane, control, why_not) if disabled else None


@require_POST
def plane_check(request: HttpRequest, name: str) -> HttpResponse:
    """Look a plane over again."""
    plane = get_object_or_404(Plane.objects.visible_to(request.user), name=name)
    services.recheck(plane=plane, by=request.user)
    return redirect("fleet:plane-detail", name)


@require_POST
def plane_installer(request: HttpRequest, name: str) -> HttpResponse:
    """Take the installer credential of a plane away."""
    plane = get_object_or_404(Plane.objects.visible_to(request.user), name=name)
    installing.remove(plane=plane, by=request.user)
    said = _("The installer credential of %(plane)s is gone. A command that uses it is ended.")
    messages.success(request, said % {"plane": name})
    return redirect("fleet:plane-detail", name)


@require_POST
def plane_switch(request: HttpRequest, name: str) -> HttpResponse:
    """Ask for the plan that disables a plane in the operator, or enables it again."""
    plane = get_object_or_404(Plane.objects.visible_to(request.user).data_planes(), name=name)
    disable = bool(request.POST.get("disable"))
    plan = services.plan_switch(plane=plane, disable=disable, by=request.user)
    return redirect("jobs:plan-detail", plan.pk)


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def plane_add(request: HttpRequest) -> HttpResponse:
    """Take a kubeconfig. What was pasted is never shown again, not even after a mistake."""
    require(request.user, *Role)
    replaces = request.GET.get("replaces", "")
    plane = get_object_or_404(Plane.objects.visible_to(request.user), name=replaces) if replaces else None
    installs = plane is not None and request.GET.get("purpose") == Purpose.INSTALLER
    purpose = Purpose.INSTALLER if installs else Purpose.CONSOLE
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    error: Any = None
    if form.is_valid():
        try:
            data = form.data_bytes()
            draft = services.upload_draft(data=data, by=request.user, replaces=replaces, purpose=purpose)
            return redirect("fleet:plane-add-draft", draft.pk)
        except Refused:
            raise
        except ConsoleError as refused:
            error = refused
    elif request.method == "POST":
        error = " ".join(str(text) for texts in form.errors.values() for text in texts)
    context = {
        "form": UploadForm(),
        "error": error,
        "plane": plane,
        "commands": account.installer_commands("YOUR-CONTEXT", replaces) if installs else [],
        "why_not": _why_not(request),
        "make_one": isinstance(error, ConsoleError) and account.would_help([error.sentence]),
    }
    return render(request, "fleet/plane_add.html", context, status=400 if error else 200)


@require_safe
def plane_credential(request: HttpRequest) -> HttpResponse:
    """Make a credential for me: a manifest with the least rights, and commands that print its kubeconfig."""
    require(request.user, *Role)
    asked = request.GET.get("for", "")
    kind = asked if asked in account.KINDS else "plane"
    control, data = account.KINDS[kind]
    manifest = account.manifest(control=control, data=data)
    if request.GET.get("format") == "yaml":
        attached = {"Content-Disposition": f'attachment; filename="{account.file_name(kind)}"'}
        return HttpResponse(manifest, content_type="text/yaml; charset=utf-8", headers=attached)
    form = AccountForm(request.GET)
    form.is_valid()
    admin_context = form.cleaned_data.get("context") or "YOUR-CONTEXT"
    plane = form.cleaned_data.get("name") or "NAME"
    context = {
        "kind": kind,
        "form": form,
        "manifest": manifest,
        "apply_command": account.apply_command(admin_context, kind),
        "kubeconfig_command": account.kubeconfig_command(admin_context, plane),
        "ending_command": account.kubeconfig_command(admin_context, plane, ending=True),
    }
    return render(request, "fleet/plane_credential.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def plane_add_draft(request: HttpRequest, draft: int) -> HttpResponse:
    """Tick contexts of an upload, and see the preflight of each."""
    row = get_object_or_404(KubeconfigDraft.objects.visible_to(request.user), pk=draft)
    if row.plan is not None:
        return redirect("jobs:plan-detail", row.plan)
    form = ChooseForm(request.POST if request.method == "POST" else None, draft=row)
    if request.method == "POST" and form.is_valid():
        try:
            services.choose(
                draft=row,
                contexts=form.cleaned_data["contexts"],
                control_plane=form.cleaned_data.get("control_plane", ""),
                also_plane=form.cleaned_data.get("also_plane", False),
                by=request.user,
            )
            return redirect("fleet:plane-add-draft", row.pk)
        except Refused:
            raise
        except ConsoleError as error:
            form.add_error(None, str(error))
    return _show_draft(request, row, form, status=400 if form.errors else 200)


@require_POST
def plane_save(request: HttpRequest, draft: int) -> HttpResponse:
    """Save the contexts whose preflight has no failure."""
    row = get_object_or_404(KubeconfigDraft.objects.visible_to(request.user), pk=draft)
    form = SaveForm(request.POST, draft=row)
    if not form.is_valid():
        error = " ".join(str(text) for texts in form.errors.values() for text in texts)
        return _show_draft(request, row, ChooseForm(draft=row), error=error, status=400)
    try:
        saved = services.save(
            draft=row,
            contexts=form.cleaned_data["contexts"],
            reason=form.cleaned_data["reason"],
            use_until=form.cleaned_data.get("use_until"),
            by=request.user,
        )
    except Refused:
        raise
    except ConsoleError as error:
        return _show_draft(request, row, ChooseForm(draft=row), error=error, status=error.status)
    if isinstance(saved, Plan):
        return redirect("jobs:plan-detail", saved.pk)
    messages.success(request, _("Saved: %(names)s.") % {"names": ", ".join(plane.name for plane in saved)})
    return redirect("fleet:plane-list")


def _show_draft(
    request: HttpRequest, draft: KubeconfigDraft, form: ChooseForm, *, error: Any = None, status: int = 200
) -> HttpResponse:
    run = Run.objects.filter(pk=draft.run or 0).first()
    lanes = pages.lanes_of(run)
    context = {
        "draft": draft,
        "make_one": [one["name"] for one in draft.contexts if account.would_help(one["findings"])],
        "form": form,
        "error": error,
        "run": run,
        "active": bool(run and run.active),
        "lanes": lanes,
        "savable": pages.savable(lanes),
        "approvals": services.approvals_for(draft),
        "installs": draft.purpose == Purpose.INSTALLER,
        "save_form": SaveForm(draft=draft),
    }
    template = template_for(request, "fleet/plane_add_draft.html", "fleet/_preflight.html")
    return render(request, template, context, status=status)


@require_POST
def rbac_copy(request: HttpRequest) -> HttpResponse:
    """Ask for the plan that copies the role of database pods."""
    form = CopyForm(request.POST, user=request.user)
    planes = form.cleaned_data["planes"] if form.is_valid() else request.POST.getlist("planes")
    take_over = bool(form.cleaned_data.get("take_over"))
    plan = services.plan_rbac_copy(planes=planes, take_over=take_over, by=request.user)
    return redirect("jobs:plan-detail", plan.pk)
