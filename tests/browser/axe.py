"""axe-core on the page that is open. The debugger hands it over, whom the page's policy does not bind."""

from __future__ import annotations

from importlib.resources import files

from playwright.sync_api import Page

SCRIPT = files("axe_playwright_python").joinpath("axe.min.js").read_text()
RUN = """
async (colours) => {
  const rules = { "color-contrast": { enabled: colours } };
  const found = await axe.run(document, { resultTypes: ["violations"], preload: false, rules });
  return found.violations.map((rule) => {
    const why = (node) => [...node.any, ...node.all, ...node.none].map((check) => check.message)[0] || "";
    const nodes = rule.nodes.map((node) => `${node.target.join(" ")} (${why(node)})`);
    return `axe ${rule.id}, ${rule.impact}: ${rule.help}: ${nodes.slice(0, 3).join("; ")}`;
  });
}
"""


def violations(page: Page, *, colours: bool = True) -> list[str]:
    """Return the rules that the page breaks, all that axe has without being asked for more.

    Its rule about colours takes four fifths of its time; `tests.browser.looking` asks the same of every text.
    """
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(SCRIPT)
    found: list[str] = page.evaluate(RUN, colours)
    return found
