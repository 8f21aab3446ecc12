"""Lists: pages, filters, and as many queries for many rows as for few."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from kbconsole.audit.models import Entry
from kbconsole.fleet.models import Plane
from kbconsole.jobs.models import Plan, Run, RunStep
from kbconsole.people.models import Membership, Team
from networking.models import AddressFact, MeshNumber, Reservation, Supernet
from placements.models import Placement
from tests.api.calling import Caller, a_placement, a_profile, made_ready
from tests.people import person

As = Callable[[str], Caller]
pytestmark = pytest.mark.usefixtures("fleet")
LISTS = (
    "placements/", "planes/", "profiles/", "plans/", "runs/", "audit/", "people/", "teams/",
    "address-book/ranges/", "address-book/reservations/", "address-book/supernets/",
)  # fmt: skip
ONES = (
    "placements/{placement}/", "plans/{plan}/", "runs/{run}/", "runs/{run}/steps/", "runs/{run}/events/",
    "address-book/problems/",
)  # fmt: skip


def _some(count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        plan = made_ready(a_placement(f"etcd-{number}"))
        more = Plane.objects.create(name=f"more-{number}", uid=f"more-{number}", server="https://127.0.0.1:1")
        by, block = plan.requested_by, f"10.{number}.0.0/16"
        AddressFact.objects.create(plane=more, what="pods", ranges=[block], entered_by=by)
        Reservation.objects.create(plane=more.name, what="pods", range=block, made_by=by)
        MeshNumber.objects.create(plane=f"alone-{number}", number=1 + number, made_by=by)
        Supernet.objects.create(range=block, block=20, made_by=by)
        a_profile(f"more-{number}")
        team = Team.objects.create(name=f"more-{number}")
        Membership.objects.create(team=team, person=person(f"more-{number}", "dba"))
        run = plan.runs.get()
        RunStep.objects.bulk_create(
            RunStep(
                run=run,
                position=100 + position,
                lane="k8s-1",
                phase="apply",
                phase_order=9,
                content={},
                label={"code": "x"},
            )
            for position in range(count)
        )


@pytest.mark.parametrize("path", [*LISTS, *ONES])
def test_queries_do_not_grow_with_rows(as_: As, path: str) -> None:
    vera = as_("vera")
    _some(1)
    first = Placement.objects.get()
    path = path.format(placement=first.pk, plan=first.plans()[0].pk, run=first.runs()[0].pk)
    assert vera.get(path).status_code == 200
    with CaptureQueriesContext(
        connection,
    ) as few:
        vera.get(path)
    _some(4, start=1)
    with CaptureQueriesContext(connection) as many:
        response = vera.get(path)
    assert response.status_code == 200
    assert len(many) == len(few), [query["sql"] for query in many]


def _key(row: dict[str, Any]) -> Any:
    return row.get("id") or row.get("seq") or row.get("name") or row["plane"]


@pytest.mark.parametrize("path", LISTS)
def test_pages_hold_every_row_once_also_while_rows_are_added(as_: As, path: str) -> None:
    _some(5)
    vera = as_("vera")
    page = vera.get(path, limit=2).json()
    seen = [_key(row) for row in page["results"]]
    _some(1, start=5)
    while page["next"]:
        assert len(page["results"]) == 2
        page = vera.get(page["next"].split("/api/v1/")[1]).json()
        seen += [_key(row) for row in page["results"]]
    assert len(seen) == len(set(seen))
    assert len(seen) >= 5


def test_a_page_has_50_rows_and_at_most_200(as_: As) -> None:
    Plane.objects.bulk_create(
        Plane(name=f"plane-{number:03}", uid=f"p-{number}", server="https://127.0.0.1:1")
        for number in range(250)
    )
    dana = as_("dana")
    assert len(dana.get("planes/").json()["results"]) == 50
    assert len(dana.get("planes/", limit=100000).json()["results"]) == 200


def test_placements_are_filtered_by_what_one_asks_for(as_: As) -> None:
    a_placement("one", by=as_("dana").user)
    a_placement("two", by=as_("dora").user)
    Placement.objects.filter(name="two").update(status="in_service", planes=["k8s-3"])
    vera = as_("vera")

    def names(**query: str) -> list[str]:
        return [row["name"] for row in vera.get("placements/", **query).json()["results"]]

    assert names() == ["two", "one"]
    assert names(owner="dana") == ["one"]
    assert names(status="in_service") == ["two"]
    assert names(plane="k8s-1") == ["one"]
    assert names(plane="k8s-3", profile="mesh") == ["two", "one"]
    assert names(name="none") == []


def test_the_queue_of_plans_that_wait(as_: As) -> None:
    made_ready(a_placement("one"))
    a_placement("two")
    rows = as_("adam").get("plans/", status="ready").json()["results"]
    assert [row["subject"]["label"] for row in rows] == ["demo/one"]
    assert Plan.objects.count() == 2
    runs = as_("adam").get("runs/", status="queued").json()["results"]
    assert [run["subject"]["label"] for run in runs] == ["demo/two"]
    assert Run.objects.count() == 2


def test_the_audit_log_by_its_filters(as_: As) -> None:
    placement = a_placement()
    vera = as_("vera")

    def acts(**query: str) -> list[str]:
        return [entry["act"] for entry in vera.get("audit/", **query).json()["results"]]

    assert acts(object=f"placement:{placement.pk}", act="placement") == ["placement.requested"]
    assert acts(person="adam") == ["networking.profile_made"]
    assert acts(outcome="denied") == []
    later = (timezone.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    assert acts(**{"from": later}) == []
    assert len(acts(to=later)) == Entry.objects.count()


def test_a_silent_plane_says_why_in_a_sentence(as_: As) -> None:
    Plane.objects.filter(name="k8s-3").update(
        last_error={"code": "fleet.unknown_plane", "params": {"plane": "k8s-3"}},
        last_answer_at=timezone.now(),
    )
    plane = as_("dana").get("planes/k8s-3/").json()
    assert plane["state"] == "silent"
    assert plane["last_error"]["params"] == {"plane": "k8s-3"}
    assert "k8s-3" in plane["last_error"]["text"]
