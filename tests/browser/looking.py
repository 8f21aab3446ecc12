"""What has to hold on every page, at every width, in both themes and languages; asked of the page itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from playwright.sync_api import Page

from tests.browser import axe

LOOK = """
() => {
  const faults = [];
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const seen = (element) => element.getClientRects().length > 0;
  const name = (element) => element.outerHTML.slice(0, 120);
  if (all("h1").length !== 1) faults.push(`${all("h1").length} h1`);
  const ids = all("[id]").map((element) => element.id);
  ids.filter((id, at) => ids.indexOf(id) !== at).forEach((id) => faults.push(`id ${id} twice`));
  all("input:not([type=hidden]), select, textarea").filter(seen).forEach((control) => {
    if (!control.labels.length && !control.getAttribute("aria-label")) faults.push(`no label: ${name(control)}`);
  });
  all("a[href], button, summary").filter(seen).forEach((one) => {
    const words = one.textContent.trim() || one.getAttribute("aria-label") || one.title;
    if (!words) faults.push(`no name: ${name(one)}`);
  });
  all("[aria-labelledby], [aria-describedby], label[for]").forEach((one) => {
    const named = ["aria-labelledby", "aria-describedby", "for"].map((key) => one.getAttribute(key) || "");
    named.join(" ").split(/\\s+/).filter(Boolean).forEach((id) => {
      if (!document.getElementById(id)) faults.push(`nothing has the id ${id}: ${name(one)}`);
    });
  });
  return faults;
}
"""
WIDE = """
() => {
  if (document.documentElement.scrollWidth <= window.innerWidth) return [];
  const wide = Array.from(document.body.querySelectorAll("*"))
    .filter((e) => e.getBoundingClientRect().right > window.innerWidth + 1)
    .map((e) => e.outerHTML.slice(0, 80));
  return [`${document.documentElement.scrollWidth} wide on ${window.innerWidth}: ${wide.slice(0, 3)}`];
}
"""
CONTRAST = """
() => {
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const rgba = (colour) => known.get(colour) || known.set(colour, painted(colour)).get(colour);
  const painted = (colour) => {
    paint.clearRect(0, 0, 1, 1);
    paint.fillStyle = colour;
    paint.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = paint.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3]));
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.nodeValue.trim() || !element.getClientRects().length) continue;
    if (element.closest(":disabled, [aria-disabled=true], .visually-hidden, option, script, noscript")) continue;
    const style = getComputedStyle(element);
    const below = ground(element);
    const ink = over(rgba(style.color), below);
    const [a, b] = [light(ink), light(below)].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 600) ? 3 : 4.5;
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < least - 0.01) faint.set(`${ratio.toFixed(2)} : 1 for ${element.outerHTML.slice(0, 90)}`, true);
  }
  return [...faint.keys()].slice(0, 5);
}
"""
WIDTHS = (1440, 390)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
Look = tuple[int, Literal["light", "dark"]]
LOOKS: tuple[Look, ...] = tuple((width, theme) for width in WIDTHS for theme in THEMES)
PAIRS: tuple[tuple[Look, ...], ...] = (((1440, "light"), (390, "dark")), ((1440, "dark"), (390, "light")))
"""Both widths and both themes by two looks: for pages of which the walk sees many of a kind, turn about."""


def faults_of(
    page: Page, language: str, looks: Sequence[Look] = LOOKS, *, colours: bool = False
) -> list[str]:
    """Return what is wrong with the page that is open, as it looks at these widths and in these themes.

    axe asks at the first of them; its own rule about colours, if wanted, is that of CONTRAST, at ten times the price.
    """
    found: list[str] = []
    for number, (width, theme) in enumerate(looks):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # colours do not glide
        faults = page.evaluate(WIDE) + page.evaluate(CONTRAST)
        if not number:
            faults += axe.violations(page, colours=colours)
        found += [f"{width} {theme}: {fault}" for fault in faults]
    return [*sound(page, language), *(f"{page.url}: {fault}" for fault in found)]


def sound(page: Page, language: str) -> list[str]:
    """Return what is wrong with the page that is open, and whether it is too wide for a phone."""
    found = list(page.evaluate(LOOK))
    spoken = page.evaluate("document.documentElement.lang")
    if spoken != language:
        found.append(f"lang is {spoken}")
    page.set_viewport_size({"width": min(WIDTHS), "height": 900})
    return [f"{page.url}: {fault}" for fault in [*found, *page.evaluate(WIDE)]]
