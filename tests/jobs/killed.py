"""A worker that kills itself: `python -m tests.jobs.killed DATABASE`, told by lines on standard input where to die.

It starts Django once and forks for every line `{"run", "point", "position"}`; for each it prints the signal that the
fork ended by. The fork has the product's own functions wrapped; there are no fail-points in the product.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

import django
from django.conf import settings

POINTS = ("before-claim", "after-claim", "after-change", "after-settle")
RUN_POINTS = ("before-conclude", "in-conclude")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str, position: int) -> None:
    """Let this process die at a point of the step at that position."""
    from kbconsole.jobs import claims, runner  # noqa: PLC0415  Django is set up by now

    def wrap(module: Any, name: str, when: str, where: Any) -> None:
        real = getattr(module, name)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            hit = where(*args, **kwargs)
            if hit and when == "before":
                die()
            answer = real(*args, **kwargs)
            if hit and when == "after":
                die()
            return answer

        setattr(module, name, wrapped)

    match point:
        case "before-claim" | "after-claim":
            wrap(claims, "claim", point.split("-")[0], lambda run, row: row.position == position)
        case "after-change":
            wrap(
                runner,
                "execute_in_thread",
                "after",
                lambda *_, where, **__: where.endswith(f" step {position}"),
            )
        case "after-settle":
            wrap(claims, "settle", "after", lambda run, row, result: row.position == position)
        case "before-conclude":
            wrap(runner, "conclude", "before", lambda run_id: True)
        case "in-conclude":
            wrap(runner, "_end", "after", lambda run, rows: True)
        case _:
            raise ValueError(point)


def main(database: str) -> None:
    settings.DATABASES["default"]["NAME"] = database
    django.setup()
    from kbconsole.jobs import runner  # noqa: PLC0415
    from tests.jobs import folders  # noqa: F401, PLC0415  registers the job

    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            arm(order["point"], order["position"])
            runner.advance(order["run"])
            os._exit(0)
        print(-os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
