"""A DBA and an administrator who touch no mouse."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import acts
from tests.browser.people import People

pytestmark = pytest.mark.browser
MOST_TABS = 90


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus, which can be seen."""
    for _ in range(MOST_TABS):
        if target.evaluate("one => one === document.activeElement"):
            assert target.evaluate("one => one.matches(':focus-visible')")
            assert target.evaluate("one => getComputedStyle(one).outlineStyle !== 'none'"), (
                "nobody sees where one is"
            )
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{MOST_TABS} times Tab do not lead to {target}")


def has_focus(target: Locator) -> bool:
    return bool(target.evaluate("one => one === document.activeElement"))


def follow(page: Page, target: Locator) -> None:
    tab_to(page, target)
    page.keyboard.press("Enter")


def type_into(page: Page, target: Locator, text: str) -> None:
    tab_to(page, target)
    page.keyboard.type(text)


def test_a_dba_asks_for_a_database_and_finds_it_again_by_keys_alone(people: People) -> None:
    page = people.page("dba")
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    follow(page, page.get_by_role("navigation", name="Main").get_by_role("link", name="Databases"))
    acts.title(page, "Databases")
    follow(page, page.get_by_role("link", name="Ask for a database"))
    acts.title(page, "Ask for a database")
    type_into(page, page.get_by_role("textbox", name="Name"), "etcd-keys")
    type_into(page, page.get_by_role("textbox", name="What it is for"), "Asked for without a mouse")
    down = page.get_by_role("button", name="Move k8s-1 down")
    follow(page, down)
    expect(page.locator(".plane-card strong").first).to_have_text("k8s-2")
    expect(page.locator("[name=name]")).to_have_value("etcd-keys")
    tab_to(page, page.locator("[name=profile]").first)
    page.keyboard.press("Space")
    mesh = page.get_by_role("radio", name=re.compile("^mesh"))
    for _ in range(5):
        if not mesh.is_checked():
            page.keyboard.press("ArrowDown")
    expect(mesh).to_be_checked()
    follow(page, page.locator("#wish .actions").get_by_role("button", name="Show the plan"))
    acts.title(page, "etcd-keys")
    page.goto("/fleet/")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search")).to_be_focused()
    page.keyboard.type("etcd-keys")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/placements/\d+/$"))
    acts.title(page, "etcd-keys")
    follow(page, page.get_by_role("link", name="See the plan"))
    expect(page.get_by_role("heading", name="What would change")).to_be_visible(timeout=acts.RUN_SECONDS)


def test_an_administrator_decides_by_keys_alone(people: People) -> None:
    page = people.page("admin")
    page.goto("/approvals/")
    acts.ask_for(people.page("dba"), "etcd-decided")
    row = page.get_by_role("listitem").filter(has_text="etcd-decided").locator("[data-row]")
    news = page.locator("#approvals-news")
    expect(news).to_contain_text("1 new")
    expect(row).to_have_count(0)  # the list stays as it is until one asks for more
    follow(page, news.get_by_role("link", name="show"))
    expect(row).to_have_count(1)
    for _ in range(10):
        page.keyboard.press("j")
        if has_focus(row):
            break
    before = row.evaluate("one => document.querySelectorAll('[data-row]')[0] !== one")
    page.keyboard.press("k")
    assert has_focus(row) == (not before), "k goes one up, and stays on the first"
    if before:
        page.keyboard.press("j")
    assert has_focus(row)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("etcd-decided")
    for warning in page.locator("[name=accept]").all():
        tab_to(page, warning)
        page.keyboard.press("Space")
    follow(page, page.locator("#decide").get_by_role("button", name="Approve"))
    expect(page.get_by_role("status").filter(has_text="Approved")).to_contain_text("etcd-decided")
