"""The embedded broker: Celery's filesystem transport, with messages that appear whole or not at all.

As it ships, the transport writes a message in place: 3 of 6,000 reads saw half of one, which kills the worker.
And it moves what it reads through the shared temporary folder. Here both happen by rename inside a private folder.
The table of who listens to what has the same trouble when several processes start together, and the same cure.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from time import time_ns
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps, loads


class Channel(filesystem.Channel):
    """Needs the transport option `temporary_folder`, on the same file system as the queue's folder."""

    def __init__(self, connection: Any, **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        queue = Path(self.data_folder_in)
        for folder in (queue.parent, queue, Path(self.control_folder), self.temporary_folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def temporary_folder(self) -> Path:
        return Path(self.transport_options["temporary_folder"])

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]
        name = f"{time_ns()}_{uuid.uuid4()}.{queue}.msg"
        draft = self.temporary_folder / name
        draft.write_text(dumps(payload))
        draft.rename(Path(self.data_folder_out) / name)

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        folder = Path(self.data_folder_in)
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries)
        for name in names:
            if name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = self.temporary_folder / f"taken_{name}"
            try:
                (folder / name).rename(taken)
            except FileNotFoundError:
                continue  # another worker process got there first
            text = taken.read_text()
            taken.unlink()
            message: dict[str, Any] = loads(text)
            return message
        raise Empty

    def _queue_bind(
        self, exchange: str, routing_key: str | None, pattern: str | None, queue: str | None
    ) -> None:
        file: Path = self._exchange_file(exchange)  # type: ignore[attr-defined]
        row = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        with self._writing_tables():
            rows = self.get_table(exchange)
            if row not in rows:
                draft = self.temporary_folder / f"{uuid.uuid4()}.exchange"
                draft.write_text(dumps([row, *rows]))
                draft.rename(file)

    @contextmanager
    def _writing_tables(self) -> Iterator[None]:
        with (Path(self.control_folder) / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


class Transport(filesystem.Transport):
    """Registered as `kbconsole-files` in kbconsole/celery.py."""

    Channel = Channel
