"""A browser, and people who use it, each with cookies of their own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.watching import Complaints
from tests.demo_command.running import Demo

# The first has no windows to draw: it takes a fifth of the work.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
WHY_NOT = "no Chromium on the PATH: apt-get install chromium-headless-shell"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SECONDS = 20_000  # milliseconds: how long an action or an expectation waits


def chromium() -> str | None:
    """Return the system's Chromium; None where there is none."""
    return next((found for found in map(shutil.which, NAMES) if found), None)


@contextmanager
def running_browser(executable: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


class People:
    """Opens pages as somebody: `people.page("dba")`. `complaints` has what the browser said about all of them."""

    def __init__(self, browser: Browser, demo: Demo, signed_in: dict[str, Any]) -> None:
        self._browser = browser
        self._demo = demo
        self._signed_in = signed_in
        self._contexts: list[tuple[BrowserContext, Complaints]] = []

    def stranger(self, **options: Any) -> Page:
        """Return a page of a browser that has no session."""
        options = {"viewport": {"width": 1440, "height": 900}, "locale": "en-GB", **options}
        context = self._browser.new_context(base_url=self._demo.base, **options)
        context.set_default_timeout(SECONDS)
        self._contexts.append((context, Complaints(context)))
        return context.new_page()

    def page(self, name: str, **options: Any) -> Page:
        """Return a page of somebody who is signed in; by the form the first time, then by the same cookies."""
        if name in self._signed_in:
            return self.stranger(storage_state=self._signed_in[name], **options)
        page = self.stranger(**options)
        page.goto("/sign-in/")
        page.fill("[name=username]", name)
        page.fill("[name=password]", self._demo.password)
        page.click("main button.btn-primary")
        page.wait_for_url(self._demo.base + "/")
        self._signed_in[name] = page.context.storage_state()
        return page

    @property
    def complaints(self) -> list[str]:
        return [line for _, complaints in self._contexts for line in complaints.seen]

    def leave(self) -> None:
        for context, _ in self._contexts:
            context.close()
