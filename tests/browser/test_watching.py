"""The other tests hear what the browser complains about: shown by a page that is made to complain."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.browser.people import People
from tests.demo_command.running import Demo

pytestmark = pytest.mark.browser
ACTS = {
    "error: it broke": "() => console.error('it broke')",
    "warning: it creaks": "() => console.warn('it creaks')",
    "exception: ": "() => { setTimeout(() => { throw new Error('nobody caught it') }) }",
    "/nowhere/: 404": "() => fetch('/nowhere/')",
    "CSP: script-src-elem blocked inline": "() => {"
    " const script = document.createElement('script');"
    " script.textContent = '1'; document.body.append(script) }",
}


@pytest.mark.parametrize("complaint", ACTS)
def test_a_complaint_of_the_browser_is_heard(browser: Browser, demo: Demo, complaint: str) -> None:
    people = People(browser, demo, {})
    page = people.stranger()
    page.goto("/sign-in/")
    assert people.complaints == []
    page.evaluate(ACTS[complaint])
    for _ in range(40):
        if heard := [line for line in people.complaints if complaint in line]:
            break
        page.wait_for_timeout(50)
    people.leave()
    assert heard
