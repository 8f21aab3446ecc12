"""What is printed is read later, without a mouse: black on white, nothing folded, nothing to press."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import People

pytestmark = pytest.mark.browser
FOLDED = """
() => Array.from(document.querySelectorAll("main details")).filter((fold) => fold.checkVisibility() &&
  Array.from(fold.children).some((part) => part.localName !== "summary" && !part.checkVisibility())
).map((fold) => fold.outerHTML.slice(0, 120))
"""
COLOURS = """
() => Array.from(document.querySelectorAll("body, main p, main td, main dd, main code, .badge-state")).map((one) => {
  const style = getComputedStyle(one);
  return `${style.color} on ${style.backgroundColor}`;
})
"""
INKS = ("rgb(0, 0, 0)", "rgb(34, 34, 34)")
GROUNDS = ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)")


def on_paper(page: Page, address: str) -> None:
    page.goto(address)
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 between its margins


@pytest.mark.parametrize("part", ["database", "plan", "audit"])
def test_a_page_on_paper_is_black_on_white_and_whole(people: People, part: str) -> None:
    page = people.page("admin", color_scheme="dark")
    page.goto("/placements/")
    page.get_by_role("link", name="etcd-orders").click()
    address = {"database": page.url, "audit": "/audit/"}.get(part)
    if address is None:
        page.goto("/approvals/?tab=decided")
        page.get_by_role("listitem").filter(has_text="etcd-orders").locator("[data-row]").first.click()
        address = page.url
    on_paper(page, address)
    for away in ("header.bar", ".crumbs", ".btn", ".live", ".filters"):
        for one in page.locator(away).all():
            expect(one).to_be_hidden()
    assert page.evaluate(FOLDED) == []
    looks = {tuple(look.split(" on ")) for look in page.evaluate(COLOURS)}
    assert {ink for ink, _ground in looks} <= set(INKS)
    assert {ground for _ink, ground in looks} <= set(GROUNDS)
    age = page.locator("main time[data-ago]").first
    exact = age.evaluate("one => getComputedStyle(one, '::after').content")
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \w+", exact), "an age says nothing on paper"
