"""Search over everything that a person may see. Each app registers what can be found of it, in its `search.py`."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.db.models import Case, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.module_loading import autodiscover_modules
from django.views.decorators.http import require_safe

from kbconsole.common.registry import Registry
from kbconsole.common.roles import roles_of

MOST, MOST_OF_ONE = 10, 200
"""Hits of a group on the page of all groups, and where one group is asked for."""
LONGEST, WORDS = 200, 8
"""Characters and words of what somebody looks for; the rest is cut off, and the page shows what was looked for."""
NUMBER = re.compile(r"(?:(?P<noun>[^\W\d_]+)\s*)?#?\s*(?P<number>[0-9]{1,18})")


@dataclass(frozen=True)
class Query:
    """What somebody looks for. Every word has to be found, in whatever field."""

    text: str

    @classmethod
    def of(cls, typed: str) -> Query:
        return cls(" ".join(typed[:LONGEST].split()))

    @cached_property
    def words(self) -> list[str]:
        return self.text.split()[:WORDS]

    def number(self, *nouns: object) -> int | None:
        """Return the number in "12", "#12" or "run 12", where one of the nouns is "run"; else None."""
        found = NUMBER.fullmatch(self.text)
        if found is None:
            return None
        known = {str(noun).casefold() for noun in nouns}
        return int(found["number"]) if found["noun"] is None or found["noun"].casefold() in known else None

    def names(self, *whole: str) -> bool:
        """Return whether it is one of these, whole, whatever the case."""
        return self.text.casefold() in {text.casefold() for text in whole}


@dataclass(frozen=True)
class Hit:
    """One thing that was found. `state` and `kind` are those of a badge; `exact`: it was asked for by its name."""

    url: str
    title: str
    text: str = ""
    state: str = ""
    kind: str = ""
    at: datetime | None = None
    exact: bool = False


class Searcher(ABC):
    """How one kind of thing is found. `finds` says in a few words by what; `place` orders the groups."""

    slug: ClassVar[str]
    label: ClassVar[str | Promise]
    finds: ClassVar[str | Promise]
    place: ClassVar[int]

    def allows(self, user: Any) -> bool:
        """Return whether the person may look for such things at all."""
        return bool(roles_of(user))

    @abstractmethod
    def hits(self, query: Query, user: Any, most: int) -> Sequence[Hit]:
        """Return at most so many things that the person may see, exact ones first, in one query."""

    def list_url(self, query: Query) -> str:
        """Return the page that lists all of them by the same words; "" for the page of search itself."""
        return ""


def exact_first(field: str, query: Query) -> Case:
    """Return what to order by, so that what is called exactly that is not lost among many that contain it."""
    return Case(When(**{f"{field}__iexact": query.text}, then=Value(0)), default=Value(1))


searched: Registry[Searcher] = Registry("searcher")


@cache
def searchers() -> tuple[Searcher, ...]:
    autodiscover_modules("search")
    return tuple(sorted((cls() for cls in searched), key=lambda one: one.place))


@dataclass(frozen=True)
class Group:
    """What one searcher found; `more_url` is empty where all of it is shown."""

    searcher: Searcher
    hits: Sequence[Hit]
    more_url: str


def _group(searcher: Searcher, query: Query, user: Any, most: int) -> Group:
    hits = searcher.hits(query, user, most + 1)
    own = f"{reverse('search')}?{urlencode({'q': query.text, 'in': searcher.slug})}"
    more = len(hits) > most and (searcher.list_url(query) or (own if most == MOST else ""))
    return Group(searcher, hits[:most], more or "")


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Find it by a name or a number; one thing that is called exactly that opens at once."""
    query, only = Query.of(request.GET.get("q", "")), request.GET.get("in", "")
    allowed = [one for one in searchers() if one.allows(request.user)]
    asked = [one for one in allowed if one.slug == only] or allowed
    most = MOST_OF_ONE if len(asked) == 1 < len(allowed) else MOST
    groups = [_group(one, query, request.user, most) for one in asked] if query.text else []
    exact = [hit for group in groups for hit in group.hits if hit.exact]
    if len(exact) == 1 and asked == allowed:
        return redirect(exact[0].url)
    found = [group for group in groups if group.hits]
    context = {"query": query, "groups": found, "allowed": allowed, "only": asked[0] if most > MOST else None}
    return render(request, "search.html", context)
