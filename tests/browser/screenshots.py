"""`python -m tests.browser.screenshots` takes the pictures of the documents from a fresh demo."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.browser.people import WHY_NOT, People, chromium, running_browser
from tests.demo_command.running import ROOT, Demo

IMAGES = ROOT / "docs" / "images"
EDGE = 24  # pixels below the last part that is shown
MOST = 1100  # pixels: of a longer page the top says what it is


def _shoot(page: Page, name: str, last_part: str, *, first_part: str = "", most: int = MOST) -> None:
    """Write the page from its top, or from a part, to the end of a part."""
    page.wait_for_load_state("networkidle")
    box = page.locator(last_part).last.bounding_box()
    top = page.locator(first_part).first.bounding_box() if first_part else None
    assert box
    y = top["y"] - EDGE if top else 0
    clip: Any = {"x": 0, "y": y, "width": 1440, "height": min(box["y"] + box["height"] + EDGE - y, most)}
    page.screenshot(path=IMAGES / name, full_page=True, clip=clip)


def _network(admin: Page) -> None:
    """The network page: its profiles and addresses, and the mesh once its agents were asked."""
    admin.goto("/networks/")
    _shoot(admin, "network.png", ".ladder-panel", most=1400)
    admin.locator("#part-mesh .lanes .tone-ok").first.wait_for(timeout=60_000)  # the part is live
    _shoot(admin, "mesh.png", "#part-mesh .actions", first_part="#part-mesh")


def _take(people: People, demo: Demo) -> None:
    """The story's pages in the order in which people meet them; the lost plane last, and mended again."""
    dba, admin = (people.page(name, color_scheme="light") for name in ("dba", "admin"))
    dba.goto("/placements/")
    _shoot(dba, "databases.png", "#placements")
    dba.get_by_role("link", name="etcd-orders").click()
    dba.get_by_role("link", name="Ask for one like it").click()
    dba.locator("[name=name]").fill("etcd-stock")
    dba.locator("[name=replicas]").fill("4")
    dba.locator("#summary").get_by_text("worse than 3").first.wait_for()
    _shoot(dba, "form.png", "#wish")
    admin.goto("/approvals/")
    _shoot(admin, "approvals.png", "main")
    admin.get_by_role("listitem").filter(has_text="etcd-search").locator("[data-row]").first.click()
    _shoot(admin, "plan.png", "main")
    admin.goto("/placements/")
    admin.get_by_role("link", name="etcd-orders").click()
    _shoot(admin, "database.png", "section[aria-labelledby=where-title]")
    admin.get_by_role("link", name="open the run").click()
    _shoot(admin, "run.png", "section[aria-labelledby=grid-title]")
    admin.goto("/audit/")
    _shoot(admin, "audit.png", "main")
    _network(admin)
    demo.run_printed("Break k8s-3")
    for _ in range(60):  # the checker has to have asked it once more
        admin.goto("/fleet/")
        if admin.locator(".band").count():
            break
        admin.wait_for_timeout(2000)
    _shoot(admin, "lost-plane.png", "main")


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
            _take(People(browser, demo, {}), demo)
        finally:
            demo.end()
    for path in sorted(IMAGES.glob("*.png")):
        print(f"{path.relative_to(ROOT)} {path.stat().st_size // 1024} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
