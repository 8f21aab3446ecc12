"""What the console is for, as a newcomer does it: a DBA asks, an admin approves, both watch, an auditor reads."""

from __future__ import annotations

import re
from time import monotonic

import pytest
from playwright.sync_api import Page, expect

from tests.browser import acts
from tests.browser.people import People
from tests.browser.watching import moved
from tests.demo_command.running import Demo

pytestmark = pytest.mark.browser
NEWCOMER_SECONDS = 180


def by_link(people: People, demo: Demo, name: str) -> Page:
    page = people.stranger()
    page.goto(demo.links[name])
    acts.title(page, "What needs you now")
    return page


def ask(dba: Page) -> None:
    """Fill in the form as the demo's three clicks say, and see the summary follow."""
    acts.bar(dba, "Databases")
    dba.get_by_role("link", name="Ask for a database").click()
    dba.get_by_role("textbox", name="Name").fill("etcd-demo")
    dba.get_by_role("textbox", name="What it is for").fill("The guide's example")
    dba.get_by_role("radio", name=re.compile("^mesh")).check()
    summary = dba.locator("#summary")
    dba.get_by_role("spinbutton", name="Replicas").fill("4")
    expect(summary).to_contain_text("worse than 3")
    dba.get_by_role("spinbutton", name="Replicas").fill("3")
    expect(summary.locator(".landings tbody tr")).to_have_count(3)
    expect(summary).to_contain_text("etcd-demo-etcd-2")
    acts.send_request(dba)
    acts.title(dba, "etcd-demo")


def decide(admin: Page) -> None:
    acts.bar(admin, "Approvals")
    row = admin.get_by_role("listitem").filter(has_text="etcd-demo")
    expect(row).to_contain_text("The guide's example")
    row.get_by_role("link", name="Open").click()
    acts.title(admin, "etcd-demo")
    acts.approve(admin)
    expect(admin.get_by_role("status").filter(has_text="Approved")).to_contain_text("etcd-demo")


def watch(page: Page) -> None:
    """See the run end well, without loading the page again and without losing the focus."""
    acts.title(page, "etcd-demo")
    acts.mark(page)
    cell = page.locator("a.cell").last
    cell.focus()
    name = acts.focused(page)
    assert name
    moved(page)
    acts.run_state(page, "Succeeded")
    assert moved(page) == []
    assert acts.kept(page)
    assert acts.focused(page) == name


def has_every_line(page: Page) -> None:
    expect(page.locator("#run-log")).to_contain_text("All steps succeeded.")
    shown = acts.lines(page)
    assert shown == list(range(1, len(shown) + 1))


def test_a_newcomer_places_the_guides_etcd_over_three_planes(people: People, demo: Demo) -> None:
    begun = monotonic()
    dba, admin = by_link(people, demo, "dba"), by_link(people, demo, "admin")
    ask(dba)
    acts.plan_of(dba)
    expect(dba.get_by_text("Waits for 1 administrator")).to_be_visible()
    expect(dba.get_by_role("button", name="Approve")).to_have_attribute("aria-disabled", "true")
    dba.get_by_role("heading", level=1).get_by_role("link").click()
    acts.mark(dba)
    decide(admin)
    admin.get_by_role("status").get_by_role("link", name=re.compile("^Open run ")).click()
    expect(dba.get_by_role("link", name="Watch the run")).to_be_visible()
    assert acts.kept(dba)
    dba.get_by_role("link", name="Watch the run").click()
    for page in (dba, admin):
        watch(page)
    for page in (dba, admin):
        has_every_line(page)
    ends_with_replicas_and_addresses(dba)
    assert monotonic() - begun < NEWCOMER_SECONDS
    the_auditor_reads_it(by_link(people, demo, "auditor"))


def ends_with_replicas_and_addresses(dba: Page) -> None:
    dba.get_by_role("heading", level=1).get_by_role("link").click()
    acts.title(dba, "etcd-demo")
    expect(dba.locator(".page-head")).to_contain_text("In service")
    table = dba.get_by_role("table", name="Replicas, their planes, pods and addresses")
    for ordinal in range(3):
        row = table.locator(f"#replica-{ordinal}")
        expect(row).to_contain_text(f"etcd-demo-etcd-{ordinal}")
        expect(row).to_contain_text(f"k8s-{ordinal + 1}")
        expect(row).to_contain_text(re.compile(r"leader|follower"))
        expect(row).to_contain_text(re.compile(r"\d+\.\d+\.\d+\.\d+:2380"))
    expect(table.get_by_text("leader", exact=True)).to_have_count(1)


def the_auditor_reads_it(auditor: Page) -> None:
    """Newest first: how it ended, what was done, who allowed it, who asked for it."""
    acts.bar(auditor, "Audit")
    expect(
        auditor.get_by_role("link", name="This quarter's changes, who asked and who approved")
    ).to_be_visible()
    auditor.goto(f"{auditor.url}?object=placement")
    told = [
        ("Worker", "Run of Place database ended: Succeeded"),
        ("Worker", "Created: Cluster demo/etcd-demo"),
        ("admin", "Approved"),
        ("dba", "Asked for etcd-demo: 3 × etcd over k8s-1, k8s-2, k8s-3"),
    ]
    for who, what in told:
        entries = auditor.locator("#entries tbody tr").filter(has_text="etcd-demo").filter(has_text=who)
        older = auditor.get_by_role("link", name="Older")
        while entries.filter(has_text=what).count() == 0:
            auditor.goto(older.evaluate("link => link.href"))
    auditor.get_by_role("link", name=re.compile("^Asked for etcd-demo")).click()
    acts.title(auditor, "Asked for etcd-demo")
