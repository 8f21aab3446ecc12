"""Links, forms and decisions as people really use them: twice, too late, with the Back button."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import acts
from tests.browser.people import People
from tests.demo_command.running import Demo

pytestmark = pytest.mark.browser


def test_a_link_signs_in_once_and_then_says_why_it_does_not(people: People, demo: Demo) -> None:
    link = demo.links["admin2"]
    first, second = people.stranger(), people.stranger()
    first.goto(link)
    acts.title(first, "What needs you now")
    second.goto(link)
    acts.title(second, "Sign in")
    expect(second.get_by_role("alert")).to_contain_text("This link was used already.")


def typed(page: Page) -> dict[str, str]:
    names = ("name", "purpose", "ticket", "replicas", "disk_gib")
    chosen = page.locator("[name=profile]:checked, [name=size]:checked")
    found = {name: page.locator(f"#wish [name={name}]").input_value() for name in names}
    return found | {"chosen": " ".join(chosen.evaluate_all("all => all.map(one => one.value)"))}


def test_nothing_typed_is_lost_after_an_error_by_back_and_by_reload(people: People) -> None:
    page = people.page("dba")
    acts.fill_request(page, "Not_A_Name", purpose="Kept, whatever happens")
    page.locator("[name=ticket]").fill("OPS-17")
    page.locator("[name=replicas]").fill("5")
    page.locator("[name=size][value=m]").check()
    before = typed(page)
    acts.send_request(page)
    expect(page.locator("#wish .field-errors, #wish .errorlist").first).to_be_visible()
    assert typed(page) == before
    page.reload()
    assert typed(page) == before
    page.get_by_role("link", name="Cancel").click()
    acts.title(page, "Databases")
    page.go_back()
    acts.title(page, "Ask for a database")
    assert typed(page) == before


def test_a_double_click_approves_once_and_starts_one_run(people: People) -> None:
    dba, admin = people.page("dba"), people.page("admin")
    admin.goto(acts.ask_for(dba, "etcd-twice"))
    acts.tick(admin)
    admin.get_by_role("button", name="Approve").dblclick()
    record = admin.get_by_role("region", name="The record")
    expect(record).to_contain_text("1 of 1")
    runs = record.locator("dl > div").filter(has=admin.get_by_role("link", name=re.compile(r"^Run \d+$")))
    expect(runs.filter(has_text="Place database")).to_have_count(1)
    expect(admin.get_by_text("This did not go through")).to_have_count(0)


def test_of_two_admins_the_second_is_told_who_did_what(people: People) -> None:
    dba, admin, admin2 = people.page("dba"), people.page("admin"), people.page("admin2")
    plan = acts.ask_for(dba, "etcd-contested")
    for page in (admin, admin2):
        page.goto(plan)
    admin.get_by_label("Comment").fill("Take five replicas.")
    admin.get_by_role("button", name="Reject").click()
    expect(admin.get_by_text("Rejected by admin")).to_be_visible()
    expect(admin2.locator("#plan-news")).to_contain_text("admin: Rejected")
    acts.approve(admin2)
    told = admin2.get_by_role("alert")
    expect(told).to_contain_text("admin")
    expect(told).to_contain_text(re.compile("reject", re.IGNORECASE))


def test_a_database_is_retired_by_its_typed_name_and_nothing_is_left(people: People) -> None:
    dba, admin = people.page("dba"), people.page("admin")
    dba.goto(acts.place(dba, admin, "etcd-short"))
    dba.get_by_role("link", name="Retire…").click()
    dba.get_by_role("radio", name=re.compile("^Delete")).check()
    dba.get_by_role("textbox", name="Why").fill("Not used any more")
    name = dba.locator("[name=typed_name]")
    name.fill("etcd-shirt")
    dba.get_by_role("button", name="Make the plan to retire it").click()
    expect(dba.locator("#id_typed_name_error")).to_contain_text("etcd-short")
    expect(dba.locator("[name=reason]")).to_have_value("Not used any more")
    expect(dba.get_by_role("radio", name=re.compile("^Delete"))).to_be_checked()
    name.fill("etcd-short")
    dba.get_by_role("button", name="Make the plan to retire it").click()
    expect(dba.get_by_role("heading", name="What would change")).to_be_visible(timeout=acts.RUN_SECONDS)
    acts.approved_run(admin, dba.url)
    acts.run_state(admin, "Succeeded")
    admin.get_by_role("heading", level=1).get_by_role("link").click()
    expect(admin.locator(".page-head")).to_contain_text("Retired")
