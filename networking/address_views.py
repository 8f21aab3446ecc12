"""The address book: everybody with a role reads it on the network page, administrators write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from kbconsole.common.errors import ConsoleError
from kbconsole.common.roles import Role, require, roles_of
from kbconsole.fleet.models import Plane
from networking import address_services as services
from networking.address_forms import PlanesForm, RangesForm, ReserveForm, SupernetForm
from networking.addresses.facts import What
from networking.addresses.propose import GUIDE_PLANES
from networking.book import parents
from networking.models import Supernet
from networking.sections import SECTIONS, Section, sections_for

PAGE = "networking:profile-list"


def drawn_sections(request: HttpRequest) -> list[tuple[Section, str]]:
    """Return the parts that kinds add to the page, each drawn by its own template."""
    return [
        (part, render_to_string(part.template, {"section": part, **context}, request=request))
        for part, context in sections_for(request.user)
    ]


@require_safe
def section(request: HttpRequest, slug: str) -> HttpResponse:
    """One part alone: what a live one fetches again."""
    if not roles_of(request.user) or slug not in SECTIONS:
        raise Http404
    part = SECTIONS.get(slug)()
    context = part.context(request.user)
    if context is None:
        return HttpResponse(status=204)
    html = render_to_string(part.template, {"section": part, **context}, request=request)
    return render(request, "networking/_section.html", {"part": part, "html": html})


def _planes() -> list[Plane]:
    return list(Plane.objects.data_planes().order_by("name"))


def ranges_enter(request: HttpRequest) -> HttpResponse:
    """Say what no API tells; it is kept with who said it, and when."""
    require(request.user, Role.ADMIN)
    planes = {plane.name: plane for plane in _planes()}
    asked = {"planes": request.GET.getlist("plane"), "what": request.GET.get("what", What.SERVICES.value)}
    data = request.POST if request.method == "POST" else None
    form = RangesForm(data, planes=list(planes), initial=asked)
    context: dict[str, Any] = {"form": form, "planes": planes}
    if data is None or not form.is_valid():
        return render(request, "networking/ranges_enter.html", context, status=200 if data is None else 400)
    given = form.cleaned_data
    services.enter_ranges(
        planes=[planes[name] for name in given["planes"]], what=What(given["what"]), text=given["ranges"],
        reason=given["reason"], by=request.user,
    )  # fmt: skip
    messages.success(request, _("Entered. The overlaps are counted anew."))
    return redirect(PAGE)


def _done(request: HttpRequest, act: Callable[[], object], said: str) -> HttpResponse:
    """Do something and go back to the page, with a sentence about how it went."""
    try:
        act()
    except ConsoleError as error:
        if error.status == 403:
            raise
        messages.error(request, str(error))
    else:
        messages.success(request, said)
    return redirect("networking:supernets" if request.POST.get("back") == "supernets" else PAGE)


@require_POST
def ranges_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget what a person entered."""
    return _done(request, lambda: services.remove_entry(pk=pk, by=request.user), _("Removed."))


@require_POST
def ranges_read(request: HttpRequest) -> HttpResponse:
    """Ask every plane now; the run shows what each of them told."""
    try:
        run = services.read_again(by=request.user)
    except ConsoleError as error:
        if error.status == 403:
            raise
        messages.error(request, str(error))
        return redirect(PAGE)
    return redirect("jobs:run-detail", run.pk)


def blocks_propose(request: HttpRequest) -> HttpResponse:
    """Free blocks for some planes at once: looking changes nothing, reserving does."""
    require(request.user, Role.ADMIN)
    if request.method == "POST":
        return _reserve(request)
    names = [plane.name for plane in _planes()]
    asked = {"planes": names, "names": "" if names else " ".join(GUIDE_PLANES)}
    wanted = PlanesForm(request.GET or asked, planes=names)
    valid = wanted.is_valid()
    return _proposal_page(request, wanted, wanted.cleaned_data["wanted"] if valid else [])


def _reserve(request: HttpRequest) -> HttpResponse:
    names = [plane.name for plane in _planes()]
    form = ReserveForm(request.POST, planes=names)
    if not form.is_valid():
        return redirect("networking:blocks-propose")
    given = form.cleaned_data
    try:
        made = services.reserve(
            planes=given["wanted"], seen=given["seen"], reason=given["reason"], by=request.user
        )
    except ConsoleError as error:
        if error.status == 403:
            raise
        others = [name for name in given["wanted"] if name not in names]
        wanted = PlanesForm({"planes": given["wanted"], "names": " ".join(others)}, planes=names)
        return _proposal_page(request, wanted, given["wanted"], error=error)
    messages.success(request, _("Reserved for %(count)s planes.") % {"count": len(made)})
    return redirect(PAGE)


def _proposal_page(
    request: HttpRequest, wanted: PlanesForm, names: list[str], *, error: ConsoleError | None = None
) -> HttpResponse:
    proposals, problem = [], None
    try:
        proposals = services.proposed(names) if names else []
    except ConsoleError as found:
        problem = found
    initial = {"wanted": "\n".join(names), "seen": services.fingerprint(proposals)}
    context = {
        "planes_form": wanted, "proposals": proposals, "error": error,
        "problem": problem, "reserve_form": ReserveForm(initial=initial), "supernets": Supernet.objects.all(),
        "from_guide": not Supernet.objects.exists(), "parents": parents(),
    }  # fmt: skip
    return render(request, "networking/blocks_propose.html", context, status=error.status if error else 200)


@require_POST
def blocks_release(request: HttpRequest) -> HttpResponse:
    """Take back what was reserved for a plane."""
    plane = request.POST.get("plane", "")[:128]
    said = _("Released what was reserved for %(plane)s.") % {"plane": plane}
    return _done(request, lambda: services.release(plane=plane, by=request.user), said)


def supernets(request: HttpRequest) -> HttpResponse:
    """The addresses of the organisation that blocks are taken from."""
    require(request.user, Role.ADMIN)
    data = request.POST if request.method == "POST" else None
    form = SupernetForm(data)
    status = 200
    if data is not None and form.is_valid():
        given = form.cleaned_data
        use = What(given["what"]) if given["what"] else None
        try:
            services.add_supernet(text=given["range"], what=use, block=given["block"], by=request.user)
        except ConsoleError as error:
            form.add_error("range", str(error))
            status = error.status
        else:
            messages.success(request, _("%(range)s is set aside.") % {"range": given["range"]})
            return redirect("networking:supernets")
    elif data is not None:
        status = 400
    context = {"form": form, "supernets": Supernet.objects.all(), "guide": parents()}
    return render(request, "networking/supernets.html", context, status=status)


@require_POST
def supernet_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take no more blocks from a range."""
    return _done(request, lambda: services.remove_supernet(pk=pk, by=request.user), _("Removed."))
