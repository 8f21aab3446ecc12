"""The audit pages."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from kbconsole.audit.forms import EntryFilter
from kbconsole.audit.models import Check, Entry
from kbconsole.audit.rows import facts_of, page_of, row_of, seal_of
from kbconsole.common.htmx import template_for


@require_safe
def entry_list(request: HttpRequest) -> HttpResponse:
    """Who did what: the entries that the person may see, newest first, by the filters in the URL."""
    form = EntryFilter(request.GET)
    before = request.GET.get("before", "")
    page = page_of(form.narrow(Entry.objects.visible_to(request.user)), before)
    context = {
        "form": form,
        "rows": page.rows,
        "filters": form.in_words(),
        "last_check": Check.objects.first(),
        "older_url": _with(request, before=str(page.older)) if page.older else "",
        "newer_url": _with(request) if before else "",
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


def _with(request: HttpRequest, **changes: str) -> str:
    query = request.GET.copy()
    query.pop("before", None)
    for name, value in changes.items():
        query[name] = value
    return f"{request.path}?{query.urlencode()}"
