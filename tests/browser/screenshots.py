"""`python -m tests.browser.screenshots` takes the pictures of the documents from a fresh demo."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tests.browser.people import WHY_NOT, People, chromium, running_browser
from tests.demo_command.running import ROOT, Demo

IMAGES = ROOT / "docs" / "images"
EDGE = 24  # pixels below the last part that is shown


def _shoot(page: Page, name: str, last_part: str) -> None:
    """Write the page from its top to the end of a part."""
    box = page.locator(last_part).bounding_box()
    assert box
    height = box["y"] + box["height"] + EDGE
    clip: Any = {"x": 0, "y": 0, "width": 1440, "height": height}
    page.screenshot(path=IMAGES / name, full_page=True, clip=clip)


def _take(browser: Browser, demo: Demo) -> None:
    page = People(browser, demo, {}).page("admin", color_scheme="light")
    page.goto("/placements/")
    page.get_by_role("link", name="etcd-orders").click()
    _shoot(page, "database.png", "section[aria-labelledby=where-title]")
    page.get_by_role("link", name="open the run").click()
    _shoot(page, "run.png", "section[aria-labelledby=grid-title]")


def main() -> int:
    executable = chromium()
    if executable is None:
        sys.stderr.write(f"No pictures: {WHY_NOT}\n")
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_browser(executable) as browser:
        demo = Demo(Path(folder) / "demo")
        try:
            demo.start()
            demo.wait_for("The story is complete", 180)
            _take(browser, demo)
        finally:
            demo.end()
    for path in sorted(IMAGES.glob("*.png")):
        print(f"{path.relative_to(ROOT)} {path.stat().st_size // 1024} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
