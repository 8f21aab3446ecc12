"""The audit pages."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_GET, require_safe

from kbconsole.audit import exports
from kbconsole.audit.access import rights
from kbconsole.audit.forms import EntryFilter
from kbconsole.audit.models import READ, Entry
from kbconsole.audit.questions import questions
from kbconsole.audit.rows import facts_of, page_of, row_of, seal_of
from kbconsole.audit.services import EXPORT, exported, exported_access
from kbconsole.audit.standing import standing
from kbconsole.common.htmx import template_for
from kbconsole.common.roles import has_role

TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson; charset=utf-8"}


@require_safe
def entry_list(request: HttpRequest) -> HttpResponse:
    """Who did what: the entries that the person may see, newest first, by the filters in the URL."""
    form = EntryFilter(request.GET)
    before = request.GET.get("before", "")
    page = page_of(form.narrow(Entry.objects.visible_to(request.user)), before)
    everything = has_role(request.user, *READ.asks)
    context = {
        "form": form,
        "rows": page.rows,
        "filters": form.in_words(),
        "standing": standing(),
        "questions": questions(everything=everything),
        "everything": everything,
        "export_query": _query(request),
        "older_url": f"{request.path}?{_query(request, before=str(page.older))}" if page.older else "",
        "newer_url": f"{request.path}?{_query(request)}" if before else "",
    }
    template = template_for(request, "audit/entry_list.html", "audit/_entry_list.html")
    return render(request, template, context)


@require_safe
def entry_detail(request: HttpRequest, seq: int) -> HttpResponse:
    """One entry, with what is needed to trust it."""
    entry = get_object_or_404(Entry.objects.visible_to(request.user), seq=seq)
    row = row_of(entry)
    context = {"entry": entry, "row": row, "facts": facts_of(entry, row), "seal": seal_of(entry)}
    return render(request, "audit/entry_detail.html", context)


@require_GET
def export(request: HttpRequest) -> HttpResponseBase:
    """The entries that the filters let through, as a file; that it was asked for is an entry as well."""
    EXPORT.require(request.user)
    kind = _format(request)
    form = EntryFilter(request.GET)
    if not form.is_valid():
        return redirect(f"{reverse('audit:entry-list')}?{_query(request)}")
    entry = exported(by=request.user, kind=kind, filters=form.in_url())
    entries = form.narrow(Entry.objects.visible_to(request.user)).filter(seq__lt=entry.seq)
    about = {
        "at": f"{entry.at.isoformat(timespec='seconds')}",
        "by": entry.actor_label,
        "filters": form.in_url(),
    }
    if kind == "csv":
        return _file(exports.csv_lines(entries, get_language() or "en"), "audit", kind)
    return _file(exports.json_lines(entries, about), "audit", kind)


@require_GET
def access_report(request: HttpRequest) -> HttpResponseBase:
    """Who may do what, since when, and given by whom."""
    EXPORT.require(request.user)
    if "format" in request.GET:
        if _format(request) != "csv":
            raise BadRequest("the access report is there as csv")
        exported_access(by=request.user)
        return _file(exports.access_lines(rights(), get_language() or "en"), "access", "csv")
    return render(request, "audit/access_report.html", {"rights": rights(), "now": timezone.now()})


def _format(request: HttpRequest) -> str:
    kind = request.GET.get("format", "csv")
    if kind not in TYPES:
        raise BadRequest("an export is csv or jsonl")
    return kind


def _file(lines: Iterable[str], name: str, kind: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(lines, content_type=TYPES[kind])
    stamp = f"{timezone.now():%Y%m%dT%H%M%SZ}"
    response["Content-Disposition"] = f'attachment; filename="kbconsole-{name}-{stamp}.{kind}"'
    return response


def _query(request: HttpRequest, **changes: str) -> str:
    query = request.GET.copy()
    for name in ("before", "format"):
        query.pop(name, None)
    for name, value in changes.items():
        query[name] = value
    return query.urlencode()
