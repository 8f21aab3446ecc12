"""Every page of every role, wide and narrow, light and dark, in English and Chinese; and without JavaScript."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser import acts
from tests.browser.looking import PAIRS, faults_of, sound
from tests.browser.people import People
from tests.browser.walking import kind_of, walk
from tests.demo_command.running import Demo

pytestmark = pytest.mark.browser
LANGUAGES = {"en": "en-GB", "zh-hans": "zh-CN"}
OF_LANGUAGE = dict(zip(LANGUAGES, PAIRS, strict=True))
LONG = "a" * 49


# Where people get to by links; what only some may open is checked by tests/test_routes.py.
COMMON = {"/", "/placements/", "/placements/N/", "/approvals/", "/approvals/policy/", "/plans/N/", "/runs/N/",
          "/fleet/", "/fleet/k8s-N/", "/networks/", "/audit/", "/audit/N/", "/search/", "/people/"}  # fmt: skip
EXPECTED = {
    "dba": COMMON | {"/placements/new/", "/placements/N/edit/", "/placements/N/retire/"},
    "admin": COMMON | {"/placements/N/retire/", "/fleet/add/", "/networks/N/edit/", "/networks/new/",
                       "/networks/new/cilium_mesh/", "/networks/blocks/", "/networks/ranges/enter/",
                       "/networks/supernets/", "/audit/access/", "/people/N/", "/people/invite/"},
    "auditor": COMMON | {"/audit/access/", "/people/N/"},
}  # fmt: skip
MINE = {404: {"/audit/1/"}}  # the first entry is not the DBA's own


def turn_of(kind: str, name: str, number: int = 0) -> tuple[str, int]:
    """Return the language and the pair of looks for a page.

    Of the roles that get to a kind of page two that follow each other see it in both languages, and so do the pages of
    one kind; over these and all kinds every language meets every width and theme.
    """
    turn = zlib.crc32(kind.encode()) + [*EXPECTED].index(name) + number
    return [*LANGUAGES][turn % 2], turn // 2 % len(PAIRS)


@pytest.mark.parametrize("name", EXPECTED)
def test_every_page_of_a_role_is_whole(people: People, name: str) -> None:
    """At both widths and in both themes; in both languages by turns, and those that only this role has in both."""
    pages = {language: people.page(name, locale=locale) for language, locale in LANGUAGES.items()}
    of_others = set().union(*(kinds for other, kinds in EXPECTED.items() if other != name))
    faults: list[str] = []
    met: dict[str, int] = {}
    for page, address, status in walk(lambda kind, number: pages[turn_of(kind, name, number)[0]]):
        kind = kind_of(address)
        number = met[kind] = met.get(kind, -1) + 1
        language, pair = turn_of(kind, name, number)
        if status != 200 and address not in MINE.get(status, ()):
            faults.append(f"{address}: {status}")
        faults += faults_of(page, language, PAIRS[pair])
        if not number and kind.partition(" ")[0] not in of_others:
            other = next(one for one in LANGUAGES if one != language)
            pages[other].goto(address)
            faults += sound(pages[other], other)
    assert EXPECTED[name] - {kind.partition(" ")[0] for kind in met} == set()
    assert not faults, "\n".join(faults)


def test_the_turns_show_every_page_that_roles_share_in_both_languages() -> None:
    for kind in set().union(*EXPECTED.values()):
        roles = [name for name, kinds in EXPECTED.items() if kind in kinds]
        assert len(roles) == 1 or {turn_of(kind, name)[0] for name in roles} == set(LANGUAGES), kind


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
        faults += faults_of(page, language, OF_LANGUAGE[language], colours=True)
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
    faults = faults_of(page, language, OF_LANGUAGE[language])
    assert not faults, "\n".join(faults)


def test_a_plane_that_the_operator_does_not_know_is_said_before_it_is_saved(
    people: People, demo: Demo
) -> None:
    page = people.page("admin")
    page.goto("/fleet/add/")
    page.set_input_files("[type=file]", demo.folder / "k8s-4.kubeconfig")
    page.get_by_role("button", name="Read it").click()
    expect(page.get_by_role("rowheader", name="k8s-4")).to_be_visible()
    faults = faults_of(page, "en", PAIRS[0])
    page.get_by_role("checkbox", name="k8s-4").check()
    page.get_by_role("button", name="Look over").click()
    row = page.locator(".preflight").filter(has_text="operator").filter(has_text="k8s-4")
    expect(row.filter(has_text=re.compile("Fail")).first).to_be_visible(timeout=acts.RUN_SECONDS)
    expect(row.locator(".preflight-fix").first).to_be_visible()
    faults += faults_of(page, "en", PAIRS[1])
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
