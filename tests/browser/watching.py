"""What a browser complains about while pages are used: nobody may hear of it from a user first."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response, WebError

POLICY = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP: ${event.violatedDirective} blocked ${event.blockedURI}, ${event.sourceFile}:${event.lineNumber}`)
);
"""
# What has moved without anybody pressing a key or a button, since the page was opened or `moved` was last asked.
# A run's box has its own height and scrolls: what it tells may grow inside of it.
SHIFTS = """
window.moved = [];
const inBox = (node) => (node.closest ? node : node.parentElement)?.closest(".steady-box");
new PerformanceObserver((list) => list.getEntries().filter(
  (shift) => !shift.hadRecentInput && shift.sources.some(({ node }) => node && !inBox(node))
).forEach((shift) => {
  const parts = shift.sources.map(({ node, previousRect: a, currentRect: b }) => {
    const name = node && (node.id || node.className || node.nodeName || node.textContent);
    return `${name} in ${node && node.parentElement && (node.parentElement.id || node.parentElement.className)} `
      + `from ${a.x},${a.y} ${a.width}x${a.height} to ${b.x},${b.y} ${b.width}x${b.height}`;
  });
  window.moved.push(`${shift.value.toFixed(6)}: ${parts.join("; ")}`);
})).observe({ type: "layout-shift", buffered: true });
"""


def moved(page: Page) -> list[str]:
    """Return what has moved on the page by itself since this was last asked."""
    found: list[str] = page.evaluate("window.moved.splice(0)")
    return found


class Complaints:
    """Collects from every page of a context: console, exceptions, failed requests, policy violations."""

    def __init__(self, context: BrowserContext) -> None:
        self.seen: list[str] = []
        context.add_init_script(POLICY)
        context.add_init_script(SHIFTS)
        context.on("console", self._console)
        context.on("weberror", self._exception)
        context.on("requestfailed", self._failed)
        context.on("response", self._response)

    def _where(self, page: Page | None) -> str:
        return page.url if page else "?"

    def _console(self, message: ConsoleMessage) -> None:
        # The browser's line for an answer of 400 and above says less than _response does.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.seen.append(f"{self._where(message.page)}: {message.type}: {message.text}")

    def _exception(self, error: WebError) -> None:
        self.seen.append(f"{self._where(error.page)}: exception: {error.error}")

    def _failed(self, request: Request) -> None:
        # A poll that is under way when the person goes to another page is broken off by the browser.
        if request.failure != "net::ERR_ABORTED":
            self.seen.append(f"{request.method} {request.url}: {request.failure}")

    def _response(self, response: Response) -> None:
        """A page may answer 403, 404 or 422 to a person; a part of a page may not."""
        if response.status >= 400 and not response.request.is_navigation_request():
            self.seen.append(f"{response.request.method} {response.url}: {response.status}")
