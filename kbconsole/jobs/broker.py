"""The embedded broker: Celery's filesystem transport, with messages that appear whole or not at all.

As it ships, the transport writes a message in place: 3 of 6,000 reads saw half of one, which kills the worker.
And it moves what it reads through the shared temporary folder. Here both happen by rename inside a private folder.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from queue import Empty
from time import time_ns
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps, loads


class Channel(filesystem.Channel):
    """Needs the transport option `temporary_folder`, on the same file system as the queue's folder."""

    @property
    def temporary_folder(self) -> Path:
        return Path(self.transport_options["temporary_folder"])

    def _put(self, queue: str, payload: dict[str, Any], **kwargs: Any) -> None:
        name = f"{time_ns()}_{uuid.uuid4()}.{queue}.msg"
        draft = self.temporary_folder / name
        draft.write_text(dumps(payload))
        draft.rename(Path(self.data_folder_out) / name)

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        folder = Path(self.data_folder_in)
        for name in sorted(path.name for path in folder.iterdir()):
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


class Transport(filesystem.Transport):
    """Registered as `kbconsole-files` in kbconsole/celery.py."""

    Channel = Channel
