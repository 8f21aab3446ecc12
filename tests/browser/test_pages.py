"""Every page of every role, wide and narrow, light and dark, in English and Chinese; and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser import acts
from tests.browser.looking import faults_of, sound
from tests.browser.people import People
from tests.browser.walking import kind_of, walk
from tests.demo_command.running import Demo

pytestmark = pytest.mark.browser
LANGUAGES = {"en": "en-GB", "zh-hans": "zh-CN"}
LONG = "a" * 49


# Where people get to by links; what only some may open is checked by tests/test_routes.py.
COMMON = {"/", "/placements/", "/placements/N/", "/approvals/", "/approvals/policy/", "/plans/N/", "/runs/N/",
          "/fleet/", "/fleet/k8s-N/", "/networks/", "/audit/", "/audit/N/", "/search/", "/people/"}  # fmt: skip
EXPECTED = {
    "dba": COMMON | {"/placements/new/", "/placements/N/edit/", "/placements/N/retire/"},
    "admin": COMMON | {"/placements/N/retire/", "/fleet/add/", "/networks/N/edit/", "/networks/new/",
                       "/networks/new/cilium_mesh/", "/audit/access/", "/people/N/", "/people/invite/"},
    "auditor": COMMON | {"/audit/access/", "/people/N/"},
}  # fmt: skip
MINE = {404: {"/audit/1/"}}  # the first entry is not the DBA's own


@pytest.mark.parametrize("name", EXPECTED)
def test_every_page_of_a_role_is_whole_in_both_languages(people: People, name: str) -> None:
    """At both widths and in both themes; axe sees each page once, turn about in one of the four and a language."""
    english, chinese = (people.page(name, locale=locale) for locale in LANGUAGES.values())
    faults: list[str] = []
    seen: set[str] = set()
    for turn, (address, status) in enumerate(walk(english)):
        kind = kind_of(address).partition(" ")[0]
        if status != 200 and address not in MINE.get(status, ()):
            faults.append(f"{address}: {status}")
        in_chinese = turn % 2 == 1
        if in_chinese or kind not in seen:
            chinese.goto(address)
        if in_chinese:
            faults += faults_of(chinese, "zh-hans", turn=turn // 2)
        else:
            faults += faults_of(english, "en", turn=turn // 2)
        if kind not in seen:
            faults += sound(*((english, "en") if in_chinese else (chinese, "zh-hans")))
        seen.add(kind)
    assert EXPECTED[name] - seen == set()
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
