"""Real Celery processes on the embedded broker: worker and beat as they run in production."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from kbconsole.audit.models import Entry
from kbconsole.audit.verification import verify
from kbconsole.celery import app
from kbconsole.jobs import services
from kbconsole.jobs.models import Run
from tests.jobs import folders
from tests.jobs.working import BEAT, WORKER, Processes
from tests.production.carriers import Carriers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def processes(
    carriers: Carriers, transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Processes]:
    """Nothing runs yet, and the broker is empty; what a test starts ends with it, however it ends."""
    carriers.end()
    monkeypatch.delattr(app, "send_task")  # this process sends for real
    empty_broker()
    (tmp_path / "logs").mkdir()
    started = Processes(tmp_path / "logs")
    try:
        yield started
    finally:
        started.end()
        empty_broker()


def empty_broker() -> None:
    """Let the broker lose all that it holds, as a Redis that is started anew or a folder that is removed."""
    if settings.CELERY_BROKER_URL.startswith("redis"):
        with app.connection_for_write() as broker:
            channel: Any = broker.default_channel
            channel.client.flushdb()
        return
    for name in ("queue", "control", "tmp"):
        folder = Path(settings.KBCONSOLE_BROKER_DIR) / name
        for path in folder.iterdir() if folder.exists() else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def messages() -> list[dict[str, Any]]:
    """Return what waits in the broker, as it is stored there; it waits on."""
    with app.connection_for_write() as broker:
        queue = app.amqp.queues["celery"](broker.default_channel)
        queue.declare()
        waiting: list[Any] = list(iter(queue.get, None))
        stored = [message.serializable() for message in waiting]
        for message in waiting:
            message.requeue()
    return stored


def ended_well(run: Run, planes: list[str], processes: Processes) -> None:
    processes.wait_for(lambda: not Run.objects.get(pk=run.pk).active)
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
    (message,) = messages()
    args, kwargs, _embed = json.loads(base64.b64decode(message["body"]))
    assert (args, kwargs) == ([run.pk], {})
    shown = json.dumps(message) + base64.b64decode(message["body"]).decode()
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
    pid = int(processes.wait_for(lambda: busy.exists() and busy.read_text()))
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
