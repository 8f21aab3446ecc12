"""What people see while a plane is dead or a worker dies, and that it ends well once that is over."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser import acts
from tests.browser.people import People
from tests.demo_command.running import Demo

pytestmark = pytest.mark.browser


@pytest.fixture
def mended(demo: Demo) -> Iterator[None]:
    """Leave no broken plane to other tests."""
    yield
    demo.run_printed("Mend k8s-3")


def test_a_broken_plane_fails_the_run_honestly_and_retry_ends_it(
    people: People, demo: Demo, mended: None
) -> None:
    dba, admin = people.page("dba"), people.page("admin")
    plan = acts.ask_for(dba, "etcd-fault")
    demo.run_printed("Break k8s-3")
    acts.approved_run(admin, plan)
    acts.run_state(admin, "Failed")
    trouble = admin.locator("#trouble")
    expect(trouble).to_contain_text("k8s-3")
    expect(trouble).to_contain_text("of 4 planes done")
    dba.goto("/")
    expect(dba.locator(".band")).to_contain_text("k8s-3 gives no answer")
    demo.run_printed("Mend k8s-3")
    admin.get_by_role("button", name="Retry from here").click()
    acts.run_state(admin, "Succeeded")
    expect(admin.locator("#trouble")).to_have_count(0)


def test_a_run_survives_its_killed_worker(people: People, demo: Demo) -> None:
    dba, admin = people.page("dba"), people.page("admin")
    acts.approved_run(admin, acts.ask_for(dba, "etcd-killed"))
    expect(admin.locator("a.cell.tone-ok").first).to_be_visible()
    os.kill(demo.celery_worker(), signal.SIGKILL)
    demo.wait_for("worker ended .code -9.; started again", 10)
    acts.run_state(admin, "Succeeded")
    shown = acts.lines(admin)
    assert shown == list(range(1, len(shown) + 1))
