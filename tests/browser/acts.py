"""What people do in several tests, by what they see."""

from __future__ import annotations

import re

from django.utils import translation
from playwright.sync_api import Page, expect

RUN_SECONDS = 90_000  # milliseconds: a run on a busy machine


def said(page: Page, words: str, **parameters: object) -> str:
    """Return the words as the page's language has them in the catalogue."""
    with translation.override(page.locator("html").get_attribute("lang")):
        found = translation.gettext(words)
    return found % parameters if parameters else found


def bar(page: Page, name: str) -> None:
    """Follow an entry of the bar, which a narrow one has in its menu."""
    menu = page.locator(".bar-toggle > summary")
    if menu.is_visible():
        menu.click()
    page.get_by_role("navigation", name=said(page, "Main")).get_by_role("link", name=said(page, name)).click()


def title(page: Page, words: str | re.Pattern[str]) -> None:
    """Wait for the page with this heading."""
    expect(page.get_by_role("heading", level=1)).to_contain_text(words)


def fill_request(page: Page, name: str, *, purpose: str = "") -> None:
    """Open the form and fill in a database over three planes that reach each other by the mesh."""
    page.goto("/placements/new/")
    page.locator("[name=name]").fill(name)
    page.locator("[name=purpose]").fill(purpose)
    page.get_by_role("radio", name=re.compile("^mesh")).check()


def send_request(page: Page) -> None:
    page.locator("#wish .actions").get_by_role("button", name=said(page, "Show the plan")).click()


def plan_of(page: Page) -> str:
    """Wait on the database's page until its plan is there and can be approved; return the plan's address."""
    page.get_by_role("link", name=said(page, "See the plan")).click()
    expect(page.get_by_role("heading", name=said(page, "What would change"))).to_be_visible(
        timeout=RUN_SECONDS
    )
    return page.url


def ask_for(page: Page, name: str, *, purpose: str = "") -> str:
    """Ask for a database; return the address of its plan, which is ready to be approved."""
    fill_request(page, name, purpose=purpose)
    send_request(page)
    title(page, name)
    return plan_of(page)


def tick(page: Page) -> None:
    """Accept every warning of the plan on this page."""
    for warning in page.locator("[name=accept]").all():
        warning.check()


def approve(page: Page) -> None:
    tick(page)
    page.locator("#decide").get_by_role("button", name=said(page, "Approve")).click()


def open_run(page: Page) -> None:
    number = said(page, "Open run %(n)s", n="N").replace("N", r"\d+")
    page.get_by_role("link", name=re.compile(f"^{number}$")).click()


def approved_run(page: Page, plan: str) -> str:
    """Approve the plan at this address; return the address of the run that it started."""
    page.goto(plan)
    approve(page)
    open_run(page)
    page.wait_for_url(re.compile(r"/runs/\d+/"))
    return page.url


def run_state(page: Page, word: str) -> None:
    """Wait on a run's page, which follows by itself, until its badge says this."""
    expect(page.locator("#run-live .page-head .badge-state")).to_have_text(
        said(page, word), timeout=RUN_SECONDS
    )


def lines(page: Page) -> list[int]:
    """Return the numbers of the lines in the log of a run's page, in the order shown."""
    ids = page.locator("#run-log > li").evaluate_all("lines => lines.map(line => line.id)")
    return [int(name.removeprefix("e")) for name in ids]


def place(dba: Page, admin: Page, name: str) -> str:
    """Have a database placed; return the address of its page once it is in service."""
    plan = ask_for(dba, name)
    approved_run(admin, plan)
    run_state(admin, "Succeeded")
    admin.get_by_role("heading", level=1).get_by_role("link").click()
    title(admin, name)
    return admin.url


def mark(page: Page) -> None:
    """Mark the page; `unloaded` tells later whether it has been loaded again."""
    page.evaluate("window.kept = true")


def kept(page: Page) -> bool:
    return bool(page.evaluate("window.kept === true"))


def focused(page: Page) -> str:
    """Return the id of the element that has the focus."""
    return str(page.evaluate("document.activeElement.id"))
