"""How many queries a page makes when it shows 10 rows, and when it shows 200."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from kbconsole.common.sentences import say
from kbconsole.fleet.models import Plane
from kbconsole.jobs.definition import Step
from kbconsole.jobs.events import log
from kbconsole.jobs.models import Run
from kbconsole.jobs.services import start
from tests.api.calling import a_fleet, a_placement, a_profile, made_ready
from tests.jobs.toys import Look, ToyCheck, world
from tests.people import person, signed_in

FEW, MANY = 10, 200
LISTS = {
    "home": "/",
    "databases": "/placements/",
    "approvals": "/approvals/",
    "planes": "/fleet/",
    "profiles": "/networks/",
    "audit": "/audit/",
    "search": "/search/?q=db",
    "api_databases": "/api/v1/placements/",
    "api_planes": "/api/v1/planes/",
    "api_profiles": "/api/v1/profiles/",
    "api_plans": "/api/v1/plans/",
    "api_runs": "/api/v1/runs/",
    "api_audit": "/api/v1/audit/",
}
OF_A_RUN = {"run": "/runs/{}/", "run_grid": "/runs/{}/grid/", "api_run": "/api/v1/runs/{}/",
            "api_run_steps": "/api/v1/runs/{}/steps/", "api_run_events": "/api/v1/runs/{}/events/"}  # fmt: skip


def counted() -> Iterator[tuple[str, int, int]]:
    """Yield (page, queries with few rows, queries with many rows), on an empty database that this fills."""
    browser = signed_in(person("ada", "admin"))
    a_fleet()
    grow(0, FEW)
    few = {name: queries(browser, address) for name, address in LISTS.items()}
    grow(FEW, MANY)
    for name, address in LISTS.items():
        yield name, few[name], queries(browser, address)
    small, big = a_run(FEW), a_run(MANY)
    for name, address in OF_A_RUN.items():
        yield name, queries(browser, address.format(small.pk)), queries(browser, address.format(big.pk))


def queries(browser: Client, address: str) -> int:
    """Return how many queries the second look at a page makes; the first fills caches that all pages share."""
    browser.get(address)
    with CaptureQueriesContext(connection) as caught:
        answer = browser.get(address)
    if answer.status_code != 200:
        raise ValueError(f"{address} answered {answer.status_code}")
    return len(caught)


def grow(from_: int, to: int) -> None:
    """Make databases with their plans, runs and audit entries, planes, and profiles."""
    for number in range(from_, to):
        made_ready(a_placement(f"db-{number:03}"))
        a_profile(f"mesh-{number:03}")
        Plane.objects.create(name=f"plane-{number:03}", uid=f"more-{number}", server="https://127.0.0.1:1")


def a_run(rows: int) -> Run:
    """Return a run with about that many steps and exactly that many lines more."""
    world.extra = [
        Step(on="k8s-1", phase=f"phase-{n % 20}", check=Look("k8s-1", str(n))) for n in range(rows)
    ]
    run = start(ToyCheck(), by=person("dana", "dba"))
    world.extra = []
    for _ in range(rows):
        log(run, say("jobs.step_done"))
    Run.objects.filter(pk=run.pk).update(status="failed")
    return run
