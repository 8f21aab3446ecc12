"""Walking through the console as a person could: from link to link, to every kind of page that there is for them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page

STARTS = (
    "/placements/?state=in_service",
    "/",
    "/placements/?state=retired",
    "/approvals/?tab=decided",
    "/search/?q=etcd",
    "/search/?q=nothing-is-called-so",
    "/audit/?person=nobody-is-called-so",
    "/audit/1/",
)
MORE = {"/placements/N/": 4, "/plans/N/": 2, "/runs/N/": 2, "/networks/acts/NAME/": 2}
"""Of how many pages of these kinds are visited, which differ in their state; of others of a kind one."""
FILES = re.compile(r"/export/|[?&]format=|/api/")
LINKS = """
() => Array.from(document.querySelectorAll("header a[href], main a[href]"))
  .filter((link) => link.origin === location.origin && !link.hasAttribute("download"))
  .map((link) => link.pathname + link.search)
"""


def kind_of(address: str) -> str:
    """Return the address without its numbers, names of acts and filters; a tab is a page of its own."""
    parts = urlsplit(address)
    path = re.sub(r"(?<=/acts/)[a-z-]+", "NAME", re.sub(r"(?<![a-z])[0-9]+", "N", parts.path))
    tab = parse_qs(parts.query).get("tab", [])
    return " ".join([path, *tab])


def walk(page_for: Callable[[str, int], Page]) -> Iterator[tuple[Page, str, int]]:
    """Yield the addresses that a person gets to, and the status of each, while its page is open.

    From each page all links are followed, to one page of a kind (`MORE`). `page_for` is asked for the page to open a
    kind on, with how many of that kind were open before: so they may take turns in language.
    """
    waiting, known, visited = list(STARTS), set(STARTS), Counter[str]()
    while waiting:
        address = waiting.pop(0)
        kind = kind_of(address)
        if address not in STARTS and visited[kind] >= MORE.get(kind, 1):
            continue
        page = page_for(kind, visited[kind])
        visited[kind] += 1
        answer = page.goto(address)
        assert answer
        links = [link for link in page.evaluate(LINKS) if link not in known and not FILES.search(link)]
        known.update(links)
        waiting += dict.fromkeys(links)
        yield page, address, answer.status
