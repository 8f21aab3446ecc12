"""The journey of each role in Chinese on a phone; tests/browser/test_journey.py has it in English on a desk."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser import acts
from tests.browser.acts import said
from tests.browser.people import People
from tests.browser.watching import moved

pytestmark = pytest.mark.browser
NAME = "etcd-zh"


@pytest.fixture
def three(people: People) -> tuple[Page, Page, Page]:
    """A DBA, an administrator and an auditor."""
    phone = {"width": 390, "height": 844}
    dba, admin, auditor = (
        people.page(name, locale="zh-CN", viewport=phone) for name in ("dba", "admin", "auditor")
    )
    for page in (dba, admin, auditor):
        page.goto("/")
    return dba, admin, auditor


def test_each_role_gets_through_in_chinese_on_a_phone(three: tuple[Page, Page, Page]) -> None:
    dba, admin, auditor = three
    acts.bar(dba, "Databases")
    dba.get_by_role("link", name=said(dba, "Ask for a database")).click()
    acts.title(dba, "申请数据库")
    plan = acts.ask_for(dba, NAME, purpose="手机上的中文旅程")
    acts.bar(admin, "Approvals")
    admin.get_by_role("listitem").filter(has_text=NAME).locator("[data-row]").first.click()
    acts.approve(admin)
    expect(admin.get_by_role("status").filter(has_text=NAME)).to_be_visible()
    dba.goto(plan)
    acts.open_run(dba)
    acts.title(dba, NAME)
    moved(dba)
    acts.run_state(dba, "Succeeded")
    assert moved(dba) == []
    dba.get_by_role("heading", level=1).get_by_role("link").click()
    expect(dba.locator(".page-head").first).to_contain_text("运行中")
    acts.bar(auditor, "Audit")
    acts.title(auditor, "审计日志")
    auditor.goto("/audit/?act=plan.approved")
    entry = auditor.locator("#entries tbody tr").filter(has_text=NAME)
    expect(entry).to_contain_text("admin")
    entry.get_by_role("link").first.click()
    acts.title(auditor, NAME)
