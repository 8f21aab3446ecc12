"""`python -m kbconsole.demo.serve --state FILE`: the embedded fleet as a process of its own."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.demo.server import PortBusy


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m kbconsole.demo.serve", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="the SQLite file that holds the fleet")
    parser.add_argument("--line", choices=("0.9", "1.0"), default="0.9", help="release line of KubeBlocks")
    parser.add_argument(
        "--kubeconfig-out", type=Path, help="write the console's kubeconfig here, the spare plane's beside it"
    )
    parser.add_argument(
        "--delay", type=float, default=1.0, help="about how long a pod or an address takes, seconds"
    )
    parser.add_argument("--interval", type=float, default=0.5, help="how often the controllers look, seconds")
    return parser.parse_args(arguments)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads; it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.rename(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; print one line when everything answers."""
    options = _options(arguments)
    if not settings.configured:
        # Nothing here needs the console's own settings, so the fleet also runs where there are none.
        settings.configure(KBCONSOLE_PLANE_ALLOW_LOOPBACK=True, USE_I18N=False)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    fleet = EmbeddedFleet(
        options.state, line=options.line, delay=options.delay, interval=options.interval, mesh=True
    )
    try:
        fleet.start()
    except (PortBusy, ValueError) as error:
        sys.stderr.write(f"The embedded fleet cannot start: {error}\n")
        return 1
    if options.kubeconfig_out:
        if fleet.spare:
            spare = options.kubeconfig_out.with_name(f"{fleet.spare}.kubeconfig")
            write_private(spare, fleet.kubeconfig(contexts=[fleet.spare]))
        write_private(options.kubeconfig_out, fleet.kubeconfig())
    names = ", ".join((fleet.control_plane, *fleet.data_planes))
    sys.stdout.write(f"The embedded fleet answers: {names}\n")
    sys.stdout.flush()
    while not stop.wait(1):
        pass  # a signal that comes just before a wait without an end is noticed only after it: never
    fleet.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
