"""A worker killed at each boundary of each step: what follows ends in the same state as if it had lived."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from kbconsole.audit.models import Entry
from kbconsole.audit.verification import verify
from kbconsole.jobs import claims, services
from kbconsole.jobs.models import Run, RunStep
from tests.driving import drive
from tests.jobs import folders
from tests.jobs.killed import POINTS, RUN_POINTS
from tests.started import ROOT

pytestmark = pytest.mark.django_db(transaction=True)
STEPS = 5
Killed = Callable[[Run, str, int], None]


@pytest.fixture(scope="module")
def suicidal(django_db_setup: None) -> Iterator[subprocess.Popen[str]]:
    """The process that forks workers which kill themselves, on the database of the tests."""
    command = [sys.executable, "-m", "tests.jobs.killed", str(connection.settings_dict["NAME"])]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.stdin.close()
        process.wait(timeout=20)


@pytest.fixture
def killed(suicidal: subprocess.Popen[str]) -> Killed:
    """Let a worker carry the run on and die at that point."""

    def kill(run: Run, point: str, position: int) -> None:
        assert suicidal.stdin is not None
        assert suicidal.stdout is not None
        suicidal.stdin.write(json.dumps({"run": run.pk, "point": point, "position": position}) + "\n")
        assert suicidal.stdout.readline() == f"{signal.SIGKILL.value}\n", "it never came to that point"

    return kill


def lease_is_over() -> None:
    RunStep.objects.filter(status="running").update(lease_until=timezone.now() - timedelta(seconds=1))
    claims.reap()


@pytest.mark.parametrize("position", range(STEPS))
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_worker_changes_nothing_about_the_end(
    point: str, position: int, dana: User, killed: Killed, tmp_path: Path
) -> None:
    planes = folders.made(tmp_path, "k8s-1", "k8s-2")
    run = services.start(folders.Folders(planes), by=dana)
    killed(run, point, position)
    lease_is_over()
    ended_well(drive(run), planes)


@pytest.mark.parametrize("point", RUN_POINTS)
def test_a_worker_killed_while_the_run_ends(point: str, dana: User, killed: Killed, tmp_path: Path) -> None:
    planes = folders.made(tmp_path, "k8s-1", "k8s-2")
    run = services.start(folders.Folders(planes), by=dana)
    killed(run, point, STEPS - 1)
    assert Run.objects.get(pk=run.pk).active
    lease_is_over()
    ended_well(drive(run), planes)


def test_a_worker_killed_twice_at_the_same_step(dana: User, killed: Killed, tmp_path: Path) -> None:
    planes = folders.made(tmp_path, "k8s-1", "k8s-2")
    run = services.start(folders.Folders(planes), by=dana)
    for _ in range(2):
        killed(run, "after-change", 1)
        lease_is_over()
    ended_well(drive(run), planes)
    assert folders.calls(planes[0]) == ["first", "second", "second", "second"]


def test_until_its_lease_is_over_nobody_else_touches_the_step(
    dana: User, killed: Killed, tmp_path: Path
) -> None:
    planes = folders.made(tmp_path, "k8s-1", "k8s-2")
    run = services.start(folders.Folders(planes), by=dana)
    killed(run, "after-claim", 0)
    RunStep.objects.filter(status="running").update(lease_until=timezone.now() + timedelta(seconds=60))
    assert claims.reap() == []
    assert drive(run, seconds=0.3).active
    assert "k8s-1/first" not in folders.objects(planes)


def ended_well(run: Run, planes: list[str]) -> None:
    """Assert what holds after a run in which nobody was killed."""
    assert run.status == "succeeded"
    assert {step.status for step in run.steps.all()} == {"succeeded"}
    assert folders.objects(planes) == ["k8s-1/first", "k8s-1/second", "k8s-2/first", "k8s-2/second"]
    assert [event.seq for event in run.events.all()] == list(range(1, run.last_seq + 1))
    assert [event.sentence["code"] for event in run.events.all()].count("jobs.succeeded") == 1
    for act, times in {"run.started": 1, "run.ended": 1, "run.change_ended": 4}.items():
        assert Entry.objects.filter(run_id=run.pk, act=act, outcome="success").count() == times
    assert verify().problem is None
