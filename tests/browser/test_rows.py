"""Pages that need no demo: 300 planes, 100 replicas, names of 63 characters; and states that it never shows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Browser, Page

from kbconsole.common.roles import Role
from kbconsole.fleet.changes import EnsureNamespace
from kbconsole.fleet.models import Plane
from kbconsole.jobs.definition import Step, canonical_text, digest
from kbconsole.jobs.models import Plan, Run, RunStep
from kbconsole.people.links import code_for
from kbconsole.people.services import invite
from placements.models import Placement
from tests.browser.looking import PAIRS, WIDE, WIDTHS, faults_of, sound
from tests.browser.rows import Rows
from tests.people import person
from tests.placements import world

pytestmark = pytest.mark.browser
PLANES = [f"{'k8s-in-a-room-far-away-' * 3}"[:59] + f"-{number:03}" for number in range(300)]
LONG = "etcd-" + "w" * 58


@pytest.fixture
def db(browser: Browser, django_db_blocker: Any) -> Iterator[Rows]:
    """A fleet of the usual size. It stands in for the fixture of pytest-django, which goes by this name."""
    rows = Rows(browser)
    with django_db_blocker.unblock():
        rows.begin()
        try:
            rows.do(world.fleet)
            yield rows
        finally:
            rows.end()


@pytest.fixture
def adam(db: Rows) -> User:
    return db.do(person, "adam", "admin")


def many(dba: User) -> tuple[Placement, Plan, Run]:
    """Make the rows: one database over a hundred of three hundred planes, its plan, and a run."""
    now = timezone.now()
    Plane.objects.bulk_create(
        Plane(
            name=name,
            uid=name,
            server=f"https://{name}.example.org:6443",
            last_answer_at=now,
            last_asked_at=now,
        )
        for name in PLANES
    )
    used = PLANES[:100]
    pods = [
        {"name": f"{LONG}-etcd-{n}", "node": f"{plane}-n0", "ip": "10.0.0.7", "host_ip": "", "phase": "Running",
         "ready": True, "role": "leader" if n == 0 else "follower", "reason": ""}
        for n, plane in enumerate(used)
    ]  # fmt: skip
    seen = {
        plane: {"pods": [pod], "services": [], "seen_at": now.isoformat()}
        for plane, pod in zip(used, pods, strict=True)
    }
    row = world.in_service(dba, world.mesh(dba), LONG, replicas=100, planes=used, observed=seen)
    steps = [Step(on=plane, phase="namespace", change=EnsureNamespace(plane, "demo")) for plane in used]
    plan = world.planned(row)
    body = {
        "job": plan.job,
        "params": plan.params,
        "facts": {},
        "steps": [step.canonical() for step in steps],
    }
    plan.content = canonical_text(body)
    plan.hash = digest(plan.content)
    plan.save()
    run = world.ran(row, "failed", plan=plan, lanes=used)
    RunStep.objects.bulk_create(
        RunStep(run=run, position=n, lane=step.on, phase=step.phase, phase_order=0, content=step.canonical(),
                label=step.label().to_json(), status="succeeded" if n else "failed")
        for n, step in enumerate(steps)
    )  # fmt: skip
    return row, plan, run


def widths(page: Page, address: str) -> list[str]:
    """Return what does not fit at either width, or is not sound."""
    answer = page.goto(address)
    assert answer and answer.status == 200, address
    page.set_viewport_size({"width": max(WIDTHS), "height": 900})
    return [*(f"{address}: {fault}" for fault in page.evaluate(WIDE)), *sound(page, "en")]


def test_three_hundred_planes_and_a_hundred_replicas_fit_on_every_page(db: Rows, adam: User) -> None:
    row, plan, run = db.do(lambda: many(person("dana", "dba")))
    addresses = [
        "/", "/placements/", f"/placements/{row.pk}/", "/placements/new/", f"/plans/{plan.pk}/", f"/runs/{run.pk}/",
        "/approvals/", "/fleet/", f"/fleet/{PLANES[0]}/", "/search/?q=k8s",
    ]  # fmt: skip
    with db.page(adam) as page:
        faults = [fault for address in addresses for fault in widths(page, address)]
    assert not faults, "\n".join(faults)


LONG_AGO = {
    "last_asked_at": timezone.now() - timedelta(hours=3),
    "created_at": timezone.now() - timedelta(hours=4),
}
SILENT = {"last_error": {"code": "form.plane_silent", "params": {}}}
STATES: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "the checker is silent": ("Not checked since", LONG_AGO, ("/fleet/", "/placements/")),
    "the control plane is lost": ("What still works", SILENT, ("/fleet/", "/fleet/k8s-0/")),
}


def in_state(adam: User, changes: dict[str, Any], *, control: bool) -> None:
    world.in_service(adam, world.mesh(adam))
    Plane.objects.filter(is_control_plane__in=[True] if control else [True, False]).update(**changes)


@pytest.mark.parametrize("state", STATES)
def test_pages_in_a_state_that_the_demo_never_shows_are_whole(db: Rows, adam: User, state: str) -> None:
    words, changes, addresses = STATES[state]
    db.do(in_state, adam, changes, control="control" in state)
    faults: list[str] = []
    with db.page(adam) as page:
        for turn, address in enumerate(addresses):
            page.goto(address)
            assert turn or words in page.content()
            faults += faults_of(page, "en", PAIRS[turn % 2])
    assert not faults, "\n".join(faults)


def test_a_link_sets_a_password_and_no_server_hears_its_code(db: Rows, adam: User) -> None:
    code = db.do(lambda: code_for(invite(username="nina", roles=[Role.DBA], by=adam).person))
    with db.page(None) as page:
        page.goto(f"/people/set-password/#{code}")
        page.wait_for_url("**/people/set-password/new/")
        faults = faults_of(page, "en", PAIRS[0])
        page.locator("[name=new_password1]").fill("quiet otters play the piano")
        page.locator("[name=new_password2]").fill("quiet otters play the piano")
        page.get_by_role("button", name="Set the password").click()
        page.wait_for_url("**/sign-in/")
        page.goto("/people/set-password/")
        faults += faults_of(page, "en", PAIRS[1])
    assert db.do(lambda: User.objects.get(username="nina").has_usable_password())
    assert [url for url in db.asked if code in url or code.partition(".")[2] in url] == []
    assert not faults, "\n".join(faults)
