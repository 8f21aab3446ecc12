"""Real Celery processes on the embedded broker: worker and beat as they run in production."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection

from kbconsole.audit.models import Entry
from kbconsole.audit.verification import verify
from kbconsole.celery import app
from kbconsole.jobs import services
from kbconsole.jobs.models import Run
from tests.jobs import folders
from tests.started import ROOT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
CELERY = (sys.executable, "-m", "celery", "--app", "kbconsole", "--quiet")
WORKER = ("worker", "--include", "tests.jobs.folders", "--concurrency", "2", "--loglevel", "WARNING",
          "--without-gossip", "--without-mingle", "--without-heartbeat")  # fmt: skip
BEAT = ("beat", "--loglevel", "WARNING", "--pidfile", "")
PATIENCE = 60.0


def database_url() -> str:
    """Return the address of the database of the tests."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}"


class Processes:
    """Workers and beat of one test, each with its children in a group of its own."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.all: list[subprocess.Popen[bytes]] = []
        self.env = {**os.environ, "DATABASE_URL": database_url(), "KBCONSOLE_BEAT_SECONDS": "0.3"}

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.logs / f"{len(self.all)}.log").open("wb") as log:
            process = subprocess.Popen(
                [*CELERY, *arguments], cwd=ROOT, env=self.env, stdout=log, stderr=log, start_new_session=True
            )
        self.all.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End a process and its children, at once and without a word."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def said(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.logs.glob("*.log")))


@pytest.fixture
def processes(transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    """Nothing runs yet, and the broker is empty; what a test starts ends with it, however it ends."""
    monkeypatch.delattr(app, "send_task")  # this process sends for real
    empty_broker()
    (tmp_path / "logs").mkdir()
    started = Processes(tmp_path / "logs")
    try:
        yield started
    finally:
        for process in started.all:
            started.kill(process)
        empty_broker()


def empty_broker() -> None:
    for name in ("queue", "control", "tmp"):
        folder = Path(settings.KBCONSOLE_BROKER_DIR) / name
        for path in folder.iterdir() if folder.exists() else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def messages() -> list[str]:
    """Return what lies in the broker, decoded."""
    return [path.read_text() for path in (Path(settings.KBCONSOLE_BROKER_DIR) / "queue").glob("*.msg")]


def wait_for(what: Callable[[], Any], processes: Processes) -> Any:
    until = monotonic() + PATIENCE
    while monotonic() < until:
        if answer := what():
            return answer
        sleep(0.05)
    raise AssertionError(f"it did not happen; the processes said:\n{processes.said()[-3000:]}")


def ended_well(run: Run, planes: list[str], processes: Processes) -> None:
    wait_for(lambda: not Run.objects.get(pk=run.pk).active, processes)
    run.refresh_from_db()
    assert run.status == "succeeded", processes.said()[-3000:]
    assert folders.objects(planes) == ["k8s-1/first", "k8s-1/second", "k8s-2/first", "k8s-2/second"]
    assert [event.seq for event in run.events.all()] == list(range(1, run.last_seq + 1))
    assert Entry.objects.filter(run_id=run.pk, act="run.ended").count() == 1
    assert verify().problem is None


def test_a_message_wakes_a_worker_that_goes_to_the_end_without_beat(
    dana: User, processes: Processes, tmp_path: Path
) -> None:
    planes = folders.made(tmp_path, "k8s-1", "k8s-2")
    run = services.start(folders.Folders(planes), by=dana)
    assert len(messages()) == 1, "the process that starts a run sends its id to the broker that workers read"
    processes.start(*WORKER)
    ended_well(run, planes, processes)
    assert run.attempt == 1
    assert {step.attempt for step in run.steps.all()} == {1}


def test_a_message_holds_the_number_of_the_run_and_nothing_else(
    dana: User, processes: Processes, tmp_path: Path
) -> None:
    run = services.start(folders.Folders(folders.made(tmp_path, "k8s-1")), by=dana, plan=None)
    (text,) = messages()
    message = json.loads(text)
    args, kwargs, _embed = json.loads(base64.b64decode(message["body"]))
    assert (args, kwargs) == ([run.pk], {})
    shown = text + base64.b64decode(message["body"]).decode()
    for secret in (
        str(tmp_path),
        "dana",
        "folders",
        settings.SECRET_KEY,
        *settings.KBCONSOLE_CREDENTIAL_KEYS,
    ):
        assert secret not in shown


def test_what_the_broker_loses_is_sent_again(dana: User, processes: Processes, tmp_path: Path) -> None:
    planes = folders.made(tmp_path, "k8s-1", "k8s-2")
    run = services.start(folders.Folders(planes), by=dana)
    empty_broker()
    assert messages() == []
    processes.start(*WORKER)
    processes.start(*BEAT)
    ended_well(run, planes, processes)


@pytest.mark.parametrize("victim", ["one process of the pool", "the whole worker"])
def test_a_worker_killed_in_the_middle_of_a_step_is_replaced(
    victim: str, dana: User, processes: Processes, tmp_path: Path
) -> None:
    planes = folders.made(tmp_path, "k8s-1", "k8s-2")
    slow, busy = Path(planes[1], "slow.second"), Path(planes[1], "busy.second")
    slow.touch()
    run = services.start(folders.Folders(planes), by=dana)
    worker = processes.start(*WORKER)
    processes.start(*BEAT)
    pid = int(wait_for(lambda: busy.exists() and busy.read_text(), processes))
    if victim == "the whole worker":
        processes.kill(worker)
        processes.start(*WORKER)
    else:
        os.kill(pid, signal.SIGKILL)
    slow.unlink()
    ended_well(run, planes, processes)
    step = run.steps.get(lane="k8s-2", phase="second")
    assert (step.attempt, step.lost) == (2, 1)
    assert folders.calls(planes[1]) == ["first", "second"], (
        "it was killed before its change, so one change was made"
    )
