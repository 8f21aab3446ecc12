"""One demo and one Chromium for all tests of this folder. They end with the folder, not with the session:
while Playwright runs, Django takes the thread for an asynchronous one and refuses the database to other tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.people import SECONDS, WHY_NOT, People, chromium, running_browser
from tests.demo_command.running import Demo


@pytest.fixture(scope="package")
def browser(django_db_setup: None) -> Iterator[Browser]:
    """Chromium. The database of the tests is made before it: Django would not do that while Playwright runs."""
    executable = chromium()
    if executable is None:
        pytest.skip(WHY_NOT)
    expect.set_options(timeout=SECONDS)
    with running_browser(executable) as browser:
        yield browser


@pytest.fixture(scope="package")
def demo(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo with its story told. Asks for the browser first: without one nothing needs to start."""
    demo = Demo(tmp_path_factory.mktemp("browser") / "demo")
    try:
        demo.start()
        demo.wait_for("The story is complete", 180)
        yield demo
    finally:
        left = demo.end()
    assert not left, f"Ctrl-C left these processes: {left}"


@pytest.fixture(scope="package")
def signed_in() -> dict[str, Any]:
    """Cookies of those who signed in by the form, by name."""
    return {}


@pytest.fixture
def people(browser: Browser, demo: Demo, signed_in: dict[str, Any]) -> Iterator[People]:
    people = People(browser, demo, signed_in)
    yield people
    complaints = people.complaints
    people.leave()
    assert not complaints, "the browser complained:\n" + "\n".join(complaints)
