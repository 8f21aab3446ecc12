"""Every page, wide and narrow, light and dark, in English and Chinese; and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser import acts
from tests.browser.looking import faults_of
from tests.browser.people import People
from tests.demo_command.running import Demo

pytestmark = pytest.mark.browser
LANGUAGES = {"en": "en-GB", "zh-hans": "zh-CN"}
PLAIN = (
    "/",
    "/placements/",
    "/placements/?state=retired",
    "/placements/new/",
    "/approvals/",
    "/approvals/?tab=mine",
    "/approvals/?tab=decided",
    "/fleet/",
    "/fleet/control-plane/",
    "/fleet/k8s-3/",
    "/fleet/add/",
    "/networks/",
    "/networks/new/",
    "/audit/",
    "/audit/?act=access",
    "/audit/1/",
)
LISTS = {
    "/placements/": r"/placements/\d+/",
    "/approvals/?tab=waiting": r"/plans/\d+/",
    "/approvals/?tab=decided": r"/plans/\d+/",
    "/networks/": r"/networks/\d+/(edit/)?",
    "/networks/new/": r"/networks/new/[\w-]+/",
}
LONG = "a" * 49


def found(page: Page, address: str, pattern: str) -> list[str]:
    """Return the addresses that a list links to."""
    page.goto(address)
    links = page.locator("main a[href]").evaluate_all("all => all.map(one => new URL(one.href).pathname)")
    return sorted({link for link in links if re.fullmatch(pattern, link)})


@pytest.fixture(scope="package")
def addresses() -> list[str]:
    """All pages of the demo, found by the first test that needs them."""
    return []


@pytest.fixture
def pages(people: People, addresses: list[str]) -> list[str]:
    if not addresses:
        page = people.page("admin")
        more = [link for address, pattern in LISTS.items() for link in found(page, address, pattern)]
        runs = [run for link in more if "/plans/" in link for run in found(page, link, r"/runs/\d+/")]
        retiring = [f"{link}retire/" for link in more if "/placements/" in link]
        addresses += sorted({*PLAIN, *more, *runs, *retiring})
    return addresses


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_whole_at_both_widths_in_both_themes(
    people: People, pages: list[str], language: str
) -> None:
    page = people.page("admin", locale=LANGUAGES[language])
    faults: list[str] = []
    for address in pages:
        answer = page.goto(address)
        assert answer
        if answer.status not in (200, 409):  # what cannot be retired yet says why
            faults.append(f"{address}: {answer.status}")
        faults += faults_of(page, language)
    assert len(pages) > len(PLAIN)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["dba", "auditor"])
def test_pages_of_other_roles_are_whole(people: People, name: str, language: str) -> None:
    page = people.page(name, locale=LANGUAGES[language])
    faults: list[str] = []
    for address in (
        "/",
        "/placements/",
        "/placements/1/",
        "/fleet/",
        "/fleet/k8s-1/",
        "/networks/",
        "/audit/",
    ):
        page.goto(address)
        faults += faults_of(page, language)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_that_say_no_are_whole(people: People, language: str) -> None:
    locale = LANGUAGES[language]
    stranger, dba = people.stranger(locale=locale), people.page("dba", locale=locale)
    faults: list[str] = []
    for page, address, status in (
        (stranger, "/sign-in/", 200),
        (dba, "/nowhere/", 404),
        (dba, "/placements/999999/", 404),
        (dba, "/networks/new/", 403),
    ):
        answer = page.goto(address)
        assert answer
        assert (address, answer.status) == (address, status)
        faults += faults_of(page, language)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refused_form_with_a_long_name_is_whole(people: People, language: str) -> None:
    page = people.page("dba", locale=LANGUAGES[language])
    page.goto("/placements/new/")
    page.fill("[name=name]", LONG + "b" * 14)
    page.fill("[name=replicas]", "99")
    page.fill("[name=purpose]", "w" * 400)
    page.locator("#wish .actions button").click()
    expect(page.locator("#wish .errorlist, #wish .field-errors").first).to_be_visible()
    faults = faults_of(page, language)
    assert not faults, "\n".join(faults)


def test_a_plane_that_the_operator_does_not_know_is_said_before_it_is_saved(
    people: People, demo: Demo
) -> None:
    page = people.page("admin")
    page.goto("/fleet/add/")
    page.set_input_files("[type=file]", demo.folder / "k8s-4.kubeconfig")
    page.get_by_role("button", name="Read it").click()
    expect(page.get_by_role("rowheader", name="k8s-4")).to_be_visible()
    faults = faults_of(page, "en")
    page.get_by_role("checkbox", name="k8s-4").check()
    page.get_by_role("button", name="Look over").click()
    row = page.locator(".preflight").filter(has_text="operator").filter(has_text="k8s-4")
    expect(row.filter(has_text=re.compile("Fail")).first).to_be_visible(timeout=acts.RUN_SECONDS)
    expect(row.locator(".preflight-fix").first).to_be_visible()
    faults += faults_of(page, "en")
    assert not faults, "\n".join(faults)


@pytest.fixture
def plain(people: People) -> Iterator[Page]:
    """The DBA's page without JavaScript."""
    people.page("dba")
    yield people.page("dba", java_script_enabled=False)


def test_without_javascript_one_reads_and_asks(plain: Page) -> None:
    for address in ("/", "/placements/", "/placements/1/", "/approvals/", "/fleet/", "/networks/", "/audit/"):
        plain.goto(address)
        expect(plain.get_by_role("heading", level=1)).to_be_visible()
    acts.fill_request(plain, "etcd-plain")
    plain.get_by_role("button", name="Move k8s-2 up").click()
    expect(plain.locator(".plane-card strong").first).to_have_text("k8s-2")
    expect(plain.locator("[name=name]")).to_have_value("etcd-plain")
    acts.send_request(plain)
    acts.title(plain, "etcd-plain")
    expect(plain.get_by_role("link", name="See the plan")).to_be_visible()
