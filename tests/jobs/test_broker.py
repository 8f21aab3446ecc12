"""The embedded broker, between real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty
from stat import S_IMODE
from time import monotonic, time
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue

from kbconsole.jobs.broker import Channel, Transport

MESSAGES, WRITERS, READERS = 500, 4, 2
END = -1
BULK = 20_000  # bytes of a message: more than one write() of a pipe, so that a half-written one can be seen

WRITER = """
import sys
from tests.jobs.test_broker import BULK, connected
folder, me, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
channel = connected(folder).default_channel
for number in range(count):
    channel._put("q", {"id": me * count + number, "bulk": "x" * BULK})
"""

READER = """
import sys, time
from queue import Empty
from tests.jobs.test_broker import BULK, END, connected
channel = connected(sys.argv[1]).default_channel
until = time.monotonic() + 50
while time.monotonic() < until:
    try:
        message = channel._get("q")
    except Empty:
        time.sleep(0.002)
        continue
    if message["id"] == END:
        break
    assert len(message["bulk"]) == BULK
    print(message["id"], flush=True)
"""

BINDER = """
import sys, time
from kombu import Exchange, Queue
from tests.jobs.test_broker import connected
folder, me, start = sys.argv[1], sys.argv[2], float(sys.argv[3])
channel = connected(folder).default_channel
for number in range(100):
    queue = Queue(f"{me}-{number}", Exchange(f"all-{number}", type="fanout"))(channel)
    while time.time() < start + number * 0.005:
        pass  # all processes bind at the same moment
    queue.declare()
"""


Spawn = Callable[..., "subprocess.Popen[str]"]


def connected(folder: str | Path) -> Connection:
    """Return a connection to the broker in that folder, with the options of kbconsole/celery.py."""
    where = Path(folder)
    return Connection(
        transport=Transport,
        transport_options={
            "data_folder_in": str(where / "queue"),
            "data_folder_out": str(where / "queue"),
            "control_folder": str(where / "control"),
            "temporary_folder": str(where / "tmp"),
            "polling_interval": 0.01,
        },
    )


def channel(folder: str | Path) -> Channel:
    opened: Any = connected(folder).default_channel
    assert isinstance(opened, Channel)
    return opened


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Start child processes of this test; none outlives it."""
    children: list[subprocess.Popen[str]] = []

    def start(program: str, *args: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", program, *map(str, args)]
        children.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return children[-1]

    yield start
    for child in children:
        if child.poll() is None:
            child.kill()
        child.communicate()


def finished(child: subprocess.Popen[str]) -> str:
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err[-2000:]
    return out


@pytest.mark.slow
def test_every_message_arrives_whole_and_once(tmp_path: Path, spawn: Spawn) -> None:
    readers = [spawn(READER, tmp_path) for _ in range(READERS)]
    writers = [spawn(WRITER, tmp_path, me, MESSAGES) for me in range(WRITERS)]
    for writer in writers:
        finished(writer)
    for _ in readers:
        channel(tmp_path)._put("q", {"id": END})
    got = [int(line) for reader in readers for line in finished(reader).split()]
    assert sorted(got) == list(range(MESSAGES * WRITERS))
    assert not list((tmp_path / "queue").iterdir())
    assert not list((tmp_path / "tmp").iterdir())


def test_processes_that_start_together_all_hear_what_is_for_all(tmp_path: Path, spawn: Spawn) -> None:
    start = time() + 1.5
    for child in [spawn(BINDER, tmp_path, me, start) for me in range(3)]:
        finished(child)
    for number in range(100):
        heard = {row.queue for row in channel(tmp_path).get_table(f"all-{number}")}
        assert heard == {f"{me}-{number}" for me in range(3)}


def test_its_folders_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    assert channel(folder)
    modes = {path.name: S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir()) if path.is_dir()}
    assert modes == {"broker": 0o700, "queue": 0o700, "control": 0o700, "tmp": 0o700}


def test_messages_come_in_the_order_in_which_they_were_sent(tmp_path: Path) -> None:
    here = channel(tmp_path)
    for number in range(20):
        here._put("q", {"id": number})
    assert [here._get("q")["id"] for _ in range(20)] == list(range(20))
    with pytest.raises(Empty):
        here._get("q")


def test_a_queue_gives_nobody_elses_messages(tmp_path: Path) -> None:
    here = channel(tmp_path)
    here._put("other", {"id": 1})
    with pytest.raises(Empty):
        here._get("q")
    assert here._get("other") == {"id": 1}


def test_a_draft_that_its_writer_did_not_finish_is_not_read(tmp_path: Path) -> None:
    here = channel(tmp_path)
    (tmp_path / "tmp" / "1_half.q.msg").write_text('{"id"')
    with pytest.raises(Empty):
        here._get("q")


def test_a_message_goes_through_kombu_from_end_to_end(tmp_path: Path) -> None:
    connection = connected(tmp_path)
    queue = Queue("work", Exchange("work", type="direct"), routing_key="work")
    got: list[object] = []
    with connection.Consumer([queue], callbacks=[lambda body, _: got.append(body)]):
        connection.Producer().publish(
            {"run": 7}, exchange=queue.exchange, routing_key="work", declare=[queue], serializer="json"
        )
        stored = [json.loads(path.read_text()) for path in (tmp_path / "queue").iterdir()]
        assert len(stored) == 1
        until = monotonic() + 5
        while not got and monotonic() < until:
            connection.drain_events(timeout=2)
    assert got == [{"run": 7}]
